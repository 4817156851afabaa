"""What is known of how a memory is used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Usage:
    """How many queries a memory answered, and when the last of them did; None for never."""

    access_count: int = 0
    last_accessed: datetime | None = None
