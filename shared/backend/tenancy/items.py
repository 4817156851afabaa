"""How tenancy's records look in the table: keys, and one codec each way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from backend.kit.clock import from_rfc3339, to_rfc3339
from backend.kit.schema_versions import known
from backend.tenancy.model import ApiKeyRecord, Permission, Project, ScopeMode, Tenant, TokenIssuer, UnreadableSettingError
from backend.tenancy.scope import Environment

SCHEMA_VERSION = 1
DIRECTORY = "TENANTS"
PROJECTS = "PROJECT#"
KEYS = "KEY#"
ISSUERS = "ISSUER#"
ISSUER = "ISS#"
SETTINGS = "SETTING#"

Item = dict[str, Any]


def tenant_partition(tenant_id: str) -> str:
    """Return the partition of what belongs to the tenant."""
    return f"T#{tenant_id}"


def tenant_key(tenant_id: str) -> tuple[str, str]:
    """Return where the tenant stands."""
    return tenant_partition(tenant_id), "TENANT"


def project_key(tenant_id: str, project_id: str) -> tuple[str, str]:
    """Return where the project stands."""
    return tenant_partition(tenant_id), PROJECTS + project_id


def key_key(public_id: str) -> tuple[str, str]:
    """Return where the API key's record stands."""
    return KEYS + public_id, "KEY"  # nosemgrep: tenant-in-every-key - who calls is not known before this is read


def issuer_key(name: str) -> tuple[str, str]:
    """Return where the issuer with this hash stands."""
    return ISSUER + name, "ISSUER"  # nosemgrep: tenant-in-every-key - who calls is not known before this is read


def issuer_entry(tenant_id: str, name: str) -> tuple[str, str]:
    """Return where it is listed that the issuer with this hash is the tenant's."""
    return tenant_partition(tenant_id), ISSUERS + name


def setting_key(tenant_id: str, name: str) -> tuple[str, str]:
    """Return where the tenant's setting of this name stands."""
    return tenant_partition(tenant_id), SETTINGS + name


def of_tenant(tenant: Tenant) -> Item:
    """Return the tenant's item."""
    return {
        **_keyed(tenant_key(tenant.tenant_id)),
        "tenant_id": tenant.tenant_id,
        "name": tenant.name,
        "scope_mode": tenant.scope_mode.value,
        "created_at": to_rfc3339(tenant.created_at),
        "suspended": tenant.suspended,
    }


def to_tenant(item: Item) -> Tenant:
    """Return the tenant of an item. Raises `NewerReleaseError`."""
    known(item, SCHEMA_VERSION)
    return Tenant(
        tenant_id=item["tenant_id"],
        name=item["name"],
        scope_mode=ScopeMode(item["scope_mode"]),
        created_at=from_rfc3339(item["created_at"]),
        suspended=item["suspended"],
    )


def of_project(project: Project) -> Item:
    """Return the project's item."""
    return {
        **_keyed(project_key(project.tenant_id, project.project_id)),
        "tenant_id": project.tenant_id,
        "project_id": project.project_id,
        "name": project.name,
        "created_at": to_rfc3339(project.created_at),
        "archived": project.archived,
    }


def to_project(item: Item) -> Project:
    """Return the project of an item. Raises `NewerReleaseError`."""
    known(item, SCHEMA_VERSION)
    return Project(
        tenant_id=item["tenant_id"],
        project_id=item["project_id"],
        name=item["name"],
        created_at=from_rfc3339(item["created_at"]),
        archived=item["archived"],
    )


def of_key(record: ApiKeyRecord) -> Item:
    """Return the key's item."""
    return {
        **_keyed(key_key(record.public_id)),
        "public_id": record.public_id,
        "tenant_id": record.tenant_id,
        "name": record.name,
        "environment": record.environment.value,
        "scopes": sorted(scope.value for scope in record.scopes),
        "created_at": to_rfc3339(record.created_at),
        "mac": record.mac,
        "project_id": record.project_id,
        "expires_at": _written(record.expires_at),
        "revoked_at": _written(record.revoked_at),
    }


def to_key(item: Item) -> ApiKeyRecord:
    """Return the key's record of an item. Raises `NewerReleaseError`."""
    known(item, SCHEMA_VERSION)
    return ApiKeyRecord(
        public_id=item["public_id"],
        tenant_id=item["tenant_id"],
        name=item["name"],
        environment=Environment(item["environment"]),
        scopes=frozenset(map(Permission, item["scopes"])),
        created_at=from_rfc3339(item["created_at"]),
        mac=item["mac"],
        project_id=item.get("project_id"),
        expires_at=_read(item.get("expires_at")),
        revoked_at=_read(item.get("revoked_at")),
    )


def of_issuer(issuer: TokenIssuer) -> Item:
    """Return the issuer's item."""
    return {
        **_keyed(issuer_key(issuer.issuer_hash)),
        "issuer": issuer.issuer,
        "tenant_id": issuer.tenant_id,
        "audience": issuer.audience,
        "environment": issuer.environment.value,
        "scopes": sorted(scope.value for scope in issuer.scopes),
        "jwks": issuer.jwks,
        "jwks_url": issuer.jwks_url,
    }


def to_issuer(item: Item) -> TokenIssuer:
    """Return the issuer of an item. Raises `NewerReleaseError`."""
    known(item, SCHEMA_VERSION)
    return TokenIssuer(
        issuer=item["issuer"],
        tenant_id=item["tenant_id"],
        audience=item["audience"],
        environment=Environment(item["environment"]),
        scopes=frozenset(map(Permission, item["scopes"])),
        jwks=item.get("jwks"),
        jwks_url=item.get("jwks_url"),
    )


def of_setting(tenant_id: str, name: str, value: Mapping[str, Any]) -> Item:
    """Return the setting's item. Its value is JSON text: a table's own map would read 1.0 back as 1, and null as nothing."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True)
    return {**_keyed(setting_key(tenant_id, name)), "tenant_id": tenant_id, "name": name, "value": text}


def to_setting(item: Item) -> dict[str, Any]:
    """Return the value of a setting's item. Raises `UnreadableSettingError`, `NewerReleaseError`."""
    known(item, SCHEMA_VERSION)
    try:
        value = json.loads(item["value"])
    except (KeyError, TypeError, ValueError):
        raise UnreadableSettingError from None
    if not isinstance(value, dict):
        raise UnreadableSettingError
    return value


def _keyed(key: tuple[str, str]) -> Item:
    return {"pk": key[0], "sk": key[1], "schema_version": SCHEMA_VERSION}


def _written(moment: datetime | None) -> str | None:
    return to_rfc3339(moment) if moment else None


def _read(text: str | None) -> datetime | None:
    return from_rfc3339(text) if text else None
