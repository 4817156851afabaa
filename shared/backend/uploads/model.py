"""What a file is read to, what it is refused for, and how far reading goes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from backend.kit import deadline
from backend.kit.errors import Fault, PayloadTooLargeError, ValidationFailedError

TEXT_LIMIT_BYTES = 10_000_000
"""Bytes of UTF-8 that a file's text may have when the caller sets no limit of its own."""

INFLATED_LIMIT_BYTES = 50_000_000
"""Bytes that the packed parts of one file may unpack to, all together."""

INFLATED_RATIO = 100
"""How many times its packed size a part may have."""

RATIO_FROM_BYTES = 1_000_000
"""Parts that unpack to less are not held to the ratio: they harm nobody."""

ENTRIES_LIMIT = 2_000
"""Files that one package may hold."""

PAGES_LIMIT = 2_000
"""Pages that one document may have."""

TITLE_CHARACTERS = 200
"""A longer title is cut."""

RESERVED_SECONDS = 5.0
"""What is left of the request's time when reading ends: the text has to be stored too."""

POINTER = "/file"


class Kind(StrEnum):
    """The formats that are read."""

    TXT = "txt"
    MD = "md"
    HTML = "html"
    PDF = "pdf"
    DOCX = "docx"
    CSV = "csv"
    JSON = "json"


class Reason(StrEnum):
    """Why a file of a format that we read is refused all the same: the member `reason` of the problem document."""

    EMPTY = "empty"
    ENCRYPTED = "encrypted"
    MISLABELLED = "mislabelled"
    MACROS = "macros"
    DAMAGED = "damaged"
    NO_TEXT = "no_text"
    ZIP_BOMB = "zip_bomb"
    XML_ENTITIES = "xml_entities"
    TOO_MANY_PAGES = "too_many_pages"
    TOO_DEEP = "too_deep"
    TOO_COMPLEX = "too_complex"


_CURES = {
    Reason.EMPTY: "The file is empty; send one with text in it.",
    Reason.ENCRYPTED: "The file is encrypted; remove its password and send it again.",
    Reason.MISLABELLED: "The content is not what the name or the media type says; name the file for what it is.",
    Reason.MACROS: "The file holds macros; save it without them, as .docx.",
    Reason.DAMAGED: "The file cannot be read to its end; export it again from the program that made it.",
    Reason.NO_TEXT: "No text was found inside; a scanned document needs text recognition first.",
    Reason.ZIP_BOMB: (
        f"The file unpacks too far: {INFLATED_RATIO} times its size, {INFLATED_LIMIT_BYTES // 1_000_000} MB,"
        f" {ENTRIES_LIMIT} parts and no archive inside it are the most."
    ),
    Reason.XML_ENTITIES: "The file declares XML entities or a document type, which no word processor does; export it again.",
    Reason.TOO_MANY_PAGES: f"The file has more than {PAGES_LIMIT} pages; send it in parts.",
    Reason.TOO_DEEP: "The values are nested too deep, or stand under names too long; send them flatter.",
    Reason.TOO_COMPLEX: "The file holds more tags or drawing than can be read in a request; send it in parts.",
}


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a file says.

    `text` holds no control below U+0020 but new line, which ends lines, and tab. `pages` is None for what has no pages.
    `warnings` are sentences on what was guessed or left out; they never quote the file.
    """

    kind: Kind
    text: str
    title: str | None = None
    pages: int | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """What the reader of one format found, before it is cleaned."""

    text: str
    title: str | None = None
    pages: int | None = None
    warnings: tuple[str, ...] = ()


def refused(reason: Reason) -> ValidationFailedError:
    """Return the error that tells the reason, as a fault at `/file` and as the fact `reason`. It never quotes the file."""
    return ValidationFailedError(
        "The file cannot be read; see errors.", faults=(Fault(POINTER, _CURES[reason]),), reason=str(reason)
    )


def too_long(limit_bytes: int) -> PayloadTooLargeError:
    """Return the error for a text beyond the caller's limit, in bytes of UTF-8."""
    cure = Fault(POINTER, f"The file's text may have {limit_bytes} bytes of UTF-8; send it in parts.")
    return PayloadTooLargeError("The text of the file is too long.", faults=(cure,), limit_bytes=limit_bytes)


def require_time() -> None:
    """Raise `ValidationFailedError` when the request has no time left to read on: trying the file again would not help."""
    if deadline.remaining() <= RESERVED_SECONDS:
        raise refused(Reason.TOO_COMPLEX)
