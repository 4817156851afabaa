"""Whose rows a call may touch. Every port takes a `Scope` or a scope key made here, never loose strings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote, unquote

NO_PROJECT = "-"


class Environment(StrEnum):
    """The partition of a tenant's data that a key opens; the middle of `ms_live_…`."""

    LIVE = "live"
    TEST = "test"
    DEV = "dev"


class Level(StrEnum):
    """How widely a memory is shared, narrowest first."""

    USER = "USER"
    CUSTOMER = "CUSTOMER"
    CLIENT = "CLIENT"


def scope_key(tenant_id: str, project_id: str | None, environment: Environment, level: Level, holder: str = "") -> str:
    """Return `tenant#project#environment#LEVEL#holder`, the one name of a place that memories live in.

    Parts are percent-encoded, so no id can reach into another part. The holder is the end user's or customer's id; empty for
    CLIENT.
    """
    parts = (tenant_id, project_id or NO_PROJECT, environment.value, level.value, holder)
    return "#".join(quote(part, safe="-_.:@") for part in parts)


def project_of(key: str) -> str | None:
    """Return the project of a scope key, None for no project."""
    project = unquote(key.split("#")[1])
    return None if project == NO_PROJECT else project


def tenant_of(key: str) -> str:
    """Return the tenant whose scope key this is."""
    return unquote(key.partition("#")[0])


@dataclass(frozen=True, slots=True)
class Scope:
    """A tenant and the ordered chain of scope keys that one call may read, narrowest first; the first is where it writes.

    `project_id` is None in compat mode without a project: then the chain spans the tenant's projects and none.
    """

    tenant_id: str
    project_id: str | None
    environment: Environment
    end_user_id: str
    keys: tuple[str, ...]

    @property
    def home(self) -> str:
        """The scope key that writes go to."""
        return self.keys[0]

    def __contains__(self, key: object) -> bool:
        """Tell whether rows under this scope key may be read."""
        return key in self.keys


def user_scope(
    tenant_id: str,
    project_id: str | None,
    environment: Environment,
    end_user_id: str,
    also_projects: tuple[str | None, ...] = (),
) -> Scope:
    """Return the scope of one end user in one project, or, with `also_projects`, over these projects as well."""
    projects = dict.fromkeys((project_id, *also_projects))
    return Scope(
        tenant_id=tenant_id,
        project_id=project_id,
        environment=environment,
        end_user_id=end_user_id,
        keys=tuple(scope_key(tenant_id, each, environment, Level.USER, end_user_id) for each in projects),
    )
