"""An uploaded file to its text."""

from __future__ import annotations

from collections.abc import Callable

from backend.uploads.cleaning import cleaned, title_of
from backend.uploads.json_values import read_json
from backend.uploads.model import TEXT_LIMIT_BYTES, Draft, Extracted, Kind, Reason, refused, too_long
from backend.uploads.pdf_pages import read_pdf
from backend.uploads.plain_text import read_markdown, read_text
from backend.uploads.recognise import recognise
from backend.uploads.value_tables import read_csv
from backend.uploads.web_pages import read_html
from backend.uploads.word_documents import read_docx


def text_of(name: str, declared: str | None, content: bytes, *, limit_bytes: int = TEXT_LIMIT_BYTES) -> Extracted:
    """Return what a file says.

    `name` is the file's, `declared` the media type that came with it, None if none did. The same file always gives the same.

    Raises `UnsupportedMediaTypeError` for a format that is not read, `PayloadTooLargeError` for a text of more than `limit_bytes`
    of UTF-8, and `ValidationFailedError`, with a fault at `/file` and its reason among the facts, for a file that is empty,
    mislabelled, encrypted, damaged, without text, with macros, or made to exhaust whoever reads it.
    """
    file = recognise(name, declared, content)
    draft = _READERS[file.kind](content, file.charset, limit_bytes)
    text, warnings = cleaned(draft.text)
    if not text.strip():
        raise refused(Reason.NO_TEXT)
    if len(text.encode()) > limit_bytes:
        raise too_long(limit_bytes)
    return Extracted(file.kind, text, title_of(draft.title), draft.pages, (*draft.warnings, *warnings))


_READERS: dict[Kind, Callable[[bytes, str | None, int], Draft]] = {
    Kind.TXT: lambda content, charset, _: read_text(content, charset),
    Kind.MD: lambda content, charset, _: read_markdown(content, charset),
    Kind.HTML: read_html,
    Kind.PDF: lambda content, _, limit_bytes: read_pdf(content, limit_bytes),
    Kind.DOCX: lambda content, _, limit_bytes: read_docx(content, limit_bytes),
    Kind.CSV: read_csv,
    Kind.JSON: read_json,
}
