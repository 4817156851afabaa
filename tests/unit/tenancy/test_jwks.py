"""Issuers' keys: which are used, how often they are fetched, and how long they last."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from backend.kit.errors import DependencyUnavailableError
from backend.tenancy.jwks import IssuerKeys, read_jwks
from tests.unit.tenancy.signing import JWKS_URL, issuer_of, jwks_of, key_for, public

if TYPE_CHECKING:
    from tests.unit.tenancy.conftest import World

GOOD = public("EdDSA")
ISSUER = issuer_of()


@pytest.fixture
def keys(world: World) -> IssuerKeys:
    world.fetcher.documents[JWKS_URL] = jwks_of(GOOD)
    return IssuerKeys(world.fetcher, world.clock)


def is_known(keys: IssuerKeys, kid: str) -> bool:
    return keys.find(ISSUER, "EdDSA", kid) is not None


def test_each_kind_of_key_serves_its_algorithm() -> None:
    assert set(read_jwks(jwks_of(*map(public, ("EdDSA", "ES256", "RS256"))))) == {
        ("EdDSA", "k1"),
        ("ES256", "k1"),
        ("RS256", "k1"),
    }


@pytest.mark.parametrize(
    "entry",
    [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "k1"},
        GOOD | {"kid": 7},
        GOOD | {"kid": ""},
        GOOD | {"kid": "x" * 257},
        {name: value for name, value in GOOD.items() if name != "kid"},
        GOOD | {"alg": "ES256"},
        GOOD | {"use": "enc"},
        GOOD | {"key_ops": ["sign", "verify"]},
        GOOD | {"x": "AA"},
        GOOD | {"x": 7},
        GOOD | {"x": "***"},
        GOOD | {"crv": "Ed448"},
        key_for("EdDSA").as_dict(private=True) | {"kid": "k1"},
        ECKey.generate_key("P-384").as_dict(private=False) | {"kid": "k1"},
        public("ES256") | {"y": public("ES256")["x"]},
        OKPKey.generate_key("X25519").as_dict(private=False) | {"kid": "k1"},
        public("RS256") | {"n": "AQAB"},
        public("RS256") | {"n": "A" * 12_000},
        public("RS256") | {"e": "AA"},
        "no key",
        None,
    ],
)
def test_a_key_that_is_not_fit_to_verify_with_is_left_out_and_the_others_stay(entry: Any) -> None:
    other = public("EdDSA", "k2")

    assert set(read_jwks(jwks_of(entry, other))) == {("EdDSA", "k2")}


def test_a_small_rsa_key_is_left_out() -> None:
    with pytest.warns(match="2048"):
        small = RSAKey.generate_key(1024).as_dict(private=False) | {"kid": "k1"}

    assert not read_jwks(jwks_of(small))


def test_a_key_id_that_stands_twice_is_nobodys() -> None:
    assert not read_jwks(jwks_of(GOOD, public("EdDSA", "k2") | {"kid": "k1"}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Expecting value"),
        ("[]", "no JWKS"),
        ("{}", "no JWKS"),
        ('{"keys": {}}', "no JWKS"),
        ('{"keys": []', "Expecting"),
        ('{"keys": [], "keys": []}', "twice"),
        pytest.param(json.dumps({"keys": [GOOD] * 65}), "no JWKS", id="65 keys"),
        ("[" * 100_000, "too deep"),
    ],
)
def test_what_is_no_jwks_is_not_read(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_jwks(text)


def test_keys_are_fetched_once_in_five_minutes(world: World, keys: IssuerKeys) -> None:
    for _ in range(5):
        assert is_known(keys, "k1")
    world.clock.advance(seconds=299)
    assert is_known(keys, "k1")
    assert len(world.fetcher.asked) == 1

    world.clock.advance(seconds=1)
    assert is_known(keys, "k1")
    assert len(world.fetcher.asked) == 2


def test_a_new_key_is_found_by_one_fetch_a_minute_however_many_ask(world: World, keys: IssuerKeys) -> None:
    assert is_known(keys, "k1")
    world.clock.advance(seconds=59)
    world.fetcher.documents[JWKS_URL] = jwks_of(GOOD, public("EdDSA", "k2"))

    assert not any(is_known(keys, kid) for kid in ("k2", "x", "y"))
    world.clock.advance(seconds=1)
    assert is_known(keys, "k2")
    assert not any(is_known(keys, f"unknown{number}") for number in range(20))
    assert len(world.fetcher.asked) == 2


def test_a_withdrawn_key_is_refused_after_five_minutes(world: World, keys: IssuerKeys) -> None:
    assert is_known(keys, "k1")
    world.fetcher.documents[JWKS_URL] = jwks_of(public("EdDSA", "k2"))
    world.clock.advance(seconds=300)

    assert not is_known(keys, "k1")


def test_the_keys_held_serve_for_an_hour_while_the_issuer_is_down(world: World, keys: IssuerKeys) -> None:
    assert is_known(keys, "k1")
    world.fetcher.documents.clear()

    world.clock.advance(seconds=3600)
    assert is_known(keys, "k1")
    world.clock.advance(seconds=1)
    with pytest.raises(DependencyUnavailableError):
        keys.find(ISSUER, "EdDSA", "k1")

    world.fetcher.documents[JWKS_URL] = jwks_of(GOOD)
    world.clock.advance(seconds=10)
    assert is_known(keys, "k1")


def test_an_issuer_that_is_down_is_asked_once_in_ten_seconds(world: World, keys: IssuerKeys) -> None:
    world.fetcher.documents.clear()
    for _ in range(20):
        with pytest.raises(DependencyUnavailableError):
            keys.find(ISSUER, "EdDSA", "k1")
    assert len(world.fetcher.asked) == 1

    world.clock.advance(seconds=10)
    world.fetcher.documents[JWKS_URL] = jwks_of(GOOD)
    assert is_known(keys, "k1")


@pytest.mark.parametrize("answer", ["<html>", '{"keys": 7}', "[" * 100_000])
def test_an_answer_that_is_no_jwks_counts_as_none(world: World, keys: IssuerKeys, answer: str) -> None:
    assert is_known(keys, "k1")
    world.fetcher.documents[JWKS_URL] = answer
    world.clock.advance(seconds=300)

    assert is_known(keys, "k1")


def test_a_clock_that_is_set_back_does_not_keep_old_keys(world: World, keys: IssuerKeys) -> None:
    assert is_known(keys, "k1")
    world.fetcher.documents[JWKS_URL] = jwks_of(public("EdDSA", "k2"))
    world.clock.advance(hours=-2)

    assert not is_known(keys, "k1")


def test_an_issuer_with_a_new_address_is_asked_there(world: World, keys: IssuerKeys) -> None:
    assert is_known(keys, "k1")
    moved = issuer_of(jwks_url="https://issuer.example/new.json")
    world.fetcher.documents["https://issuer.example/new.json"] = jwks_of(public("EdDSA", "k2"))

    assert keys.find(moved, "EdDSA", "k1") is None
    assert keys.find(moved, "EdDSA", "k2") is not None
