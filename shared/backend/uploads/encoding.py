"""Bytes to characters: UTF-8, UTF-16 and UTF-32 by their marks, a named encoding, or a guess that is owned up to."""

from __future__ import annotations

import codecs
import re

from backend.uploads.model import Reason, refused

GUESSED = "The text is not UTF-8 and names no encoding; {} was guessed, so signs beyond ASCII may be wrong."
REPLACED = "Some bytes are not UTF-8; each was replaced by U+FFFD."

_SAMPLE_BYTES = 32_768
"""What a guess is made from. The guesser's time grows with it."""

_BAD_SHARE = 0.02
"""Text that is UTF-8 but for this share of its signs beyond ASCII is damaged UTF-8, not another encoding."""

_MARKS = (
    # UTF-32 first: the mark of UTF-16 is the beginning of its own.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# Python also calls conversions like punycode or unicode_escape encodings: some of those take quadratic time, none is of files.
_OF_FILES = re.compile(
    r"ascii|utf-(?:8|16|32)(?:-[lb]e)?|iso8859-\d+|cp\d+|koi8-\w+|mac-\w+|shift_jis\w*|euc_\w+|gb\w+|big5\w*|tis-620|hz|johab"
)

# What files of prose come in. Without the choice, short texts are taken for encodings of mainframes.
_GUESSED = (
    *(
        "cp1252",
        "cp1250",
        "cp1251",
        "cp1253",
        "cp1254",
        "cp1255",
        "cp1256",
        "cp1257",
        "cp1258",
        "cp874",
        "koi8_r",
        "koi8_u",
        "mac_roman",
    ),
    *("cp437", "cp850", "cp852", "cp866", "cp932", "cp949", "cp950", "euc_jp", "euc_kr", "gb18030", "big5hkscs"),
)

# The guesser ranks these by chance where a text has few signs beyond ASCII; what reads well in the West is of the West.
_TAKEN_FOR_WESTERN = frozenset(("cp1250", "cp1257", "cp1258"))
_WESTERN = frozenset(
    "\u00e0\u00e1\u00e2\u00e3\u00e4\u00e5\u00e6\u00e7\u00e8\u00e9\u00ea\u00eb\u00ec\u00ed\u00ee\u00ef\u00f1\u00f2\u00f3\u00f4\u00f5\u00f6\u00f8\u00f9\u00fa\u00fb\u00fc"
    "\u00c0\u00c1\u00c2\u00c3\u00c4\u00c5\u00c6\u00c7\u00c8\u00c9\u00ca\u00cb\u00cc\u00cd\u00ce\u00cf\u00d1\u00d2\u00d3\u00d4\u00d5\u00d6\u00d8\u00d9\u00da\u00db\u00dc"
    "\u00df\u00ff\u0153\u0152\u20ac\u00a3\u00a0\u00a1\u00a7\u00a9\u00ab\u00ae\u00b0\u00b7\u00bb\u00bf\u2013\u2014\u2018\u2019\u201a\u201c\u201d\u201e\u2022\u2026\u2122"
)
# Hungarian is written with the byte of this letter; Portuguese, which has it, hardly without one of the others.
_ALSO_HUNGARIAN, _PORTUGUESE = frozenset("\u00f5\u00d5"), frozenset("\u00e3\u00c3\u00e7\u00c7")

_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_CONTROLS_SHARE = 0.1


def decode(content: bytes, named: str | None = None) -> tuple[str, tuple[str, ...]]:
    """Return the text and warnings. `named` is the encoding that the file or its media type names, if any.

    Raises `ValidationFailedError` with the reason `mislabelled` for what is no text at all.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _replacing(content[len(mark) :], encoding)
    wide = _wide_without_mark(content)
    if wide:
        return content.decode(wide, "replace"), (GUESSED.format(wide.upper()),)
    if named and (known := _known(named)) and known != "utf-8":
        try:
            return content.decode(known), ()
        except UnicodeDecodeError:
            pass  # What the file says of itself is wrong: find out as if it had said nothing.
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        return _not_utf8(content, error.start)
    if _is_binary(content):
        raise refused(Reason.MISLABELLED)
    return text, ()


def looks_like_text(content: bytes) -> bool:
    """Tell whether the beginning may be text in any encoding; `decode` has the last word."""
    sample = content[:_SAMPLE_BYTES]
    if sample.startswith(tuple(mark for mark, _ in _MARKS)) or _wide_without_mark(sample):
        return True
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError as error:
        return _cut_at_the_end(sample, error.start) or not _is_binary_beyond_ascii(sample)
    return not _is_binary(sample)


def _replacing(content: bytes, encoding: str) -> tuple[str, tuple[str, ...]]:
    text = content.decode(encoding, "replace")
    return text, ((REPLACED.replace("UTF-8", encoding.upper()),) if "\ufffd" in text else ())


def _known(name: str) -> str | None:
    """Return Python's name of an encoding of files."""
    try:
        found = codecs.lookup(name.strip().strip("'\"")[:40]).name
    except (LookupError, ValueError):
        return None
    return found if _OF_FILES.fullmatch(found) else None


def _wide_without_mark(content: bytes) -> str | None:
    """Return the order of bytes of UTF-16 that has no mark: most of every second byte is 0, few of the others are."""
    sample = content[: _SAMPLE_BYTES - _SAMPLE_BYTES % 2]
    half = len(sample) // 2
    if half < 2:  # noqa: PLR2004 - one sign is no evidence
        return None
    first, second = sample[0::2].count(0) / half, sample[1::2].count(0) / half
    if second > 0.5 and first < 0.05:  # noqa: PLR2004 - shares that Latin text is well within
        return "utf-16-le"
    if first > 0.5 and second < 0.05:  # noqa: PLR2004 - as above
        return "utf-16-be"
    return None


def _is_binary(content: bytes) -> bool:
    sample = content[:_SAMPLE_BYTES]
    return len(_CONTROLS.findall(sample)) > _CONTROLS_SHARE * len(sample)


def _is_binary_beyond_ascii(content: bytes) -> bool:
    """Tell whether bytes that are not UTF-8 are not text either: no encoding of single bytes has any use for 0."""
    return _is_binary(content) or b"\x00" in content[:_SAMPLE_BYTES]


def _not_utf8(content: bytes, first_bad: int) -> tuple[str, tuple[str, ...]]:
    if _is_binary_beyond_ascii(content):
        raise refused(Reason.MISLABELLED)
    text = content.decode("utf-8", "replace")
    beyond = sum(1 for sign in text if sign > "\x7f") if not text.isascii() else 0
    if text.count("\ufffd") <= _BAD_SHARE * beyond or _cut_at_the_end(content, first_bad):
        return text, (REPLACED,)
    encoding = _guess(content, first_bad)
    if encoding is None:
        raise refused(Reason.MISLABELLED)
    return content.decode(encoding, "replace"), (GUESSED.format(encoding),)


def _cut_at_the_end(content: bytes, first_bad: int) -> bool:
    """Tell whether the only bad bytes are the beginning of a last sign, behind other signs beyond ASCII."""
    return first_bad >= len(content) - 3 and not content[:first_bad].isascii()


def _guess(content: bytes, first_bad: int) -> str | None:
    """Return the likely encoding of what stands around the first byte that is not UTF-8, by whole lines where there are any."""
    from charset_normalizer import from_bytes  # noqa: PLC0415 - paid for by files in other encodings alone

    start = content.rfind(b"\n", max(0, first_bad - _SAMPLE_BYTES // 4), first_bad) + 1
    start = start or max(0, first_bad - _SAMPLE_BYTES // 4)
    end = content.rfind(b"\n", start + 1, start + _SAMPLE_BYTES)
    sample = content[start : end if end > first_bad else start + _SAMPLE_BYTES]
    best = from_bytes(sample, cp_isolation=list(_GUESSED), enable_fallback=False).best()
    if best is None:
        return None
    return "cp1252" if best.encoding in _TAKEN_FOR_WESTERN and _is_western(sample) else best.encoding


def _is_western(sample: bytes) -> bool:
    """Tell whether the sample has only signs of Western European languages, read as theirs."""
    try:
        signs = {sign for sign in sample.decode("cp1252") if sign > "\x7f"}
    except UnicodeDecodeError:
        return False
    return signs <= _WESTERN and (not signs & _ALSO_HUNGARIAN or bool(signs & _PORTUGUESE))
