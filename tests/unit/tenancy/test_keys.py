"""API keys: layout, checksum, recognition."""

from __future__ import annotations

import secrets
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.tenancy.keys import ApiKey, is_same, mac_of, mint, parse
from backend.tenancy.scope import Environment

PEPPER = b"pepper" * 8
KEY = mint(Environment.LIVE, secrets.token_bytes)
ALPHABET = string.ascii_letters + string.digits + "_-. "


@pytest.mark.parametrize("environment", list(Environment))
def test_a_minted_key_is_read_back_as_it_was_made(environment: Environment) -> None:
    key = mint(environment, secrets.token_bytes)

    assert key.text.startswith(f"ms_{environment.value}_{key.public_id}_")
    assert len(key.text) == len(f"ms_{environment.value}_") + 16 + 1 + 43 + 1 + 6
    assert parse(key.text) == key


@given(st.binary(min_size=10, max_size=10), st.binary(min_size=32, max_size=32))
def test_every_randomness_gives_a_readable_key_of_its_own(public: bytes, secret: bytes) -> None:
    key = mint(Environment.TEST, lambda count: public if count == 10 else secret)

    assert parse(key.text) == key


def test_two_secrets_never_give_one_key() -> None:
    last, before = (mint(Environment.LIVE, end.__mul__) for end in (b"\xff", b"\xfe"))

    assert last.text != before.text
    assert len(last.text) == len(before.text)


@given(st.integers(0, len(KEY.text) - 1), st.sampled_from(ALPHABET))
def test_a_key_with_one_character_mistyped_is_refused_without_a_lookup(position: int, typed: str) -> None:
    mistyped = KEY.text[:position] + typed + KEY.text[position + 1 :]

    assert mistyped == KEY.text or parse(mistyped) is None


@given(st.integers(0, len(KEY.text) - 2))
def test_a_key_with_two_neighbours_swapped_is_refused_without_a_lookup(position: int) -> None:
    one, two = KEY.text[position], KEY.text[position + 1]
    swapped = KEY.text[:position] + two + one + KEY.text[position + 2 :]

    assert one == two or parse(swapped) is None


@given(st.integers(0, len(KEY.text)), st.integers(0, len(KEY.text)), st.text(ALPHABET, max_size=12))
def test_no_mutation_of_a_key_is_ever_accepted(start: int, end: int, between: str) -> None:
    mutated = KEY.text[: min(start, end)] + between + KEY.text[max(start, end) :]
    key = parse(mutated)

    assert mutated == KEY.text or key is None or not is_same(PEPPER, key, mac_of(PEPPER, KEY))


@given(st.text(max_size=200))
def test_text_that_is_no_key_is_refused(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize("other", ["test", "dev", "prod", "LIVE"])
def test_a_key_does_not_open_another_environment(other: str) -> None:
    assert parse(KEY.text.replace("ms_live_", f"ms_{other}_")) is None


def test_nothing_is_forgiven_around_a_key() -> None:
    for text in (KEY.text + "\n", " " + KEY.text, KEY.text.upper(), KEY.text[:-1], KEY.text + "0", ""):
        assert parse(text) is None


def test_only_the_whole_key_under_the_same_pepper_is_the_same() -> None:
    mac = mac_of(PEPPER, KEY)
    other = mint(Environment.LIVE, secrets.token_bytes)

    assert is_same(PEPPER, KEY, mac)
    assert not is_same(PEPPER, other, mac)
    assert not is_same(PEPPER, ApiKey(KEY.environment, KEY.public_id, other.text), mac)
    assert not is_same(b"other" * 8, KEY, mac)
    assert not is_same(PEPPER, KEY, None)
    assert not is_same(PEPPER, KEY, "0" * 64)


def test_a_key_never_shows_in_its_repr() -> None:
    assert KEY.text not in repr(KEY)
    assert KEY.text.rsplit("_", 2)[1] not in mac_of(PEPPER, KEY)
