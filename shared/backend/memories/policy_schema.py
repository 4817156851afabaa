"""A tenant's memory policy as operators write it: `{"extraction": "llm", "personal_data": "redact"}`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from backend.extraction.model import Method
from backend.extraction.policy import ExtractionPolicy, GuardPolicy, Reaction
from backend.kit.errors import Fault, ValidationFailedError
from backend.kit.wire import Name
from backend.memories.policy import MemoryPolicy, Winner
from backend.tenancy.model import InForce

MOST_SOURCES = 50
LONGEST_STALE_DAYS = 36_500
_LONGEST_NAME_SHOWN = 64
_DEFAULT = MemoryPolicy()
_GUARDS = _DEFAULT.extraction.guards


def _each_once(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        msg = "Name each source once: its place says how far it is trusted."
        raise ValueError(msg)
    return names


class PolicyMembers(BaseModel):
    """The members and their defaults; those of the rules themselves, so that both are one."""

    model_config = ConfigDict(extra="forbid")

    extraction: Literal["rules", "llm"] = "rules"
    on_conflict: Winner = _DEFAULT.winner
    trusted_sources: Annotated[list[Name], Field(max_length=MOST_SOURCES), AfterValidator(_each_once)] = list(
        _DEFAULT.trusted_sources
    )
    secrets: Reaction = _GUARDS.secrets
    personal_data: Reaction = _GUARDS.personal
    # An order to a model has no part that could be taken out of it.
    injection: Literal["allow", "block", "quarantine"] = "quarantine"
    stale_after_days: Annotated[int, Field(strict=True, ge=1, le=LONGEST_STALE_DAYS)] = _DEFAULT.stale_after.days

    def policy(self) -> MemoryPolicy:
        """Return what the rules take."""
        guards = GuardPolicy(self.secrets, self.personal_data, Reaction(self.injection))
        extraction = ExtractionPolicy(Method(self.extraction), guards)
        stale_after = timedelta(days=self.stale_after_days)
        return MemoryPolicy(extraction, self.on_conflict, tuple(self.trusted_sources), stale_after)


STRICTEST: Mapping[str, Any] = {
    "extraction": "rules",
    "on_conflict": "ask",
    "trusted_sources": [],
    "secrets": "block",
    "personal_data": "block",
    "injection": "quarantine",
    # Nothing is kept or let out by it: the default is as strict as any.
    "stale_after_days": _DEFAULT.stale_after.days,
}
"""What stands in for a value that cannot be read: nothing leaves the installation, nothing is kept that the tenant may have
forbidden, and what needs a decision waits for a person's."""


def read(stored: Mapping[str, Any]) -> tuple[PolicyMembers, tuple[str, ...]]:
    """Return the members that hold for what was stored, and the names of those whose value cannot be read. Never fails.

    What cannot be read counts as the strictest; members that only a newer release knows are left alone.
    """
    known = {name: value for name, value in stored.items() if name in PolicyMembers.model_fields}
    try:
        return PolicyMembers.model_validate(known), ()
    except ValidationError as error:
        unreadable = {str(each["loc"][0]) for each in error.errors()}
    held = {**known, **{name: STRICTEST[name] for name in unreadable}}
    if "trusted_sources" in unreadable and held.get("on_conflict") == Winner.TRUSTED:
        # Whom the tenant trusts is not known: taking all sources for equals would let the newest win.
        held["on_conflict"] = STRICTEST["on_conflict"]
    return PolicyMembers.model_validate(held), tuple(sorted(unreadable))


def strictest() -> tuple[PolicyMembers, tuple[str, ...]]:
    """Return what holds where nothing of what is stored can be read."""
    return PolicyMembers.model_validate(dict(STRICTEST)), tuple(sorted(STRICTEST))


class PolicyForm:
    """`SettingForm` of a memory policy."""

    def checked(self, value: Mapping[str, Any], pointer: str) -> Mapping[str, Any]:
        """Return the members that were given; what is left out follows the defaults of the release that reads it."""
        try:
            members = PolicyMembers.model_validate(dict(value))
        except ValidationError as error:
            raise _refused([_fault(each, pointer) for each in error.errors()]) from None
        if members.on_conflict is Winner.TRUSTED and not members.trusted_sources:
            cure = "Name at least one source, the most trusted first: on_conflict asks for it."
            raise _refused([Fault(f"{pointer}/trusted_sources", cure)])
        return members.model_dump(mode="json", exclude_unset=True)

    def in_force(self, stored: Mapping[str, Any] | None) -> InForce:
        """Return every member."""
        return _shown(*read(stored or {}))

    def unreadable(self) -> InForce:
        """Return the strictest."""
        return _shown(*strictest())


def _shown(members: PolicyMembers, unreadable: tuple[str, ...]) -> InForce:
    return InForce(members.model_dump(mode="json"), unreadable)


def _refused(faults: list[Fault]) -> ValidationFailedError:
    msg = "The memory policy is not one that can be used: " + "; ".join(f"{each.pointer}: {each.detail}" for each in faults)
    return ValidationFailedError(msg, faults=tuple(faults))


def _fault(error: ErrorDetails, pointer: str) -> Fault:
    # RFC 6901, 3: these two characters are escaped.
    parts = [str(part).replace("~", "~0").replace("/", "~1")[:_LONGEST_NAME_SHOWN] for part in error["loc"]]
    cure = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        cure = f"There is no such member; there are {', '.join(PolicyMembers.model_fields)}."
    return Fault("/".join([pointer, *parts]), cure)
