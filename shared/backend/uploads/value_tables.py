"""CSV: one line for each row, `column: value; column: value`."""

from __future__ import annotations

import csv
import io
import re

from backend.uploads.cleaning import cleaned
from backend.uploads.encoding import decode
from backend.uploads.layout import Lines, row_line
from backend.uploads.model import Draft

NO_HEADER = "The first row does not seem to name the columns, so the values stand without names."

_SAMPLE_CHARACTERS = 4_096
"""What the delimiter and the header are judged by: the judge's patterns take quadratic time."""

_DELIMITERS = ",;\t|"
_NAMED_DELIMITER = re.compile(r"sep=([,;\t|])\n", re.IGNORECASE)
_NAME = re.compile(r"[^\W\d][\w .()/#%&'-]{0,39}")
_PEOPLE = (
    "name",
    "first_name",
    "last_name",
    "email",
    "mail",
    "phone",
    "city",
    "country",
    "address",
    "user",
    "user_id",
    "author",
    "speaker",
)
_PROSE = (
    "title",
    "text",
    "content",
    "memory",
    "note",
    "notes",
    "comment",
    "comments",
    "description",
    "message",
    "subject",
    "question",
    "answer",
)
_FACTS = (
    "id",
    "uid",
    "uuid",
    "key",
    "value",
    "type",
    "category",
    "kind",
    "tag",
    "tags",
    "status",
    "state",
    "source",
    "role",
    "url",
    "link",
)
_FIGURES = (
    "date",
    "time",
    "timestamp",
    "created",
    "created_at",
    "updated",
    "updated_at",
    "amount",
    "price",
    "total",
    "count",
    "quantity",
)
_USUAL = frozenset((*_PEOPLE, *_PROSE, *_FACTS, *_FIGURES))
"""Names that columns commonly have."""


def read_csv(content: bytes, charset: str | None, limit_bytes: int) -> Draft:
    """Return the rows as lines, with the names of the first row if that is a header."""
    decoded, warnings = decode(content, charset)
    text = cleaned(decoded)[0]
    if named := _NAMED_DELIMITER.match(text):
        text = text[named.end() :]
    sample = _sample(text)
    delimiter = named[1] if named else _delimiter(sample)
    # The limit is one for the whole process. The longest field is the whole file, whose size was bounded before.
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    lines = Lines(limit_bytes)
    header: list[str] | None = None
    for cells in rows:
        row = [" ".join(cell.split()) for cell in cells]
        if not any(row):
            continue
        if header is None:
            header = row if _is_header(row, sample, delimiter) else []
            if header:
                continue
            warnings = (*warnings, NO_HEADER)
        lines.add(row_line(header, row))
    found = lines.text()
    return Draft(found or row_line((), header or ()), warnings=warnings)


def _sample(text: str) -> str:
    """Return the first lines, whole ones where there are any."""
    sample = text[:_SAMPLE_CHARACTERS]
    end = sample.rfind("\n") + 1 if len(text) > len(sample) else 0
    return sample[: end or len(sample)]


def _delimiter(sample: str) -> str:
    try:
        return csv.Sniffer().sniff(sample, _DELIMITERS).delimiter
    except csv.Error:
        first = sample.partition("\n")[0]
        return max(_DELIMITERS, key=first.count)


def _is_header(row: list[str], sample: str, delimiter: str) -> bool:
    """Tell whether the first row names columns: different names without figures, and more than its looks speak for it.

    `Sniffer.has_header` compares types and lengths with the rows below, which says nothing about columns of prose; usual
    names of columns decide those.
    """
    if not all(_NAME.fullmatch(cell) for cell in row if cell) or len(set(row)) < len(row) or not row[0]:
        return False
    if any(cell.lower().replace(" ", "_") in _USUAL for cell in row):
        return True
    try:
        return csv.Sniffer().has_header(sample)
    except csv.Error:
        # It found no form that all rows share: then a first row like identifiers is the better guess.
        return all("_" in cell or cell.islower() for cell in row) and delimiter in sample
