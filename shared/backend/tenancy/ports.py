"""What tenancy needs of the world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from backend.tenancy.model import ApiKeyRecord, InForce, Project, ScopeMode, Tenant, TokenClaims, TokenIssuer


class TenancyStore(Protocol):
    """The record of tenants, projects, keys, issuers and settings. Every read is consistent: it sees what the last write left.

    Times are kept to the millisecond. Every method raises what the table raises.
    """

    def add_tenant(self, tenant: Tenant) -> None:
        """Store a new tenant; raise `ConflictError` if its id is taken."""

    def tenant(self, tenant_id: str) -> Tenant | None:
        """Return the tenant."""

    def tenants(self) -> Sequence[Tenant]:
        """Return all tenants by id."""

    def change_tenant(self, tenant_id: str, *, scope_mode: ScopeMode | None = None, suspended: bool | None = None) -> Tenant:
        """Change what is given and return the tenant; raise `TenantNotFoundError`."""

    def add_project(self, project: Project) -> None:
        """Store a new project; raise `ConflictError` if its id is taken in the tenant, `TenantNotFoundError`."""

    def project(self, tenant_id: str, project_id: str) -> Project | None:
        """Return the tenant's project; another tenant's of the same id is another project."""

    def projects(self, tenant_id: str) -> Sequence[Project]:
        """Return the tenant's projects by id, archived ones too."""

    def change_project(self, tenant_id: str, project_id: str, *, archived: bool) -> Project:
        """Archive or restore the project and return it; raise `ProjectNotFoundError`."""

    def add_key(self, record: ApiKeyRecord) -> None:
        """Store a new key; raise `ConflictError` if its public id is taken, `TenantNotFoundError`."""

    def key(self, public_id: str) -> ApiKeyRecord | None:
        """Return the key with this public id, of whatever tenant."""

    def keys(self, tenant_id: str) -> Sequence[ApiKeyRecord]:
        """Return the tenant's keys by public id, revoked and expired ones too."""

    def revoke_key(self, tenant_id: str, public_id: str, at: datetime) -> ApiKeyRecord:
        """Mark the key revoked and return it; one that is revoked keeps its first time.

        Raises `KeyNotFoundError`, also for another tenant's key.
        """

    def put_issuer(self, issuer: TokenIssuer) -> None:
        """Store or replace the tenant's issuer; raise `ConflictError` if another tenant has it, `TenantNotFoundError`."""

    def issuer(self, issuer: str) -> TokenIssuer | None:
        """Return the issuer with exactly this name, of whatever tenant."""

    def issuers(self, tenant_id: str) -> Sequence[TokenIssuer]:
        """Return the tenant's issuers, in no order."""

    def remove_issuer(self, tenant_id: str, issuer: str, at: datetime) -> None:
        """Remove the tenant's issuer, for a later restore too; removing what is gone, or another tenant's, changes nothing."""

    def setting(self, tenant_id: str, name: str) -> Mapping[str, Any] | None:
        """Return what is set under this name, None where nothing is. Raises `UnreadableSettingError` for no JSON object."""

    def put_setting(self, tenant_id: str, name: str, value: Mapping[str, Any]) -> None:
        """Store or replace the setting, a JSON object whose meaning is its reader's affair; raise `TenantNotFoundError`."""


class SettingForm(Protocol):
    """What one kind of setting may be. Tenancy keeps settings for others and knows nothing of what they say."""

    def checked(self, value: Mapping[str, Any], pointer: str) -> Mapping[str, Any]:
        """Return what is to be stored. Raises `ValidationFailedError`, with pointers that begin with `pointer`."""

    def in_force(self, stored: Mapping[str, Any] | None) -> InForce:
        """Return what holds for whoever stored this, None for nothing. Never fails: what cannot be read is told."""

    def unreadable(self) -> InForce:
        """Return what holds where nothing of what is stored can be read."""


class Secrets(Protocol):
    """What must never stand beside the data it protects."""

    def pepper(self) -> bytes:
        """Return the pepper, at least 32 bytes, the same for ever. Raises `DependencyUnavailableError`."""


class Tokens(Protocol):
    """Reads bearer tokens."""

    def verify(self, text: str) -> TokenClaims:
        """Return what the token says; raise `UnauthorizedError` unless every part of it holds."""

    def usable_keys(self, jwks: str) -> Sequence[str]:
        """Return the key ids of a JWKS (JSON text) that could verify a token; raise `ValueError` for what is no JWKS."""


class KeyFetcher(Protocol):
    """Gets an issuer's JWKS."""

    def fetch(self, url: str) -> str:
        """Return the document at the address. Raises `DependencyUnavailableError` for anything but a whole answer in time."""
