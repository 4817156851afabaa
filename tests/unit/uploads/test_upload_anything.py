"""Whatever bytes come under whatever name: a text, or one of our refusals, and never anything else."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.kit.errors import MemorySyncError, PayloadTooLargeError, UnsupportedMediaTypeError, ValidationFailedError
from backend.uploads.model import Extracted
from backend.uploads.recognise import MEDIA_TYPES, SUFFIXES
from backend.uploads.service import text_of
from tests.unit.uploads.upload_samples import docx, encrypted_pdf, paragraph, pdf, table

WHOLE = {
    "pdf": pdf(["The shop opens at nine.", "It closes at six."], title="Hours"),
    "docx": docx(paragraph("The shop") + table([["Name", "Town"], ["Ada", "London"]])),
    "html": b"<html><title>T</title><p hidden>x<table><tr><th>a<td>b</table><ul><li>c</ul><pre>d</pre>&eacute;",
    "csv": b'name;text\nAda;"a; b"\nBob;c\n',
    "json": b'{"a": [1, {"text": "x"}], "b": "\\ud83d"}',
    "md": "# Überschrift\n\n- a\n\n```\nx\n```\n".encode(),
}

names = st.builds(
    lambda stem, suffix: f"{stem}{suffix}",
    st.text(max_size=5),
    st.sampled_from(["", ".", *(f".{each}" for each in SUFFIXES), ".docm", ".exe"]),
)
types = (
    st.none()
    | st.text(max_size=9)
    | st.sampled_from([*MEDIA_TYPES, "", "text/plain; charset=utf-16", "application/octet-stream"])
)
starts = st.sampled_from([b"", b"%PDF-1.7\n", b"PK\x03\x04", b"{", b"[", b"<html>", b"\xff\xfe", b"\xef\xbb\xbf", b"a,b\n"])
pieces = st.lists(
    st.sampled_from(
        [
            b"<",
            b">",
            b"</p>",
            b"<table>",
            b"<td>",
            b"<li>",
            b"<title>",
            b"<p hidden>",
            b"&amp",
            b'"',
            b",",
            b";",
            b"\n",
            b"[",
            b"]",
        ]
    )
    | st.sampled_from(
        [
            b"{",
            b"}",
            b":",
            b"obj",
            b"endobj",
            b"1 0 ",
            b"stream\n",
            b"trailer",
            b"<<",
            b"/Root",
            b"xref",
            b"%%EOF",
            b"\\ud800",
            b"null",
        ]
    )
    | st.binary(max_size=6),
    max_size=30,
)
contents = st.binary(max_size=300) | st.builds(lambda start, parts: start + b"".join(parts), starts, pieces)


def read_or_refused(name: str, declared: str | None, content: bytes, limit_bytes: int = 100_000) -> Extracted | MemorySyncError:
    found = outcome(name, declared, content, limit_bytes)
    if isinstance(found, MemorySyncError):
        assert found.faults
        assert ("reason" in found.facts) is isinstance(found, ValidationFailedError)
    else:
        assert found.text.strip()
        assert len(found.text.encode()) <= limit_bytes
        assert not {chr(code) for code in range(32)} & set(found.text) - {"\n", "\t"}
    return found


def outcome(name: str, declared: str | None, content: bytes, limit_bytes: int) -> Extracted | MemorySyncError:
    try:
        return text_of(name, declared, content, limit_bytes=limit_bytes)
    except (ValidationFailedError, UnsupportedMediaTypeError, PayloadTooLargeError) as refusal:
        return refusal


@given(names, types, contents, st.sampled_from([10, 100_000]))
def test_any_bytes_under_any_name_are_read_or_refused(name: str, declared: str | None, content: bytes, limit_bytes: int) -> None:
    read_or_refused(name, declared, content, limit_bytes)


@given(st.sampled_from([*SUFFIXES]), contents)
def test_any_bytes_under_a_name_that_we_read_are_read_or_refused(suffix: str, content: bytes) -> None:
    read_or_refused(f"a.{suffix}", None, content)


@pytest.mark.parametrize("suffix", sorted(WHOLE))
@pytest.mark.parametrize("seed", range(3))
def test_files_that_were_damaged_anywhere_are_read_or_refused(suffix: str, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - damage, not a secret
    whole = encrypted_pdf("x") if seed == 2 and suffix == "pdf" else WHOLE[suffix]

    outcomes = [read_or_refused(f"a.{suffix}", None, damaged(whole, chance)) for _ in range(60)]

    assert len(outcomes) == 60


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Return the content with bytes changed, pieces cut out, doubled or moved."""
    made = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        at, length = chance.randrange(len(made) + 1), chance.randint(1, 40)
        match chance.randrange(4):
            case 0:
                made[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del made[at : at + length]
            case 2:
                made[at:at] = made[at : at + length] * chance.randint(1, 50)
            case _:
                made[at:at] = chance.randbytes(length)
    return bytes(made)


def test_the_same_file_gives_the_same_text() -> None:
    for suffix, content in WHOLE.items():
        assert read_or_refused(f"a.{suffix}", None, content) == text_of(f"a.{suffix}", None, content)
