"""What stands in the queue between a query and the count: ids and a moment, never a text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from backend.kit.clock import from_rfc3339, to_rfc3339
from backend.usage.model import Access

FORM = 1
IDS_A_MESSAGE = 2000
"""Of 30 bytes each and five around it: 70 KB, where a message may have 256 KB (Amazon SQS Developer Guide, "Message quotas")."""


def parts_of(access: Access) -> Iterator[Access]:
    """Yield the access in parts that fit into a message, each memory in one of them."""
    distinct: Sequence[str] = tuple(dict.fromkeys(access.memory_ids))
    for start in range(0, len(distinct), IDS_A_MESSAGE):
        yield replace(access, memory_ids=tuple(distinct[start : start + IDS_A_MESSAGE]))


def message_of(access: Access) -> str:
    """Return the body of the message."""
    return json.dumps(
        {
            "form": FORM,
            "access_id": access.access_id,
            "tenant_id": access.tenant_id,
            "memory_ids": access.memory_ids,
            "at": to_rfc3339(access.at),
        }
    )


def access_of(body: str) -> Access:
    """Return what a message says. Raises `ValueError` for one of another form."""
    said = json.loads(body)
    match said:
        case {"form": 1, "access_id": str(access_id), "tenant_id": str(tenant_id), "memory_ids": list(ids), "at": str(at)} if all(
            isinstance(each, str) for each in ids
        ):
            return Access(access_id, tenant_id, tuple(ids), from_rfc3339(at))
    msg = "The message has another form."
    raise ValueError(msg)
