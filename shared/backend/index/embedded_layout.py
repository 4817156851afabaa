"""How a document's row lies in the pages of the file, so that nothing of its content stays behind when it goes.

SQLite's `secure_delete` overwrites what a row held where it lies when it is deleted. But when a page of rows is split or
joined, rows move, and copies of them can stay in the unused middle of the page they left, where no later deletion finds
them (measured: 1 in 1,000 pieces of small vectors). What never moves are overflow pages: they belong to one row until they
are freed, and then they are overwritten whole. So a row's content is laid out to stand in overflow pages alone, and the
part of the row that moves holds numbers, ids and zeros.

The rule which part that is: "Database File Format", section 1.6, table b-tree leaf cells, https://sqlite.org/fileformat2.html
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

PAGE_BYTES = 1024
"""With it a document of 384 dimensions and some 20 stems fills two overflow pages, and eight rows share a leaf."""

_SPILL = PAGE_BYTES - 4
"""What an overflow page carries."""
_MOST_LOCAL = PAGE_BYTES - 35
"""X in the rule: a row that is not longer has no overflow page."""
_LEAST_LOCAL = (PAGE_BYTES - 12) * 32 // 255 - 23
"""M in the rule: what stays in the leaf of a row whose last overflow page is nearly full or not needed."""


def zeros_around(size: int, beside: Sequence[bytes | None]) -> tuple[int, int]:
    """Return how many zeros to put before and after `size` bytes of content for it to stand in overflow pages alone.

    The row is an INTEGER PRIMARY KEY, then the columns `beside` (text, blob or NULL), then the content column.
    """
    return _zeros(size, tuple(None if each is None else len(each) for each in beside))


@lru_cache(maxsize=4096)
def _zeros(size: int, beside: tuple[int | None, ...]) -> tuple[int, int]:
    """Return the zeros by lengths alone: the rows of a bulk load have few different ones."""
    header = 1 + 1 + sum(_varint(_serial(each)) for each in beside)
    before = sum(each for each in beside if each is not None)
    tail = 0
    lead = max(0, _LEAST_LOCAL - header - before)
    while True:
        whole = lead + size + tail
        payload = header + _varint(_serial(whole)) + before + whole
        missing = _missing(payload)
        if not missing:
            return lead, tail
        tail += missing


def local_bytes(payload: int) -> int:
    """Return how much of a row of this size stays in its leaf page; the rest is in overflow pages."""
    if payload <= _MOST_LOCAL:
        return payload
    local = _LEAST_LOCAL + (payload - _LEAST_LOCAL) % _SPILL
    return local if local <= _MOST_LOCAL else _LEAST_LOCAL


def _missing(payload: int) -> int:
    """Return by how much a row must grow at least so that only the least part of it is local."""
    if payload <= _MOST_LOCAL:
        return _MOST_LOCAL + 1 - payload
    if local_bytes(payload) == _LEAST_LOCAL:
        return 0
    return _MOST_LOCAL + 1 - local_bytes(payload)


def _serial(length: int | None) -> int:
    """Return the record format's type number; that of a blob and that of a text are as long as each other."""
    return 0 if length is None else 2 * length + 13


def _varint(number: int) -> int:
    """Return how many bytes a number takes in a record's header."""
    return max(1, -(-number.bit_length() // 7))
