"""Tenancy in memory, for tests and tools."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from backend.kit.errors import (
    ConflictError,
    KeyNotFoundError,
    ProjectNotFoundError,
    TableUnavailableError,
    TenantNotFoundError,
)
from backend.tenancy import items
from backend.tenancy.model import ApiKeyRecord, Project, ScopeMode, Tenant, TokenIssuer


class FakeTenancyStore:
    """Dictionaries. `calls` counts the reads by name; `down` makes every call fail as a table that does not answer."""

    def __init__(self) -> None:
        self.down = False
        self.calls: Counter[str] = Counter()
        self._tenants: dict[str, Tenant] = {}
        self._projects: dict[tuple[str, str], Project] = {}
        self._keys: dict[str, ApiKeyRecord] = {}
        self._issuers: dict[str, TokenIssuer] = {}
        self._settings: dict[tuple[str, str], items.Item] = {}

    def add_tenant(self, tenant: Tenant) -> None:
        """Store a new tenant."""
        self._answer("add_tenant")
        if tenant.tenant_id in self._tenants:
            raise ConflictError
        self._tenants[tenant.tenant_id] = tenant

    def tenant(self, tenant_id: str) -> Tenant | None:
        """Return the tenant."""
        self._answer("tenant")
        return self._tenants.get(tenant_id)

    def tenants(self) -> Sequence[Tenant]:
        """Return all tenants by id."""
        self._answer("tenants")
        return [self._tenants[each] for each in sorted(self._tenants)]

    def change_tenant(self, tenant_id: str, *, scope_mode: ScopeMode | None = None, suspended: bool | None = None) -> Tenant:
        """Change what is given."""
        self._answer("change_tenant")
        tenant = self._found(tenant_id)
        tenant = replace(
            tenant,
            scope_mode=tenant.scope_mode if scope_mode is None else scope_mode,
            suspended=tenant.suspended if suspended is None else suspended,
        )
        self._tenants[tenant_id] = tenant
        return tenant

    def add_project(self, project: Project) -> None:
        """Store a new project."""
        self._answer("add_project")
        self._found(project.tenant_id)
        if (project.tenant_id, project.project_id) in self._projects:
            raise ConflictError
        self._projects[project.tenant_id, project.project_id] = project

    def project(self, tenant_id: str, project_id: str) -> Project | None:
        """Return the tenant's project."""
        self._answer("project")
        return self._projects.get((tenant_id, project_id))

    def projects(self, tenant_id: str) -> Sequence[Project]:
        """Return the tenant's projects by id."""
        self._answer("projects")
        return [project for (owner, _), project in sorted(self._projects.items()) if owner == tenant_id]

    def change_project(self, tenant_id: str, project_id: str, *, archived: bool) -> Project:
        """Archive or restore the project."""
        self._answer("change_project")
        if (tenant_id, project_id) not in self._projects:
            raise ProjectNotFoundError
        project = replace(self._projects[tenant_id, project_id], archived=archived)
        self._projects[tenant_id, project_id] = project
        return project

    def add_key(self, record: ApiKeyRecord) -> None:
        """Store a new key."""
        self._answer("add_key")
        self._found(record.tenant_id)
        if record.public_id in self._keys:
            raise ConflictError
        self._keys[record.public_id] = record

    def key(self, public_id: str) -> ApiKeyRecord | None:
        """Return the key."""
        self._answer("key")
        return self._keys.get(public_id)

    def keys(self, tenant_id: str) -> Sequence[ApiKeyRecord]:
        """Return the tenant's keys by public id."""
        self._answer("keys")
        return [record for _, record in sorted(self._keys.items()) if record.tenant_id == tenant_id]

    def revoke_key(self, tenant_id: str, public_id: str, at: datetime) -> ApiKeyRecord:
        """Mark the key revoked."""
        self._answer("revoke_key")
        record = self._keys.get(public_id)
        if record is None or record.tenant_id != tenant_id:
            raise KeyNotFoundError
        record = replace(record, revoked_at=record.revoked_at or at)
        self._keys[public_id] = record
        return record

    def put_issuer(self, issuer: TokenIssuer) -> None:
        """Store or replace the tenant's issuer."""
        self._answer("put_issuer")
        self._found(issuer.tenant_id)
        there = self._issuers.get(issuer.issuer)
        if there is not None and there.tenant_id != issuer.tenant_id:
            raise ConflictError
        self._issuers[issuer.issuer] = issuer

    def issuer(self, issuer: str) -> TokenIssuer | None:
        """Return the issuer."""
        self._answer("issuer")
        return self._issuers.get(issuer)

    def issuers(self, tenant_id: str) -> Sequence[TokenIssuer]:
        """Return the tenant's issuers."""
        self._answer("issuers")
        return [issuer for issuer in self._issuers.values() if issuer.tenant_id == tenant_id]

    def remove_issuer(self, tenant_id: str, issuer: str, at: datetime) -> None:
        """Remove the tenant's issuer."""
        del at
        self._answer("remove_issuer")
        there = self._issuers.get(issuer)
        if there is not None and there.tenant_id == tenant_id:
            del self._issuers[issuer]

    def setting(self, tenant_id: str, name: str) -> Mapping[str, Any] | None:
        """Return what is set under this name."""
        self._answer("setting")
        item = self._settings.get((tenant_id, name))
        return items.to_setting(item) if item else None

    def put_setting(self, tenant_id: str, name: str, value: Mapping[str, Any]) -> None:
        """Store or replace the setting."""
        self._answer("put_setting")
        self._found(tenant_id)
        self._settings[tenant_id, name] = items.of_setting(tenant_id, name, value)

    def damage_setting(self, tenant_id: str, name: str) -> None:
        """Leave something under the setting's name that nobody can read."""
        self._settings[tenant_id, name] = {"value": "{"}

    def _found(self, tenant_id: str) -> Tenant:
        if tenant_id not in self._tenants:
            raise TenantNotFoundError
        return self._tenants[tenant_id]

    def _answer(self, call: str) -> None:
        self.calls[call] += 1
        if self.down:
            msg = "The table does not answer."
            raise TableUnavailableError(msg, retry_after=2)


class FakeSecrets:
    """A pepper that protects nothing."""

    def __init__(self, pepper: bytes = b"a pepper that protects nothing at all") -> None:
        self._pepper = pepper

    def pepper(self) -> bytes:
        """Return it."""
        return self._pepper
