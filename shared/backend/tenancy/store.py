"""Tenancy in DynamoDB.

| pk | sk | what |
|---|---|---|
| `T#<tenant>` | `TENANT` | the tenant |
| same | `PROJECT#<project>` | a project |
| same | `KEY#<public id>` | list entry: this key is the tenant's |
| same | `ISSUER#<hash>` | list entry: this issuer is the tenant's |
| same | `SETTING#<name>` | what the tenant has set, as JSON text |
| `KEY#<public id>` | `KEY` | the key's record: one GetItem a request |
| `ISS#<hash>` | `ISSUER` | the issuer's record, under the SHA-256 of its name |
| `TENANTS` | `<tenant>` | list entry: the directory of tenants |
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from backend.kit.clock import to_rfc3339
from backend.kit.deletion_marks import mark, unmark
from backend.kit.dynamodb import (
    Check,
    ConditionFailedError,
    Delete,
    Item,
    Put,
    Table,
    TransactionCanceledError,
    attribute,
    set_to,
    transact,
)
from backend.kit.dynamodb.table import Write
from backend.kit.errors import ConflictError, KeyNotFoundError, ProjectNotFoundError, TenantNotFoundError
from backend.kit.ids import Ids
from backend.tenancy import items
from backend.tenancy.model import ApiKeyRecord, Project, ScopeMode, Tenant, TokenIssuer, issuer_hash

TAKEN = "This id is taken."

# Nothing stands under this key yet.
FREE = attribute("pk").does_not_exist()
# What is to be changed or counted on is there.
THERE = attribute("pk").exists()
# The key was never revoked.
UNREVOKED = attribute("revoked_at").does_not_exist()


class DynamoTenancyStore:
    """One table. A record and its list entry are written in one transaction; all reads are consistent."""

    def __init__(self, table: Table, ids: Ids) -> None:
        self._table = table
        self._ids = ids

    def add_tenant(self, tenant: Tenant) -> None:
        """Store the tenant and its entry in the directory."""
        entry = {"pk": items.DIRECTORY, "sk": tenant.tenant_id}
        try:
            self._together(Put(self._table, items.of_tenant(tenant), FREE), Put(self._table, entry))
        except TransactionCanceledError as refused:
            raise ConflictError(TAKEN) from refused

    def tenant(self, tenant_id: str) -> Tenant | None:
        """Return the tenant."""
        item = self._table.get(*items.tenant_key(tenant_id))
        return items.to_tenant(item) if item else None

    def tenants(self) -> Sequence[Tenant]:
        """Return all tenants by id."""
        ids = [entry["sk"] for entry in self._listed(items.DIRECTORY)]
        found = self._table.get_many([items.tenant_key(each) for each in ids])
        return sorted((items.to_tenant(item) for item in found), key=lambda each: each.tenant_id)

    def change_tenant(self, tenant_id: str, *, scope_mode: ScopeMode | None = None, suspended: bool | None = None) -> Tenant:
        """Change what is given."""
        changes = {"scope_mode": scope_mode.value if scope_mode else None, "suspended": suspended}
        # Giving the tenant its own id again changes nothing, and makes a change of nothing a valid update.
        actions = [set_to("tenant_id", tenant_id)]
        actions += [set_to(name, value) for name, value in changes.items() if value is not None]
        try:
            item = self._table.update(*items.tenant_key(tenant_id), actions=actions, condition=THERE)
        except ConditionFailedError as refused:
            raise TenantNotFoundError from refused
        return items.to_tenant(item)

    def add_project(self, project: Project) -> None:
        """Store the project, if the tenant exists."""
        self._add(project.tenant_id, Put(self._table, items.of_project(project), FREE))

    def project(self, tenant_id: str, project_id: str) -> Project | None:
        """Return the tenant's project."""
        item = self._table.get(*items.project_key(tenant_id, project_id))
        return items.to_project(item) if item else None

    def projects(self, tenant_id: str) -> Sequence[Project]:
        """Return the tenant's projects by id."""
        return [items.to_project(item) for item in self._listed(items.tenant_partition(tenant_id), items.PROJECTS)]

    def change_project(self, tenant_id: str, project_id: str, *, archived: bool) -> Project:
        """Archive or restore the project."""
        try:
            item = self._table.update(
                *items.project_key(tenant_id, project_id), actions=[set_to("archived", archived)], condition=THERE
            )
        except ConditionFailedError as refused:
            raise ProjectNotFoundError from refused
        return items.to_project(item)

    def add_key(self, record: ApiKeyRecord) -> None:
        """Store the key and its list entry, if the tenant exists."""
        entry = {"pk": items.tenant_partition(record.tenant_id), "sk": items.KEYS + record.public_id}
        self._add(record.tenant_id, Put(self._table, items.of_key(record), FREE), Put(self._table, entry))

    def key(self, public_id: str) -> ApiKeyRecord | None:
        """Return the key."""
        item = self._table.get(*items.key_key(public_id))
        return items.to_key(item) if item else None

    def keys(self, tenant_id: str) -> Sequence[ApiKeyRecord]:
        """Return the tenant's keys by public id."""
        entries = self._listed(items.tenant_partition(tenant_id), items.KEYS)
        found = self._table.get_many([items.key_key(entry["sk"].removeprefix(items.KEYS)) for entry in entries])
        return sorted((items.to_key(item) for item in found), key=lambda each: each.public_id)

    def revoke_key(self, tenant_id: str, public_id: str, at: datetime) -> ApiKeyRecord:
        """Mark the key revoked, if it is the tenant's and was not."""
        # The key exists, for this tenant.
        ours = attribute("tenant_id") == tenant_id
        actions = [set_to("revoked_at", to_rfc3339(at))]
        try:
            item = self._table.update(*items.key_key(public_id), actions=actions, condition=ours & UNREVOKED)
        except ConditionFailedError as refused:
            if refused.item is None or refused.item["tenant_id"] != tenant_id:
                raise KeyNotFoundError from refused
            item = refused.item
        return items.to_key(item)

    def put_issuer(self, issuer: TokenIssuer) -> None:
        """Store the issuer and its list entry, if the tenant exists and no other has it."""
        # Nobody has this issuer, or this tenant has.
        ours = FREE | (attribute("tenant_id") == issuer.tenant_id)
        key, listed = items.issuer_key(issuer.issuer_hash), items.issuer_entry(issuer.tenant_id, issuer.issuer_hash)
        entry = Put(self._table, {"pk": listed[0], "sk": listed[1]})
        unmarked = (unmark(self._table, *key), unmark(self._table, *listed))
        self._add(issuer.tenant_id, Put(self._table, items.of_issuer(issuer), ours), entry, *unmarked)

    def issuer(self, issuer: str) -> TokenIssuer | None:
        """Return the issuer."""
        item = self._table.get(*items.issuer_key(issuer_hash(issuer)))
        return items.to_issuer(item) if item else None

    def issuers(self, tenant_id: str) -> Sequence[TokenIssuer]:
        """Return the tenant's issuers."""
        entries = self._listed(items.tenant_partition(tenant_id), items.ISSUERS)
        found = self._table.get_many([items.issuer_key(entry["sk"].removeprefix(items.ISSUERS)) for entry in entries])
        return [items.to_issuer(item) for item in found]

    def remove_issuer(self, tenant_id: str, issuer: str, at: datetime) -> None:
        """Remove the issuer and its list entry and leave marks of both, all together or nothing."""
        name = issuer_hash(issuer)
        key, entry = items.issuer_key(name), items.issuer_entry(tenant_id, name)
        ours = attribute("tenant_id") == tenant_id
        marks = (mark(self._table, *key, at), mark(self._table, *entry, at))
        try:
            self._together(Delete(self._table, key, ours), Delete(self._table, entry), *marks)
        except TransactionCanceledError:
            # Gone already, or another tenant's: either way this tenant has none.
            return

    def setting(self, tenant_id: str, name: str) -> Mapping[str, Any] | None:
        """Return what is set under this name."""
        item = self._table.get(*items.setting_key(tenant_id, name))
        return items.to_setting(item) if item else None

    def put_setting(self, tenant_id: str, name: str, value: Mapping[str, Any]) -> None:
        """Store or replace the setting, if the tenant exists."""
        self._add(tenant_id, Put(self._table, items.of_setting(tenant_id, name, value)))

    def _add(self, tenant_id: str, *writes: Write) -> None:
        """Write all of it, if the tenant exists and the first write's condition holds."""
        try:
            self._together(Check(self._table, items.tenant_key(tenant_id), THERE), *writes)
        except TransactionCanceledError as refused:
            if refused.reasons[0] is not None and refused.reasons[0].condition_failed:
                raise TenantNotFoundError from refused
            raise ConflictError(TAKEN) from refused

    def _together(self, *writes: Write) -> None:
        transact(self._table.seam, writes, self._ids.new("tx"))

    def _listed(self, partition: str, prefix: str = "") -> Iterator[Item]:
        where = attribute("sk").startswith(prefix) if prefix else None
        start: Item | None = None
        while True:
            page = self._table.query(partition, where=where, start=start, consistent=True)
            yield from page.items
            if not page.next_key:
                return
            start = page.next_key
