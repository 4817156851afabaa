"""What a file is: by its first bytes, its name and the media type that was declared, all of which have to agree."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from backend.kit.errors import Fault, UnsupportedMediaTypeError
from backend.uploads.encoding import looks_like_text
from backend.uploads.model import POINTER, Kind, Reason, refused

SUFFIXES = {
    "txt": Kind.TXT,
    "text": Kind.TXT,
    "md": Kind.MD,
    "markdown": Kind.MD,
    "html": Kind.HTML,
    "htm": Kind.HTML,
    "xhtml": Kind.HTML,
    "pdf": Kind.PDF,
    "docx": Kind.DOCX,
    "csv": Kind.CSV,
    "tsv": Kind.CSV,
    "json": Kind.JSON,
}

MEDIA_TYPES = {
    "text/plain": Kind.TXT,
    "text/markdown": Kind.MD,
    "text/x-markdown": Kind.MD,
    "text/html": Kind.HTML,
    "application/xhtml+xml": Kind.HTML,
    "application/pdf": Kind.PDF,
    "application/x-pdf": Kind.PDF,
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": Kind.DOCX,
    "text/csv": Kind.CSV,
    "application/csv": Kind.CSV,
    "text/tab-separated-values": Kind.CSV,
    "application/json": Kind.JSON,
    "text/json": Kind.JSON,
}

_SAYS_NOTHING = {"", "application/octet-stream", "binary/octet-stream", "application/x-download", "application/unknown"}
# What senders declare that only know the family: (declared, kind by name).
_LOOSE = {
    # Browsers on machines with a spreadsheet program.
    ("application/vnd.ms-excel", Kind.CSV),
    ("application/zip", Kind.DOCX),
    ("application/x-zip-compressed", Kind.DOCX),
    *(("text/plain", kind) for kind in (Kind.MD, Kind.HTML, Kind.CSV, Kind.JSON)),
}
_WITH_MACROS = {"docm", "dotm"}
_MACROS_DECLARED = "macroenabled"
_WRITTEN = {Kind.TXT, Kind.MD, Kind.HTML, Kind.CSV, Kind.JSON}

_SUFFIX = re.compile(r"\.([A-Za-z][A-Za-z0-9]{0,9})\Z")
_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([\w.:-]{1,40})", re.IGNORECASE)
_PAGE = re.compile(
    rb"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,500}?-->\s*)?<(?:!doctype\s+html|html|head|body)[\s>]", re.IGNORECASE | re.DOTALL
)
_HEAD_BYTES = 1_024


class _Content(Enum):
    """What the bytes themselves are."""

    PDF = auto()
    ZIP = auto()
    OLE = auto()
    WRITTEN = auto()
    OTHER = auto()


_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""The container of old office programs, and of encrypted documents of the new ones (MS-OFFCRYPTO, section 2.3)."""
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
# Formats that could pass for text, for they begin with letters; what is not text by its bytes needs no entry.
_OTHERS = (
    b"{\\rtf",
    b"%!PS",
    b"MZ",
    b"\x7fELF",
    b"GIF8",
    b"Rar!",
    b"7z\xbc\xaf",
    b"\x89PNG",
    b"\x1f\x8b",
    b"SQLite format 3\x00",
)


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a file is, and the encoding that its media type names."""

    kind: Kind
    charset: str | None


def recognise(name: str, declared: str | None, content: bytes) -> Recognised:
    """Return what the file is.

    Raises `UnsupportedMediaTypeError` for a format that is not read, `ValidationFailedError` for one that is read where name,
    media type and content do not agree, or the file is empty, encrypted or made for macros.
    """
    charset = _CHARSET.search(declared or "")
    named = _SUFFIX.search(name.strip())
    suffix = named[1].lower() if named else ""
    media = (declared or "").partition(";")[0].strip().lower()
    claimed = _claimed(suffix, media)
    if not content:
        raise refused(Reason.EMPTY)
    found = _content(content, may_be_pdf=claimed is Kind.PDF)
    if found is _Content.OLE and _ENCRYPTED_PACKAGE in content:
        raise refused(Reason.ENCRYPTED)
    if suffix in _WITH_MACROS or _MACROS_DECLARED in media:
        raise refused(Reason.MACROS)
    if claimed is None:
        claimed = _by_content(found, content, suffix)
    if not _agree(claimed, found, content):
        raise refused(Reason.MISLABELLED)
    return Recognised(claimed, charset[1] if charset else None)


def _claimed(suffix: str, media: str) -> Kind | None:
    """Return what name and media type say, None where they say nothing."""
    by_name = SUFFIXES.get(suffix)
    if media in _SAYS_NOTHING:
        return by_name
    by_media = MEDIA_TYPES.get(media)
    if by_name is not None and (by_name is by_media or (media, by_name) in _LOOSE):
        return by_name
    if _MACROS_DECLARED in media:
        return by_name
    if by_media is None:
        raise _unsupported()
    if by_name is not None:
        raise refused(Reason.MISLABELLED)
    return by_media


def _content(content: bytes, *, may_be_pdf: bool) -> _Content:
    head = content[:_HEAD_BYTES]
    # Readers take what stands before the mark for granted, within 1,024 bytes (ISO 32000-1, implementation note 13 of Annex H).
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"%PDF-") or (may_be_pdf and b"%PDF-" in head):
        return _Content.PDF
    if head.startswith(_ZIP):
        return _Content.ZIP
    if head.startswith(_OLE):
        return _Content.OLE
    # Two letters are not enough to tell a program from prose.
    if any(head.startswith(mark) and (len(mark) > 2 or b"\x00" in head) for mark in _OTHERS):  # noqa: PLR2004 - as said above
        return _Content.OTHER
    return _Content.WRITTEN if looks_like_text(content) else _Content.OTHER


def _by_content(found: _Content, content: bytes, suffix: str) -> Kind:
    """Return the kind of what was neither named nor declared as anything that we read."""
    if found is _Content.PDF and not suffix:
        return Kind.PDF
    if found is _Content.ZIP and not suffix and b"word/" in content:
        return Kind.DOCX
    if found is _Content.WRITTEN and not suffix:
        head = content[:_HEAD_BYTES].lstrip()
        if _PAGE.match(head):
            return Kind.HTML
        return Kind.TXT
    raise _unsupported()


def _agree(kind: Kind, found: _Content, content: bytes) -> bool:
    if kind is Kind.PDF:
        return found is _Content.PDF
    if kind is Kind.DOCX:
        return found is _Content.ZIP
    page = kind in (Kind.CSV, Kind.JSON) and _PAGE.match(content[:_HEAD_BYTES])
    return kind in _WRITTEN and found is _Content.WRITTEN and not page


def _unsupported() -> UnsupportedMediaTypeError:
    kinds = ", ".join(Kind)
    msg = "Files of this kind are not read."
    return UnsupportedMediaTypeError(msg, faults=(Fault(POINTER, f"Send one of {kinds}, by its name and its media type."),))
