"""PDF: page by page, by pypdf (BSD, Python alone), under limits of its own and of ours.

pypdf bounds what each stream unpacks to and how much of it is parsed. What a whole document costs is bounded here: by the
bytes of its pages' drawing and by the drawing operations that are run, forms that are drawn again and again included.
"""

from __future__ import annotations

import io
import logging
import warnings as python_warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from backend.kit.errors import MemorySyncError
from backend.uploads.layout import Lines
from backend.uploads.model import INFLATED_LIMIT_BYTES, PAGES_LIMIT, Draft, Reason, refused, require_time

if TYPE_CHECKING:
    from pypdf import Configuration, PageObject, PdfReader

PAGES_WITHOUT_TEXT = "Some pages hold no text, only pictures; they were left out."

OPERATIONS_LIMIT = 1_000_000
"""Drawing operations of a document."""

CONTENT_LIMIT_BYTES = 20_000_000
"""Bytes of all pages' drawing, unpacked."""

_CHECKED_EVERY = 1_000
_PARSED_LIMIT = 500_000
"""Operands and operators of one stream."""

_FORMS_LIMIT = 1_000
"""How often one page may draw forms."""

_HYPHENS = "-\u2010\u00ad"


def read_pdf(content: bytes, limit_bytes: int) -> Draft:
    """Return the text of all pages, with a blank line between them, and how many pages there are.

    Raises `ValidationFailedError` for what is encrypted, damaged, of too many pages, or costs too much.
    """
    from pypdf import PdfReader, apply_configuration  # noqa: PLC0415 - paid for by uploads of this kind alone
    from pypdf.errors import LimitReachedError  # noqa: PLC0415 - as above

    # pypdf's notes on damaged files quote them.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)
    with python_warnings.catch_warnings(), apply_configuration(_limits()):
        python_warnings.simplefilter("ignore")
        try:
            return _read(PdfReader(io.BytesIO(content)), limit_bytes)
        except (MemorySyncError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - a damaged file makes pypdf raise whatever the step that met it raises; we refuse it
            costly = isinstance(error, LimitReachedError)
            raise refused(Reason.TOO_COMPLEX if costly else Reason.DAMAGED) from None


def _limits() -> Configuration:
    from pypdf import Configuration  # noqa: PLC0415 - as above

    return Configuration(
        maximum_declared_stream_length=INFLATED_LIMIT_BYTES,
        array_based_stream_maximum_output_length=INFLATED_LIMIT_BYTES,
        lzw_maximum_output_length=INFLATED_LIMIT_BYTES,
        run_length_maximum_output_length=INFLATED_LIMIT_BYTES,
        zlib_maximum_output_length=INFLATED_LIMIT_BYTES,
        brotli_maximum_output_length=INFLATED_LIMIT_BYTES,
        stream_decoding_work_maximum_length=2 * INFLATED_LIMIT_BYTES,
        stream_parsing_work_maximum_count=_PARSED_LIMIT,
        page_tree_maximum_entries=2 * PAGES_LIMIT,
        xform_maximum_invocations_per_extraction=_FORMS_LIMIT,
        # Pictures are never looked at, so no other program has to read them.
        jbig2dec_binary=None,
        disable_legacy_handling=True,
    )


def _read(reader: PdfReader, limit_bytes: int) -> Draft:
    if reader.is_encrypted:
        raise refused(Reason.ENCRYPTED)
    with _refusing(Reason.TOO_MANY_PAGES):
        count = len(reader.pages)
    if count > PAGES_LIMIT:
        raise refused(Reason.TOO_MANY_PAGES)
    lines, work, without = Lines(limit_bytes), _Work(), 0
    for page in reader.pages:
        text = work.text_of(page)
        # What a font does not say the letters of is no text either.
        if text.strip("\ufffd \t\n"):
            lines.add(text, "\n\n")
        else:
            without += 1
    warnings = (PAGES_WITHOUT_TEXT,) if 0 < without < count else ()
    return Draft(lines.text(), title=_title(reader), pages=count, warnings=warnings)


@contextmanager
def _refusing(reason: Reason) -> Iterator[None]:
    """Give a limit of pypdf that is met inside this reason."""
    from pypdf.errors import LimitReachedError  # noqa: PLC0415 - as above

    try:
        yield
    except LimitReachedError:
        raise refused(reason) from None


class _Work:
    """What reading the document has cost so far."""

    def __init__(self) -> None:
        self._bytes = 0
        self._operations = 0

    def text_of(self, page: PageObject) -> str:
        """Return the page's text. Raises `ValidationFailedError` when the document costs more than it may."""
        require_time()
        with _refusing(Reason.ZIP_BOMB):
            drawing = page.get_contents()
            self._bytes += len(drawing.get_data()) if drawing is not None else 0
        if self._bytes > CONTENT_LIMIT_BYTES:
            raise refused(Reason.TOO_COMPLEX)
        return unhyphenated(page.extract_text(visitor_operand_before=self._count))

    def _count(self, *_: Any) -> None:  # noqa: ANN401 - what pypdf tells of the operation matters to nobody
        self._operations += 1
        if self._operations > OPERATIONS_LIMIT:
            raise refused(Reason.TOO_COMPLEX)
        if self._operations % _CHECKED_EVERY == 0:
            require_time()


def unhyphenated(text: str) -> str:
    """Return the text without blanks at line ends, with words that were parted there put together again.

    A hyphen goes when a letter stands before it and a small letter begins the next line. A word that has its hyphen by right
    and was parted there loses it: the page does not say which.
    """
    lines: list[str] = []
    parted = False
    for raw in text.replace("\f", "\n").split("\n"):
        line = raw.strip(" ")
        if parted and line[:1].islower():
            lines[-1] = lines[-1][:-1]
            first, _, rest = line.partition(" ")
            lines[-1] += first
            line = rest.lstrip(" ")
            parted = not line and _is_parted(first)
            if not line:
                continue
        lines.append(line)
        parted = _is_parted(line)
    return "\n".join(lines).strip("\n")


def _is_parted(line: str) -> bool:
    return line[-1:] in _HYPHENS and line[-2:-1].isalpha() if line else False


def _title(reader: PdfReader) -> str | None:
    information = reader.metadata
    title = information.title if information is not None else None
    return title if isinstance(title, str) else None
