"""The operators' commands: one JSON object each, as the operator function takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from backend.kit.clock import as_utc, to_rfc3339
from backend.kit.errors import Fault, ValidationFailedError
from backend.tenancy.model import MEMORY_SETTING, ApiKeyRecord, InForce, Permission, Project, ScopeMode, Tenant, TokenIssuer
from backend.tenancy.scope import Environment
from backend.tenancy.service import Tenancy

_SECRETS = frozenset({"mac"})


class _Command(BaseModel):
    """A command; a field that it does not have is refused, so that no wish is dropped silently."""

    model_config = ConfigDict(extra="forbid")


class CreateTenant(_Command):
    """Create a tenant; the same id and name again is no error."""

    action: Literal["create_tenant"]
    name: str
    tenant_id: str | None = None
    scope_mode: ScopeMode = ScopeMode.STRICT


class SetScopeMode(_Command):
    """Say what requests without a project get."""

    action: Literal["set_scope_mode"]
    tenant_id: str
    scope_mode: ScopeMode


class SuspendTenant(_Command):
    """Lock a tenant's keys and tokens out, or let them in again."""

    action: Literal["suspend_tenant"]
    tenant_id: str
    suspended: bool = True


class CreateProject(_Command):
    """Create a project; the same id and name again is no error."""

    action: Literal["create_project"]
    tenant_id: str
    name: str
    project_id: str | None = None


class ArchiveProject(_Command):
    """Make a project answer as if it were not there, or bring it back."""

    action: Literal["archive_project"]
    tenant_id: str
    project_id: str
    archived: bool = True


class CreateKey(_Command):
    """Create an API key. The answer is the one place where it can be read."""

    action: Literal["create_key"]
    tenant_id: str
    name: str
    environment: Environment = Environment.LIVE
    scopes: list[Permission] = [Permission.MEMORY_ALL]
    project_id: str | None = None
    expires_at: datetime | None = None


class RevokeKey(_Command):
    """Refuse a key from now on, everywhere within five seconds."""

    action: Literal["revoke_key"]
    tenant_id: str
    public_id: str


class ConfigureIssuer(_Command):
    """Trust an issuer's tokens: its keys are given as `jwks` (a JSON text) or fetched from `jwks_url`."""

    action: Literal["configure_issuer"]
    tenant_id: str
    issuer: str
    audience: str
    environment: Environment = Environment.LIVE
    scopes: list[Permission] = [Permission.MEMORY_ALL]
    jwks: str | None = None
    jwks_url: str | None = None


class RemoveIssuer(_Command):
    """Stop trusting an issuer."""

    action: Literal["remove_issuer"]
    tenant_id: str
    issuer: str


class SetMemoryPolicy(_Command):
    """Say what is done with what the tenant is told. What `policy` leaves out has its default."""

    action: Literal["set_memory_policy"]
    tenant_id: str
    policy: dict[str, Any]


class ShowMemoryPolicy(_Command):
    """Show what is done with what the tenant is told."""

    action: Literal["show_memory_policy"]
    tenant_id: str


class List(_Command):
    """List what there is: tenants, or what a tenant has."""

    action: Literal["list_tenants", "list_projects", "list_keys", "list_issuers"]
    tenant_id: str = ""


Command = Annotated[
    CreateTenant
    | SetScopeMode
    | SuspendTenant
    | CreateProject
    | ArchiveProject
    | CreateKey
    | RevokeKey
    | ConfigureIssuer
    | RemoveIssuer
    | SetMemoryPolicy
    | ShowMemoryPolicy
    | List,
    Field(discriminator="action"),
]
_COMMANDS: TypeAdapter[Command] = TypeAdapter(Command)


def perform(tenancy: Tenancy, command: dict[str, Any]) -> dict[str, Any]:
    """Do one command and return what it made or found. Raises `ValidationFailedError` and what the use case raises."""
    try:
        parsed = _COMMANDS.validate_python(command)
    except ValidationError as error:
        faults = tuple(Fault("/" + "/".join(map(str, each["loc"][1:])), each["msg"]) for each in error.errors())
        msg = "The command cannot be carried out: " + "; ".join(f"{fault.pointer}: {fault.detail}" for fault in faults)
        raise ValidationFailedError(msg, faults=faults) from None
    return _carried_out(tenancy, parsed)


def _carried_out(tenancy: Tenancy, command: Command) -> dict[str, Any]:  # noqa: C901, PLR0911 - one case a command
    match command:
        case CreateTenant():
            return _shown(tenancy.create_tenant(command.name, command.scope_mode, command.tenant_id))
        case SetScopeMode():
            return _shown(tenancy.set_scope_mode(command.tenant_id, command.scope_mode))
        case SuspendTenant():
            return _shown(tenancy.set_suspended(command.tenant_id, suspended=command.suspended))
        case CreateProject():
            return _shown(tenancy.create_project(command.tenant_id, command.name, command.project_id))
        case ArchiveProject():
            return _shown(tenancy.set_archived(command.tenant_id, command.project_id, archived=command.archived))
        case CreateKey():
            return _created(tenancy, command)
        case RevokeKey():
            return _shown(tenancy.revoke_key(command.tenant_id, command.public_id))
        case ConfigureIssuer():
            wanted = command.model_dump(exclude={"action", "scopes"})
            return _shown(tenancy.configure_issuer(TokenIssuer(**wanted, scopes=frozenset(command.scopes))))
        case RemoveIssuer():
            tenancy.remove_issuer(command.tenant_id, command.issuer)
            return {"issuer": command.issuer, "removed": True}
        case SetMemoryPolicy():
            return _policy(command.tenant_id, tenancy.set_setting(command.tenant_id, MEMORY_SETTING, command.policy, "/policy"))
        case ShowMemoryPolicy():
            return _policy(command.tenant_id, tenancy.setting(command.tenant_id, MEMORY_SETTING))
        case List():
            return {"items": [_shown(each) for each in _listed(tenancy, command)]}


def _policy(tenant_id: str, found: InForce) -> dict[str, Any]:
    return {"tenant_id": tenant_id, "policy": dict(found.value), "unreadable": list(found.unreadable)}


def _created(tenancy: Tenancy, command: CreateKey) -> dict[str, Any]:
    new = tenancy.create_key(
        command.tenant_id,
        command.name,
        command.environment,
        command.scopes,
        project_id=command.project_id,
        expires_at=as_utc(command.expires_at) if command.expires_at else None,
    )
    return {**_shown(new.record), "api_key": new.text}


def _listed(tenancy: Tenancy, command: List) -> Iterable[Tenant | Project | ApiKeyRecord | TokenIssuer]:
    of_a_tenant: dict[str, Callable[[str], Iterable[Project | ApiKeyRecord | TokenIssuer]]] = {
        "list_projects": tenancy.list_projects,
        "list_keys": tenancy.list_keys,
        "list_issuers": tenancy.list_issuers,
    }
    list_of = of_a_tenant.get(command.action)
    return list_of(command.tenant_id) if list_of else tenancy.list_tenants()


def _shown(record: Tenant | Project | ApiKeyRecord | TokenIssuer) -> dict[str, Any]:
    return {each.name: _plain(getattr(record, each.name)) for each in fields(record) if each.name not in _SECRETS}


def _plain(value: object) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, datetime):
        return to_rfc3339(value)
    return sorted(value) if isinstance(value, frozenset) else value
