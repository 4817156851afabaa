"""Who calls: every kind of principal there is, for every tenant, project and end user, with and without a project's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from tests.isolation.owners import LIVE, PROJECTS, TENANTS, TEST, USERS


class Kind(StrEnum):
    """What somebody signs in with."""

    KEY = "key"
    READING_KEY = "reading-key"
    BOUND_KEY = "bound-key"
    TOKEN = "token"
    BOUND_TOKEN = "bound-token"
    TEST_KEY = "test-key"
    NOBODY = "nobody"


BOUND = frozenset({Kind.BOUND_KEY, Kind.BOUND_TOKEN})
TOKENS = frozenset({Kind.TOKEN, Kind.BOUND_TOKEN})
EVERYTHING = frozenset({"memory:read", "memory:add", "memory:delete"})
PERMISSIONS = dict.fromkeys(Kind, EVERYTHING) | {Kind.READING_KEY: frozenset({"memory:read"}), Kind.NOBODY: frozenset()}


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who calls for one end user, out of one project, and may or may not name it in X-Project-ID."""

    kind: Kind
    tenant: str
    project: str
    user: str
    names_project: bool = True

    @property
    def environment(self) -> str:
        """Return the environment that the credential opens."""
        return TEST if self.kind is Kind.TEST_KEY else LIVE

    @property
    def resolved_project(self) -> str | None:
        """Return the project that the request runs in, if any."""
        return self.project if self.names_project or self.kind in BOUND else None

    @property
    def credential(self) -> tuple[Kind, str, str | None, str | None]:
        """Return which credential it is: its kind, tenant, project and end user, None where the credential leaves it open."""
        return (
            self.kind,
            self.tenant,
            self.project if self.kind in BOUND else None,
            self.user if self.kind in TOKENS else None,
        )

    def headers(self, credentials: Mapping[tuple[Kind, str, str | None, str | None], str]) -> dict[str, str]:
        """Return the headers that say who calls."""
        sent = {}
        if self.kind in TOKENS:
            sent["Authorization"] = f"Bearer {credentials[self.credential]}"
        elif self.kind is not Kind.NOBODY:
            sent["X-API-Key"] = credentials[self.credential]
        if self.kind not in TOKENS:
            sent["X-End-User-ID"] = self.user
        if self.names_project:
            sent["X-Project-ID"] = self.project
        return sent


def callers(kind: Kind) -> list[Caller]:
    """Return everybody of a kind: 2 tenants, 2 projects, 2 end users, with and without the header."""
    return [Caller(kind, *place) for place in product(TENANTS, PROJECTS, USERS, (True, False))]
