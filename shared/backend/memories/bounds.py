"""When a memory may begin and end."""

from __future__ import annotations

from datetime import datetime

from backend.kit.errors import Fault, ValidationFailedError


def check_bounds(valid_from: datetime | None, valid_until: datetime | None, pointer: str = "/valid_until") -> None:
    """Raise `ValidationFailedError`, at the field to change, for what would end before it begins, or as it does."""
    if valid_from is None or valid_until is None or valid_from < valid_until:
        return
    cure = {
        "/valid_from": "'valid_from' must be earlier than the memory's 'valid_until'; send a later 'valid_until' too, "
        "or null for none.",
        "/valid_until": "'valid_until' must be later than 'valid_from'; send an earlier 'valid_from' too. Where it is not sent "
        "it is the memory's own, and of a new one 'occurred_at', else now.",
    }[pointer]
    msg = "A value is not allowed; see errors."
    raise ValidationFailedError(msg, faults=(Fault(pointer, cure),))
