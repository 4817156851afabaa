"""Who may come in, and what they may touch: the use case in front of every request."""

from __future__ import annotations

from dataclasses import dataclass, field

from backend.audit.model import Action, AuditEntry
from backend.audit.ports import AuditLog
from backend.kit.clock import Clock
from backend.kit.errors import (
    Fault,
    ForbiddenError,
    MalformedRequestError,
    ProjectNotFoundError,
    ProjectRequiredError,
)
from backend.kit.ids import Ids
from backend.tenancy import keys
from backend.tenancy.cache import RecentCache
from backend.tenancy.model import (
    END_USER_HEADER,
    MOST_COMPAT_PROJECTS,
    PROJECT_HEADER,
    ApiKeyRecord,
    Caller,
    Project,
    ScopeMode,
    Tenant,
    end_users_differ,
    is_id,
)
from backend.tenancy.pepper import TenantMacs
from backend.tenancy.ports import Secrets, TenancyStore, Tokens
from backend.tenancy.refusal import Refusal, unauthorized
from backend.tenancy.scope import Scope, user_scope

CACHE_SECONDS = 5.0
"""How long a revoked key, a suspended tenant or an archived project may still be let in by a process that knew it."""

CACHE_SIZE = 1024
MOST_BESIDE = 20
"""Projects that are looked at besides the one that was asked for."""

WARN_SECONDS = 60.0
"""One `missing_scope` entry a caller and end user in this time, from each process: the log shows who, not how often."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request says of itself. Blank values are to be given as None."""

    api_key: str | None = field(default=None, repr=False)
    bearer: str | None = field(default=None, repr=False)
    tenant_id: str | None = None
    project_id: str | None = None
    end_user_id: str | None = None


class Access:
    """Authenticates requests and draws the line around what they may touch.

    What it looks up it remembers for less than five seconds, also that something is not there. Every refusal of a key or
    token is the same `UnauthorizedError`: unknown, mistyped, revoked, expired and of a vanished tenant cannot be told apart.
    """

    def __init__(  # noqa: PLR0913 - each is one thing it stands on
        self, *, store: TenancyStore, secrets: Secrets, tokens: Tokens, audit: AuditLog, clock: Clock, ids: Ids
    ) -> None:
        self._store = store
        self._secrets = secrets
        self._tokens = tokens
        self._audit = audit
        self._clock = clock
        self._ids = ids
        self._macs = TenantMacs(secrets)
        self._keys: RecentCache[str, ApiKeyRecord | None] = RecentCache(clock, CACHE_SECONDS, CACHE_SIZE)
        self._tenants: RecentCache[str, Tenant | None] = RecentCache(clock, CACHE_SECONDS, CACHE_SIZE)
        self._projects: RecentCache[tuple[str, str], Project | None] = RecentCache(clock, CACHE_SECONDS, CACHE_SIZE)
        self._live: RecentCache[str, tuple[str, ...]] = RecentCache(clock, CACHE_SECONDS, CACHE_SIZE)
        self._warned: RecentCache[tuple[str, str], None] = RecentCache(clock, WARN_SECONDS, CACHE_SIZE)

    def authenticate(self, credentials: Credentials) -> Caller:
        """Return who is calling, with the project resolved.

        Raises `UnauthorizedError`; `MalformedRequestError` for a key and a token at once, since one of them would be
        ignored; `ForbiddenError` for a suspended tenant, and for a tenant or project header that the key or token excludes;
        `ProjectNotFoundError`; `EndUserMismatchError` when the header is not the token's subject.
        """
        if credentials.api_key and credentials.bearer:
            faults = (Fault("header:Authorization", "Send either X-API-Key or Authorization, not both."),)
            msg = "Two ways of signing in at once."
            raise MalformedRequestError(msg, faults=faults)
        if credentials.api_key:
            return self._by_key(credentials.api_key, credentials)
        if credentials.bearer:
            return self._by_token(credentials.bearer, credentials)
        raise unauthorized(Refusal.NO_CREDENTIALS)

    def scope_for(self, caller: Caller, end_user_id: str) -> Scope:
        """Return what this end user's request may touch.

        With a project: the end user's memories in it. Without one, a strict tenant's request is refused with
        `ProjectRequiredError`; a compat tenant's reads the end user's memories of no project (where it also writes) and of
        every live project, and leaves a `missing_scope` entry in the audit log. More projects than
        `MOST_COMPAT_PROJECTS` are refused with `ProjectRequiredError` rather than read in part.
        """
        if caller.project_id is not None:
            return user_scope(caller.tenant_id, caller.project_id, caller.environment, end_user_id)
        if caller.scope_mode is ScopeMode.STRICT:
            msg = "This tenant answers only within a project."
            raise _project_required(msg)
        projects = self._live.get(caller.tenant_id, lambda: self._live_projects(caller.tenant_id))
        if len(projects) > MOST_COMPAT_PROJECTS:
            msg = f"This tenant has more than {MOST_COMPAT_PROJECTS} projects, too many to answer from all of them."
            raise _project_required(msg)
        self._warn(caller, end_user_id)
        return user_scope(caller.tenant_id, None, caller.environment, end_user_id, also_projects=projects)

    def beside(self, caller: Caller, end_user_id: str) -> tuple[Scope | None, bool]:
        """Return where else this caller could have asked for the same end user, and whether that is all of it.

        These are the tenant's other live projects, and in compat mode the place without a project: another X-Project-ID opens
        them. Nothing for a key or token that is bound to its project, and for a request that reads all projects as it is.
        """
        if caller.is_bound or caller.project_id is None:
            return None, True
        projects = self._live.get(caller.tenant_id, lambda: self._live_projects(caller.tenant_id))
        others: list[str | None] = [each for each in projects if each != caller.project_id]
        if caller.scope_mode is ScopeMode.COMPAT:
            others.insert(0, None)
        some = others[:MOST_BESIDE]
        if not some:
            return None, True
        scope = user_scope(caller.tenant_id, some[0], caller.environment, end_user_id, also_projects=tuple(some[1:]))
        return scope, len(some) == len(others)

    def _by_key(self, text: str, credentials: Credentials) -> Caller:
        key = keys.parse(text)
        if key is None:
            raise unauthorized(Refusal.KEY_MALFORMED)
        record = self._keys.get(key.public_id, lambda: self._store.key(key.public_id))
        same = keys.is_same(self._secrets.pepper(), key, record.mac if record else None)
        if record is None or not same or record.environment is not key.environment:
            raise unauthorized(Refusal.KEY_UNKNOWN)
        now = self._clock.now()
        if record.revoked_at is not None:
            raise unauthorized(Refusal.KEY_REVOKED)
        if record.expires_at is not None and record.expires_at <= now:
            raise unauthorized(Refusal.KEY_EXPIRED)
        tenant = self._tenant(record.tenant_id, credentials)
        return Caller(
            tenant_id=tenant.tenant_id,
            environment=record.environment,
            scopes=record.scopes,
            scope_mode=tenant.scope_mode,
            actor=f"key:{record.public_id}",
            project_id=self._project(tenant.tenant_id, record.project_id, credentials.project_id),
            end_user_id=credentials.end_user_id,
            key_id=record.public_id,
            is_bound=record.project_id is not None,
        )

    def _by_token(self, text: str, credentials: Credentials) -> Caller:
        claims = self._tokens.verify(text)
        tenant = self._tenant(claims.issuer.tenant_id, credentials)
        if credentials.end_user_id is not None and credentials.end_user_id != claims.end_user_id:
            pointer = f"header:{END_USER_HEADER}"
            raise end_users_differ(pointer)
        return Caller(
            tenant_id=tenant.tenant_id,
            environment=claims.issuer.environment,
            scopes=claims.scopes,
            scope_mode=tenant.scope_mode,
            actor=f"token:{claims.issuer.issuer_hash[:16]}",
            project_id=self._project(tenant.tenant_id, claims.project_id, credentials.project_id),
            end_user_id=claims.end_user_id,
            is_bound=claims.project_id is not None,
        )

    def _tenant(self, tenant_id: str, credentials: Credentials) -> Tenant:
        """Return the tenant of a key or token that is good."""
        if credentials.tenant_id is not None and credentials.tenant_id != tenant_id:
            # Nothing is looked up, so the answer is the same for a tenant that exists and for one that does not.
            msg = "The key or token does not belong to the tenant that X-Tenant-ID names."
            raise ForbiddenError(msg, faults=(Fault("header:X-Tenant-ID", "Leave this header out."),))
        tenant = self._tenants.get(tenant_id, lambda: self._store.tenant(tenant_id))
        if tenant is None:
            raise unauthorized(Refusal.TENANT_UNKNOWN)
        if tenant.suspended:
            # Only who holds a good key learns this, and they have to: a 401 would send them looking for a fault in it.
            msg = "This tenant is suspended."
            raise ForbiddenError(msg)
        return tenant

    def _project(self, tenant_id: str, locked: str | None, named: str | None) -> str | None:
        """Return the project of the request.

        A locked key or token that names another project gets `ForbiddenError` before anything is looked up: the answer
        says nothing of whether that project exists. Otherwise the lookup is within the tenant, so another tenant's project,
        an archived one and one that never was are all the same `ProjectNotFoundError`.
        """
        if locked is not None and named is not None and named != locked:
            msg = "The key or token is bound to another project."
            cure = "Leave this header out, or use a key of that project."
            raise ForbiddenError(msg, faults=(Fault(f"header:{PROJECT_HEADER}", cure),))
        project_id = locked if locked is not None else named
        if project_id is None:
            return None
        if is_id(project_id):
            project = self._projects.get((tenant_id, project_id), lambda: self._store.project(tenant_id, project_id))
            if project is not None and not project.archived:
                return project_id
        msg = "You have no project with this id."
        raise ProjectNotFoundError(msg, faults=(Fault(f"header:{PROJECT_HEADER}", "Name a project of yours."),))

    def _live_projects(self, tenant_id: str) -> tuple[str, ...]:
        return tuple(each.project_id for each in self._store.projects(tenant_id) if not each.archived)

    def _warn(self, caller: Caller, end_user_id: str) -> None:
        # An end user's id may be a mail address: the log gets its MAC, which can be looked for but not read.
        end_user = self._macs.of(caller.tenant_id).mac("audit-end-user", end_user_id)
        entry = AuditEntry(
            entry_id=self._ids.new("aud"),
            tenant_id=caller.tenant_id,
            at=self._clock.now(),
            actor=caller.actor,
            action=Action.MISSING_SCOPE,
            target=f"tenant:{caller.tenant_id}",
            environment=caller.environment.value,
            details={"end_user_mac": end_user},
        )
        self._warned.get((caller.actor, end_user), lambda: self._audit.record(entry))


def _project_required(detail: str) -> ProjectRequiredError:
    cure = f"Send {PROJECT_HEADER}, or use a key that is bound to a project."
    return ProjectRequiredError(detail, faults=(Fault(f"header:{PROJECT_HEADER}", cure),))
