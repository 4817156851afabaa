"""What a route says to know its caller: `caller: Reader`."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from urllib.parse import unquote_to_bytes

from fastapi import Depends, Header, Request, Response, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from pydantic.config import JsonDict

from backend import bootstrap
from backend.kit import observability
from backend.kit.errors import Fault, MalformedRequestError, UnauthorizedError, ValidationFailedError
from backend.tenancy.access import Access, Credentials
from backend.tenancy.model import END_USER_HEADER, PROJECT_HEADER, Caller, Permission, end_user_of
from backend.tenancy.refusal import Refusal, reason_of, unauthorized

TENANT_HEADER = "X-Tenant-ID"
KEY_HEADER = "X-API-Key"
WARNING_HEADER = "X-Scope-Warning"
PROJECT_MISSING = "project_missing"
MOST_HEADER_CHARACTERS = 256
_EXTENDED = re.compile(r"utf-8''((?:[A-Za-z0-9!#$&+.^_`|~-]|%[0-9A-Fa-f]{2})+)", re.IGNORECASE | re.ASCII)
_VALUE: JsonDict = {"maxLength": MOST_HEADER_CHARACTERS, "pattern": "^[ -~]*$"}
_LONGEST_EXTENDED = 3 * MOST_HEADER_CHARACTERS + len("UTF-8''")

# Of the plain form, which has no comma; RFC 8187's form is longer, and is what a pattern cannot tell apart from it.
_END_USER_VALUE: JsonDict = {"maxLength": _LONGEST_EXTENDED, "pattern": "^[ -+.-~-]*$"}

_KEY_SCHEME = APIKeyHeader(name=KEY_HEADER, scheme_name="ApiKey", description="ms_live_…", auto_error=False)
_TOKEN_SCHEME = HTTPBearer(
    scheme_name="Token", bearerFormat="JWT", description="A token of the tenant's issuer.", auto_error=False
)
_END_USER_HELP = (
    "Whose memories. ASCII as it is; anything else in the form of RFC 8187: UTF-8''Jos%C3%A9, "
    "or as user_id in the body. At most 256 bytes."
)


async def access() -> Access:
    """Return the use case; tests put their own in its place."""
    return bootstrap.container().access


def credentials_of(request: Request) -> Credentials:
    """Read the headers that say who is calling.

    A blank header counts as absent. Raises `MalformedRequestError` for a header that came twice, `ValidationFailedError` for a
    value that cannot be meant, `UnauthorizedError` for an `Authorization` that is not a bearer's.
    """
    return Credentials(
        api_key=_single(request, KEY_HEADER),
        bearer=_bearer(_single(request, "Authorization")),
        tenant_id=_plain(_single(request, TENANT_HEADER), TENANT_HEADER),
        project_id=_plain(_single(request, PROJECT_HEADER), PROJECT_HEADER),
        end_user_id=_end_user(_single(request, END_USER_HEADER)),
    )


def require(permission: Permission) -> Callable[..., Coroutine[Any, Any, Caller]]:
    """Return the dependency that lets in who holds this permission.

    It notes the caller's ids for the request's log line (never the end user's, which may be a mail address), and gives
    the answer its scope warning. For answers that a route builds itself the warning stands in
    `request.state.answer_headers` too, because FastAPI drops a dependency's headers from those.
    """

    # The arguments with an underscore stand in the OpenAPI document; the values are read from the request, strictly.
    async def caller(
        request: Request,
        response: Response,
        access: Annotated[Access, Depends(access)],
        _key: Annotated[str | None, Security(_KEY_SCHEME)],
        _token: Annotated[HTTPAuthorizationCredentials | None, Security(_TOKEN_SCHEME)],
        _project: Annotated[
            str | None, Header(alias=PROJECT_HEADER, description="Which project.", json_schema_extra=_VALUE)
        ] = None,
        _end_user: Annotated[
            str | None, Header(alias=END_USER_HEADER, description=_END_USER_HELP, json_schema_extra=_END_USER_VALUE)
        ] = None,
        _tenant: Annotated[
            str | None, Header(alias=TENANT_HEADER, description="Only the key's own tenant.", json_schema_extra=_VALUE)
        ] = None,
    ) -> Caller:
        try:
            caller = access.authenticate(credentials_of(request))
        except UnauthorizedError as error:
            observability.note(refused=reason_of(error))
            raise
        observability.note(
            tenant_id=caller.tenant_id,
            project_id=caller.project_id,
            environment=caller.environment.value,
            actor=caller.actor,
        )
        caller.require(permission)
        if caller.project_missing:
            observability.note(scope_warning=PROJECT_MISSING)
            response.headers[WARNING_HEADER] = PROJECT_MISSING
            request.state.answer_headers = {WARNING_HEADER: PROJECT_MISSING}
        return caller

    return caller


Reader = Annotated[Caller, Depends(require(Permission.MEMORY_READ))]
Writer = Annotated[Caller, Depends(require(Permission.MEMORY_ADD))]
Deleter = Annotated[Caller, Depends(require(Permission.MEMORY_DELETE))]


def _single(request: Request, name: str) -> str | None:
    values = request.headers.getlist(name)
    if len(values) > 1:
        msg = "A header came twice."
        raise MalformedRequestError(msg, faults=(Fault(f"header:{name}", "Send this header once."),))
    return (values[0].strip() or None) if values else None


def _bearer(value: str | None) -> str | None:
    if value is None:
        return None
    scheme, _, token = value.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise unauthorized(Refusal.NO_CREDENTIALS)
    return token.strip()


def _plain(value: str | None, name: str) -> str | None:
    if value is not None and not (value.isascii() and value.isprintable() and len(value) <= MOST_HEADER_CHARACTERS):
        cure = f"Send at most {MOST_HEADER_CHARACTERS} printable ASCII characters."
        msg = "A header's value is not one that can be used."
        raise ValidationFailedError(msg, faults=(Fault(f"header:{name}", cure),))
    return value


def _end_user(value: str | None) -> str | None:
    """Return the end user's id of the header.

    Clients send a character beyond ASCII as UTF-8 or as Latin-1, and gateways decode it as one or the other: the same
    person would get two ids. So what is not ASCII is refused, and RFC 8187's form, which is, carries it.
    """
    if value is None:
        return None
    pointer = f"header:{END_USER_HEADER}"
    if value[:7].lower() != "utf-8''":
        if not value.isascii():
            cure = "Send it as UTF-8''Jos%C3%A9 (RFC 8187), or as user_id in the body."
            msg = "The end user's id is not ASCII."
            raise ValidationFailedError(msg, faults=(Fault(pointer, cure),))
        if "," in value:
            # The gateway joins a header that came twice with a comma: nobody can tell "u1,u2" from u1 and u2.
            cure = "Send this header once; an id with a comma as UTF-8''a%2Cb (RFC 8187), or as user_id in the body."
            msg = "The end user's id holds a comma."
            raise ValidationFailedError(msg, faults=(Fault(pointer, cure),))
        return end_user_of(value, pointer)
    match = _EXTENDED.fullmatch(value) if len(value) <= _LONGEST_EXTENDED else None
    try:
        decoded = unquote_to_bytes(match[1]).decode() if match else ""
    except UnicodeDecodeError:
        decoded = ""
    return end_user_of(decoded, pointer)
