"""What a tenant wants of the reading of its texts. Apart from the reading: most functions know policies and read no text."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from backend.extraction.model import Method


class Reaction(StrEnum):
    """What a tenant wants done with what a guard finds."""

    ALLOW = "allow"
    REDACT = "redact"
    BLOCK = "block"
    QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True)
class GuardPolicy:
    """A tenant's. Secrets are blocked unless said otherwise; what reaches a person is what memories are often about."""

    secrets: Reaction = Reaction.BLOCK
    personal: Reaction = Reaction.ALLOW
    injection: Reaction = Reaction.QUARANTINE


@dataclass(frozen=True, slots=True)
class ExtractionPolicy:
    """A tenant's: whether a language model may read its texts, and what the guards do."""

    method: Method = Method.RULES
    guards: GuardPolicy = field(default_factory=GuardPolicy)
