"""Every text arrives as its signs, whatever bytes carried them; what was guessed is said."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.kit.errors import ValidationFailedError
from backend.uploads.cleaning import HALVES, cleaned, title_of
from backend.uploads.encoding import REPLACED, decode
from backend.uploads.model import TITLE_CHARACTERS, Reason
from tests.unit.uploads.upload_samples import named, read, reason_of

GERMAN = "Grüße aus Köln, schöne Stadt für müde Füße.\nÄrger über Öl gibt es dort selten.\n"
RUSSIAN = "Привет, как дела? Сегодня хорошая погода.\nЗавтра будет дождь.\n"  # noqa: RUF001 - these letters are Cyrillic on purpose
JAPANESE = "こんにちは世界。今日はいい天気ですね。\n明日は雨が降るでしょう。\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("text", [GERMAN, RUSSIAN, JAPANESE, "😀 \u202eabc\u202c e\u0301 ﷽"])
def test_unicode_is_read_without_a_guess(text: str, encoding: str) -> None:
    found = read("a.txt", text.encode(encoding))

    assert found.text == text.strip("\n")
    assert found.warnings == ()


@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE], ids=named)
def test_marks_of_the_other_order_of_bytes_are_known(mark: bytes) -> None:
    encoding = "utf-16-be" if mark == codecs.BOM_UTF16_BE else "utf-32-be"

    assert read("a.txt", mark + RUSSIAN.encode(encoding)).text == RUSSIAN.strip()


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_its_mark_is_recognised_by_its_zeros_and_owned_up_to(encoding: str) -> None:
    found = read("a.txt", GERMAN.encode(encoding))

    assert found.text == GERMAN.strip()
    assert len(found.warnings) == 1
    assert encoding.upper() in found.warnings[0]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [(GERMAN, "cp1252"), (RUSSIAN, "cp1251"), (RUSSIAN, "koi8-r"), (JAPANESE, "shift_jis"), (JAPANESE, "euc_jp")],
)
def test_other_encodings_are_guessed_and_owned_up_to(text: str, encoding: str) -> None:
    found = read("a.txt", text.encode(encoding) * 5)

    assert found.text == (text * 5).strip()
    assert len(found.warnings) == 1
    assert "guessed" in found.warnings[0]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("It’s a “smart” quote. The café costs £5.", "cp1252"),  # noqa: RUF001 - the quotes of word processors
        ("Où est la forêt ? Noël à Besançon, cœur, 5 €.", "cp1252"),
        ("Não há informações sobre a educação das crianças.", "cp1252"),
        ("Jag tycker om räksmörgås på söndagar. Åsa är här.", "cp1252"),
        ("Zażółć gęślą jaźń. Dziękuję bardzo, proszę pana.", "cp1250"),
        ("Příliš žluťoučký kůň úpěl ďábelské ódy.", "cp1250"),
        ("Az idő szép, és a fű zöld. Köszönöm, jól vagyok.", "cp1250"),
    ],
)
def test_languages_of_the_west_and_of_the_middle_of_europe_are_told_apart(text: str, encoding: str) -> None:
    assert read("a.txt", text.encode(encoding)).text == text


def test_the_guess_is_made_where_the_text_stops_being_ascii() -> None:
    found = read("a.txt", b"Nothing but plain words.\n" * 20_000 + RUSSIAN.encode("cp1251"))

    assert found.text.endswith(RUSSIAN.strip())


@pytest.mark.parametrize(
    ("name", "declared"), [("a.txt", 'text/plain; charset="iso-8859-1"'), ("a.csv", "text/csv;charset=ISO-8859-1")]
)
def test_an_encoding_that_the_media_type_names_is_believed(name: str, declared: str) -> None:
    found = read(name, "col\nñandú\n".encode("latin-1"), declared)

    assert "ñandú" in found.text
    assert not any("guessed" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    "named", ["utf-8", "ascii", "no-such-encoding", "punycode", "unicode_escape", "hex", "rot13", "x" * 90, "\x00"]
)
def test_an_encoding_that_is_named_wrongly_or_is_none_of_files_is_not_believed(named: str) -> None:
    assert decode(GERMAN.encode(), named) == (GERMAN, ())


def test_a_text_with_a_few_broken_bytes_stays_utf_8() -> None:
    text, warnings = decode((RUSSIAN * 20).encode() + b"\xd0\n")

    assert text == RUSSIAN * 20 + "\ufffd\n"
    assert warnings == (REPLACED,)


def test_a_text_that_was_cut_within_its_last_sign_stays_utf_8() -> None:
    assert decode("Grüße 😀".encode()[:-1])[0].startswith("Grüße")


@pytest.mark.parametrize("content", [bytes(range(256)), b"\x01\x02\x03\x04" * 50, b"abc\xff\x00\xfe\x00" * 9], ids=named)
def test_what_is_no_text_is_refused(content: bytes) -> None:
    assert reason_of("a.txt", content) is Reason.MISLABELLED
    with pytest.raises(ValidationFailedError):
        decode(content)


def test_line_ends_are_one_kind_and_controls_are_dropped() -> None:
    found = read("a.txt", "a\r\nb\rc\n\x00d\x07\te\x0cf\x0bg\x1b[0m\x7f\x85")

    assert found.text == "a\nb\nc\nd\te\nf\ng[0m\x7f\x85"


@given(st.text(alphabet=st.characters(min_codepoint=0x20, exclude_categories=["Cs"])))
def test_every_other_sign_of_every_script_stays_as_it_is(text: str) -> None:
    assert cleaned(text) == (text, ())


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_cleaning_twice_is_cleaning_once_and_the_result_can_be_stored(text: str) -> None:
    once = cleaned(text)[0]

    assert cleaned(once) == (once, ())
    assert once.encode().decode() == once
    assert not {chr(code) for code in range(32)} & set(once) - {"\n", "\t"}


def test_halves_of_pairs_are_put_together_or_replaced() -> None:
    assert cleaned("\ud83d\ude00") == ("😀", (HALVES,))
    assert cleaned("a\ud800b") == ("a\ufffdb", (HALVES,))


def test_a_title_is_one_line_and_not_too_long() -> None:
    assert title_of("  My \n\x00 page ") == "My page"
    assert len(title_of("x" * 10_000) or "") == TITLE_CHARACTERS
    assert title_of(" \n ") is None
    assert title_of(None) is None
