"""Tenants, projects, keys, issuers, settings, and the caller that a request turns out to be."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from backend.kit.errors import EndUserMismatchError, EndUserMissingError, Fault, ScopeDeniedError, ValidationFailedError
from backend.tenancy.scope import Environment

MOST_COMPAT_PROJECTS = 50
"""How many live projects a compat tenant may have: a recall without a project reads every one of them."""

MOST_NAME_CHARACTERS = 200
MOST_END_USER_BYTES = 256
"""In UTF-8. Percent-encoded three times as long in a scope key, it still fits a partition key of 2,048 bytes."""

END_USER_HEADER = "X-End-User-ID"
PROJECT_HEADER = "X-Project-ID"
MEMORY_SETTING = "memory"
"""The name of the setting that says what a tenant wants done with what it is told."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)


class ScopeMode(StrEnum):
    """What a request without a project gets."""

    STRICT = "strict"
    """Nothing: it is refused."""

    COMPAT = "compat"
    """The end user's own memories of all projects and of none, with a warning and an audit entry."""


class Permission(StrEnum):
    """What a key or token may do. A name that ends in `*` holds all of its area."""

    MEMORY_READ = "memory:read"
    MEMORY_ADD = "memory:add"
    MEMORY_DELETE = "memory:delete"
    MEMORY_ALL = "memory:*"
    INTEGRATIONS_ALL = "integrations:*"
    ORG_CROSS_PROJECT_READ = "org:cross_project_read"
    ORG_ALL = "org:*"

    def covers(self, needed: Permission) -> bool:
        """Tell whether holding this is enough for what is needed."""
        area, _, what = self.partition(":")
        return self == needed or (what == "*" and needed.startswith(f"{area}:"))


def narrowed(most: Iterable[Permission], asked: Iterable[Permission]) -> frozenset[Permission]:
    """Return what both lists allow: `memory:*` and `memory:read` meet in `memory:read`."""
    asked = tuple(asked)
    met = ((high, low) for high in most for low in asked)
    return frozenset(low if high.covers(low) else high for high, low in met if high.covers(low) or low.covers(high))


@dataclass(frozen=True, slots=True)
class Tenant:
    """A customer of the service: nothing is ever shared between two."""

    tenant_id: str
    name: str
    scope_mode: ScopeMode
    created_at: datetime
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class Project:
    """A part of a tenant's memories. An archived one answers as if it were not there and keeps what it holds."""

    tenant_id: str
    project_id: str
    name: str
    created_at: datetime
    archived: bool = False


@dataclass(frozen=True, slots=True)
class ApiKeyRecord:
    """What is kept of an API key: everything but the key. `mac` is its HMAC under the pepper, in hex."""

    public_id: str
    tenant_id: str
    name: str
    environment: Environment
    scopes: frozenset[Permission]
    created_at: datetime
    mac: str = field(repr=False)
    project_id: str | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Whose tokens speak for a tenant's end users. Exactly one of `jwks` (JSON text) and `jwks_url` is given.

    `scopes` are what its tokens may do at most, and what a token without a `scope` claim may do.
    """

    issuer: str
    tenant_id: str
    audience: str
    environment: Environment
    scopes: frozenset[Permission]
    jwks: str | None = None
    jwks_url: str | None = None

    @property
    def issuer_hash(self) -> str:
        """The name that the issuer is looked up by."""
        return issuer_hash(self.issuer)


@dataclass(frozen=True, slots=True)
class InForce:
    """What holds of a setting: every member, with defaults, and the names of those whose stored value cannot be read."""

    value: Mapping[str, Any]
    unreadable: tuple[str, ...] = ()


class UnreadableSettingError(Exception):
    """What stands under a setting's name is no JSON object. Says nothing of what it is."""


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """What a verified token says."""

    issuer: TokenIssuer
    end_user_id: str
    scopes: frozenset[Permission]
    project_id: str | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, and for whom.

    `end_user_id` comes from the header, or from the token's subject when there is a token. `actor` names the caller in the
    audit log: `key:<public id>` or `token:<issuer hash>`.
    """

    tenant_id: str
    environment: Environment
    scopes: frozenset[Permission]
    scope_mode: ScopeMode
    actor: str
    project_id: str | None = None
    end_user_id: str | None = None
    key_id: str | None = None
    is_bound: bool = False
    """Whether the key or token opens this one project only."""

    @property
    def project_missing(self) -> bool:
        """Tell whether the answer must carry `X-Scope-Warning: project_missing`."""
        return self.project_id is None and self.scope_mode is ScopeMode.COMPAT

    def require(self, needed: Permission) -> None:
        """Raise `ScopeDeniedError` unless the caller may do this."""
        if not any(held.covers(needed) for held in self.scopes):
            msg = f"This needs the scope {needed.value}, which the key or token does not have."
            raise ScopeDeniedError(msg, required_scope=needed.value)

    def acting_for(self, named_user_id: str | int | None = None, pointer: str = "/user_id") -> str:
        """Return the end user of this request, named by the header, the token or what stands at `pointer`.

        Raises `EndUserMissingError` when nobody is named, `EndUserMismatchError` when two are, `ValidationFailedError` for
        an id that cannot be one.
        """
        named = None if named_user_id is None else end_user_of(str(named_user_id), pointer)
        if self.end_user_id and named and self.end_user_id != named:
            raise end_users_differ(pointer)
        end_user_id = self.end_user_id or named
        if not end_user_id:
            cure = f"Send {END_USER_HEADER}, or user_id in the body."
            msg = "This route needs an end user."
            raise EndUserMissingError(msg, faults=(Fault(f"header:{END_USER_HEADER}", cure),))
        return end_user_id


def end_users_differ(pointer: str) -> EndUserMismatchError:
    """Return the error for two places that name different end users; neither is quoted."""
    cure = "Name the same end user as the header or token does, or leave it out here."
    return EndUserMismatchError("Two different end users are named.", faults=(Fault(pointer, cure),))


def end_user_of(text: str, pointer: str) -> str:
    """Return the end user's id exactly as given. Raises `ValidationFailedError`, which never quotes it."""
    if not is_end_user_id(text):
        cure = f"Send 1 to {MOST_END_USER_BYTES} bytes of printable characters, without a blank at either end."
        msg = "The end user's id is not one that can be used."
        raise ValidationFailedError(msg, faults=(Fault(pointer, cure),))
    return text


def is_end_user_id(text: str) -> bool:
    """Tell whether this can name an end user: printable, no outer blanks, 1 to 256 bytes."""
    # What is printable can be encoded: surrogates are not.
    return text.isprintable() and text == text.strip() and 0 < len(text.encode()) <= MOST_END_USER_BYTES


def is_id(text: str) -> bool:
    """Tell whether this can name a tenant or project: 1 to 64 of A-Z a-z 0-9 _ . - with a letter or digit first."""
    return _ID.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Tell whether this can be the name of a tenant, project or key, for people to read."""
    return text.isprintable() and text.strip() != "" and len(text) <= MOST_NAME_CHARACTERS


def issuer_hash(issuer: str) -> str:
    """Return the SHA-256 of the issuer's name in hex: a key of fixed length, whatever was configured."""
    return hashlib.sha256(issuer.encode()).hexdigest()


def is_fetchable(url: str, *, loopback_http: bool) -> bool:
    """Tell whether keys may be fetched from here: https; also http on this machine when `loopback_http` says so."""
    if not (url.isascii() and url.isprintable()):
        return False
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or port == 0 or "@" in parts.netloc:
        return False
    on_this_machine = host in {"localhost", "127.0.0.1", "::1"}
    return parts.scheme == "https" or (parts.scheme == "http" and on_this_machine and loopback_http)
