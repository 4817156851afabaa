"""What operators do: tenants, projects, keys, issuers, settings.

A change's audit entry is written before the change: no change goes unrecorded, and an entry may stand for one that then failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from backend.audit.model import Action, AuditEntry
from backend.audit.ports import AuditLog
from backend.kit.clock import Clock, from_rfc3339, to_rfc3339
from backend.kit.errors import (
    ConflictError,
    Fault,
    KeyNotFoundError,
    ProjectNotFoundError,
    TenantNotFoundError,
    ValidationFailedError,
)
from backend.kit.ids import Ids
from backend.tenancy import keys
from backend.tenancy.keys import RandomBytes
from backend.tenancy.model import (
    MOST_COMPAT_PROJECTS,
    MOST_NAME_CHARACTERS,
    ApiKeyRecord,
    InForce,
    Permission,
    Project,
    ScopeMode,
    Tenant,
    TokenIssuer,
    UnreadableSettingError,
    is_fetchable,
    is_id,
    is_name,
)
from backend.tenancy.ports import Secrets, SettingForm, TenancyStore, Tokens
from backend.tenancy.scope import Environment

OPERATOR = "operator"
MOST_ISSUER_CHARACTERS = 512


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key at the one moment when it can be read."""

    record: ApiKeyRecord
    text: str = field(repr=False)


class Tenancy:
    """The operators' use cases.

    Creating with an id that is given may be repeated: the same again returns what is there, something else under the same
    id raises `ConflictError`. Changes are seen by every request within five seconds. `ValidationFailedError` names the
    argument that is wrong. `settings` are the forms of the settings that there are, by name. `loopback_http` allows issuers
    on this machine over plain http.
    """

    def __init__(  # noqa: PLR0913 - each is one thing it stands on
        self,
        *,
        store: TenancyStore,
        secrets: Secrets,
        tokens: Tokens,
        audit: AuditLog,
        clock: Clock,
        ids: Ids,
        random_bytes: RandomBytes,
        settings: Mapping[str, SettingForm],
        loopback_http: bool = False,
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._tokens = tokens
        self._audit = audit
        self._clock = clock
        self._ids = ids
        self._random_bytes = random_bytes
        self._settings = settings
        self._loopback_http = loopback_http

    def create_tenant(self, name: str, scope_mode: ScopeMode = ScopeMode.STRICT, tenant_id: str | None = None) -> Tenant:
        """Create a tenant."""
        _check(is_name(name), "/name", _NAME_CURE)
        _check(tenant_id is None or is_id(tenant_id), "/tenant_id", _ID_CURE)
        tenant = Tenant(tenant_id or self._ids.new("ten"), name, scope_mode, self._now())
        there = self._store.tenant(tenant.tenant_id)
        if there is None:
            self._record(tenant.tenant_id, Action.TENANT_CREATED, f"tenant:{tenant.tenant_id}")
            self._store.add_tenant(tenant)
            return tenant
        if replace(there, created_at=tenant.created_at) != tenant:
            msg = "There is another tenant under this id."
            raise ConflictError(msg)
        return there

    def create_project(self, tenant_id: str, name: str, project_id: str | None = None) -> Project:
        """Create a project. Raises `TenantNotFoundError`; `ConflictError` when a compat tenant has as many as it may have."""
        _check(is_name(name), "/name", _NAME_CURE)
        _check(project_id is None or is_id(project_id), "/project_id", _ID_CURE)
        project = Project(tenant_id, project_id or self._ids.new("prj"), name, self._now())
        there = self._store.project(tenant_id, project.project_id)
        if there is None:
            self._check_room(tenant_id)
            self._record(tenant_id, Action.PROJECT_CREATED, f"project:{project.project_id}", project_id=project.project_id)
            self._store.add_project(project)
            return project
        if replace(there, created_at=project.created_at) != project:
            msg = "The tenant has another project under this id."
            raise ConflictError(msg)
        return there

    def create_key(  # noqa: PLR0913 - what a key is bound to
        self,
        tenant_id: str,
        name: str,
        environment: Environment,
        scopes: Iterable[Permission],
        *,
        project_id: str | None = None,
        expires_at: datetime | None = None,
    ) -> NewKey:
        """Create a key, bound to the project if one is given. Its text is nowhere to be had again.

        Raises `TenantNotFoundError`, `ProjectNotFoundError`.
        """
        _check(is_name(name), "/name", _NAME_CURE)
        scopes = frozenset(scopes)
        _check(bool(scopes), "/scopes", "Give at least one scope.")
        self._found(tenant_id)
        now = self._now()
        _check(expires_at is None or expires_at > now, "/expires_at", "Give a moment that is still to come.")
        if project_id is not None:
            self._live_project(tenant_id, project_id)
        key = keys.mint(environment, self._random_bytes)
        record = ApiKeyRecord(
            public_id=key.public_id,
            tenant_id=tenant_id,
            name=name,
            environment=environment,
            scopes=scopes,
            created_at=now,
            mac=keys.mac_of(self._secrets.pepper(), key),
            project_id=project_id,
            expires_at=_whole_ms(expires_at) if expires_at else None,
        )
        target = f"key:{record.public_id}"
        self._record(tenant_id, Action.KEY_CREATED, target, project_id=project_id, environment=environment)
        self._store.add_key(record)
        return NewKey(record, key.text)

    def revoke_key(self, tenant_id: str, public_id: str) -> ApiKeyRecord:
        """Revoke a key for ever. Raises `KeyNotFoundError`, also for another tenant's key."""
        there = self._store.key(public_id)
        if there is None or there.tenant_id != tenant_id:
            raise KeyNotFoundError
        if there.revoked_at is not None:
            return there
        target = f"key:{public_id}"
        self._record(tenant_id, Action.KEY_REVOKED, target, project_id=there.project_id, environment=there.environment)
        return self._store.revoke_key(tenant_id, public_id, self._now())

    def configure_issuer(self, issuer: TokenIssuer) -> TokenIssuer:
        """Trust this issuer's tokens; one that the tenant has is replaced.

        An issuer speaks for one tenant only: `ConflictError` when another tenant has it. Raises `TenantNotFoundError`.
        """
        whole = issuer.issuer.isprintable() and 0 < len(issuer.issuer) <= MOST_ISSUER_CHARACTERS
        _check(whole, "/issuer", f"Give the iss claim of the tokens, up to {MOST_ISSUER_CHARACTERS} characters.")
        whole = issuer.audience.isprintable() and 0 < len(issuer.audience) <= MOST_ISSUER_CHARACTERS
        _check(whole, "/audience", f"Give the aud claim of the tokens, up to {MOST_ISSUER_CHARACTERS} characters.")
        _check(bool(issuer.scopes), "/scopes", "Give at least one scope.")
        _check((issuer.jwks is None) != (issuer.jwks_url is None), "/jwks", "Give either jwks or jwks_url.")
        if issuer.jwks_url is not None:
            _check(is_fetchable(issuer.jwks_url, loopback_http=self._loopback_http), "/jwks_url", "Give an https address.")
        if issuer.jwks is not None:
            _check(self._has_keys(issuer.jwks), "/jwks", "Give a JWKS with a public key for EdDSA, ES256 or RS256.")
        self._found(issuer.tenant_id)
        target = f"issuer:{issuer.issuer_hash}"
        self._record(issuer.tenant_id, Action.ISSUER_CONFIGURED, target, environment=issuer.environment)
        self._store.put_issuer(issuer)
        return issuer

    def remove_issuer(self, tenant_id: str, issuer: str) -> None:
        """Stop trusting an issuer; one that the tenant does not have is no error."""
        there = self._store.issuer(issuer)
        if there is not None and there.tenant_id == tenant_id:
            self._record(tenant_id, Action.ISSUER_REMOVED, f"issuer:{there.issuer_hash}", environment=there.environment)
            self._store.remove_issuer(tenant_id, issuer, self._clock.now())

    def set_scope_mode(self, tenant_id: str, scope_mode: ScopeMode) -> Tenant:
        """Say what requests without a project get. Raises `ConflictError` when there are too many projects for compat."""
        if self._found(tenant_id).scope_mode is not scope_mode:
            if scope_mode is ScopeMode.COMPAT:
                self._check_count(tenant_id, more=0)
            self._record(tenant_id, Action.SCOPE_MODE_SET, f"tenant:{tenant_id}", details={"scope_mode": scope_mode.value})
            self._store.change_tenant(tenant_id, scope_mode=scope_mode)
        return self._found(tenant_id)

    def set_suspended(self, tenant_id: str, *, suspended: bool) -> Tenant:
        """Lock the tenant's keys and tokens out, or let them in again."""
        if self._found(tenant_id).suspended is not suspended:
            action = Action.TENANT_SUSPENDED if suspended else Action.TENANT_RESUMED
            self._record(tenant_id, action, f"tenant:{tenant_id}")
            self._store.change_tenant(tenant_id, suspended=suspended)
        return self._found(tenant_id)

    def set_archived(self, tenant_id: str, project_id: str, *, archived: bool) -> Project:
        """Make a project answer as if it were not there, or bring it back. Raises `ProjectNotFoundError`, `ConflictError`."""
        there = self._store.project(tenant_id, project_id)
        if there is None:
            raise ProjectNotFoundError
        if there.archived is archived:
            return there
        if not archived:
            self._check_room(tenant_id)
        action = Action.PROJECT_ARCHIVED if archived else Action.PROJECT_RESTORED
        self._record(tenant_id, action, f"project:{project_id}", project_id=project_id)
        return self._store.change_project(tenant_id, project_id, archived=archived)

    def set_setting(self, tenant_id: str, name: str, value: Mapping[str, Any], pointer: str = "") -> InForce:
        """Replace the tenant's setting by this JSON object and return what holds now: what it leaves out has its default.

        Faults point into the value, behind `pointer`.
        """
        self._found(tenant_id)
        wanted = self._settings[name].checked(value, pointer)
        if not self._is_set(tenant_id, name, wanted):
            # What is chosen, and of lists how long they are: names that somebody gave stay out of the log.
            details = {member: len(each) if isinstance(each, list) else str(each) for member, each in wanted.items()}
            self._record(tenant_id, Action.SETTING_CHANGED, f"setting:{name}", details=details)
            self._store.put_setting(tenant_id, name, wanted)
        return self.setting(tenant_id, name)

    def setting(self, tenant_id: str, name: str) -> InForce:
        """Return what holds of the tenant's setting."""
        self._found(tenant_id)
        try:
            return self._settings[name].in_force(self._store.setting(tenant_id, name))
        except UnreadableSettingError:
            return self._settings[name].unreadable()

    def list_tenants(self) -> Sequence[Tenant]:
        """Return all tenants by id."""
        return self._store.tenants()

    def list_projects(self, tenant_id: str) -> Sequence[Project]:
        """Return the tenant's projects by id."""
        self._found(tenant_id)
        return self._store.projects(tenant_id)

    def list_keys(self, tenant_id: str) -> Sequence[ApiKeyRecord]:
        """Return what is kept of the tenant's keys."""
        self._found(tenant_id)
        return self._store.keys(tenant_id)

    def list_issuers(self, tenant_id: str) -> Sequence[TokenIssuer]:
        """Return the tenant's issuers."""
        self._found(tenant_id)
        return self._store.issuers(tenant_id)

    def _found(self, tenant_id: str) -> Tenant:
        tenant = self._store.tenant(tenant_id)
        if tenant is None:
            raise TenantNotFoundError
        return tenant

    def _is_set(self, tenant_id: str, name: str, value: Mapping[str, Any]) -> bool:
        try:
            return self._store.setting(tenant_id, name) == value
        except UnreadableSettingError:
            return False

    def _live_project(self, tenant_id: str, project_id: str) -> None:
        project = self._store.project(tenant_id, project_id)
        if project is None or project.archived:
            raise ProjectNotFoundError

    def _check_room(self, tenant_id: str) -> None:
        if self._found(tenant_id).scope_mode is ScopeMode.COMPAT:
            self._check_count(tenant_id, more=1)

    def _check_count(self, tenant_id: str, *, more: int) -> None:
        live = sum(not each.archived for each in self._store.projects(tenant_id))
        if live + more > MOST_COMPAT_PROJECTS:
            msg = f"A tenant in compat mode has at most {MOST_COMPAT_PROJECTS} live projects: archive some, or set strict."
            raise ConflictError(msg)

    def _has_keys(self, jwks: str) -> bool:
        try:
            return bool(self._tokens.usable_keys(jwks))
        except ValueError:
            return False

    def _now(self) -> datetime:
        return _whole_ms(self._clock.now())

    def _record(  # noqa: PLR0913 - the facts of one entry
        self,
        tenant_id: str,
        action: Action,
        target: str,
        *,
        project_id: str | None = None,
        environment: Environment | None = None,
        details: Mapping[str, str | int] | None = None,
    ) -> None:
        entry = AuditEntry(
            entry_id=self._ids.new("aud"),
            tenant_id=tenant_id,
            at=self._clock.now(),
            actor=OPERATOR,
            action=action,
            target=target,
            project_id=project_id,
            environment=environment.value if environment else None,
            details=details or {},
        )
        self._audit.record(entry)


_NAME_CURE = f"Give 1 to {MOST_NAME_CHARACTERS} printable characters."
_ID_CURE = "Give 1 to 64 of A-Z a-z 0-9 _ . - with a letter or digit first."


def _check(holds: bool, pointer: str, cure: str) -> None:  # noqa: FBT001 - the condition is what it is about
    if not holds:
        msg = "A value is not allowed; see errors."
        raise ValidationFailedError(msg, faults=(Fault(pointer, cure),))


def _whole_ms(moment: datetime) -> datetime:
    """Return the moment as it is stored: to the millisecond."""
    return from_rfc3339(to_rfc3339(moment))
