"""Bearer tokens: what is accepted, and every trick that is not."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.kit.errors import EndUserMismatchError, ForbiddenError, ProjectNotFoundError, UnauthorizedError
from backend.kit.problems import document
from backend.tenancy.access import Credentials
from backend.tenancy.late_tokens import LateTokens
from backend.tenancy.model import Permission
from backend.tenancy.ports import Tokens
from backend.tenancy.refusal import Refusal, reason_of
from tests.unit.tenancy.signing import (
    JWKS_URL,
    NAME,
    NOW,
    Signer,
    claims_of,
    encoded,
    issuer_of,
    jwks_of,
    key_for,
    public,
    with_hmac,
)

if TYPE_CHECKING:
    from tests.unit.tenancy.conftest import World

SIGNER = Signer()
ALL_KEYS = jwks_of(public("EdDSA"), public("ES256"), public("RS256"))
HUGE = 10**400


@pytest.fixture
def trusting(world: World) -> World:
    world.tenancy.configure_issuer(issuer_of(ALL_KEYS))
    return world


def why(world: World, token: str) -> Refusal | None:
    """Return why the token is refused; None means that it was let in."""
    try:
        world.tokens.verify(token)
    except UnauthorizedError as error:
        return reason_of(error)
    return None


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "RS256"])
def test_a_good_token_is_its_subject(trusting: World, algorithm: str) -> None:
    caller = trusting.access.authenticate(Credentials(bearer=Signer(algorithm).token(), project_id="support"))

    assert (caller.tenant_id, caller.project_id, caller.acting_for()) == ("acme", "support", "u1")
    assert caller.scopes == {Permission.MEMORY_READ, Permission.MEMORY_ADD}
    assert caller.actor.startswith("token:")
    assert caller.key_id is None


def test_a_token_speaks_for_no_end_user_but_its_subject(trusting: World) -> None:
    token = SIGNER.token()
    with pytest.raises(EndUserMismatchError):
        trusting.access.authenticate(Credentials(bearer=token, end_user_id="u2"))

    caller = trusting.access.authenticate(Credentials(bearer=token, end_user_id="u1"))
    assert caller.acting_for("u1") == "u1"
    with pytest.raises(EndUserMismatchError):
        caller.acting_for("u2")


def test_a_token_may_be_bound_to_a_project(trusting: World) -> None:
    trusting.tenancy.create_project("acme", "Sales", "sales")
    bound = SIGNER.token(claims_of(project_id="support"))

    assert trusting.access.authenticate(Credentials(bearer=bound)).project_id == "support"
    with pytest.raises(ForbiddenError):
        trusting.access.authenticate(Credentials(bearer=bound, project_id="sales"))
    with pytest.raises(ProjectNotFoundError):
        trusting.access.authenticate(Credentials(bearer=SIGNER.token(claims_of(project_id="nothing"))))


@pytest.mark.parametrize(
    ("scope", "granted"),
    [
        ("memory:read", {Permission.MEMORY_READ}),
        ("openid memory:read profile", {Permission.MEMORY_READ}),
        ("memory:*", {Permission.MEMORY_READ, Permission.MEMORY_ADD}),
        ("org:* memory:delete", set()),
        ("", set()),
    ],
)
def test_a_token_narrows_what_its_issuer_may_give_and_never_widens_it(
    trusting: World, scope: str, granted: set[Permission]
) -> None:
    assert trusting.tokens.verify(SIGNER.token(claims_of(scope=scope))).scopes == granted


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": ["other", "memories"]},
        {"iat": NOW + 60, "exp": NOW + 3660},
        {"iat": NOW - 3600, "exp": NOW - 59},
        {"nbf": NOW + 60},
        {"iat": NOW - 0.5, "exp": NOW + 1.5},
        {"sub": "José"},
        {"extra": {"nested": [1, 2]}, "jti": "1"},
    ],
)
def test_claims_within_the_rules_are_accepted(trusting: World, changes: dict[str, Any]) -> None:
    assert why(trusting, SIGNER.token(claims_of(**changes))) is None


@pytest.mark.parametrize(
    "changes",
    [
        *({name: None} for name in ("aud", "sub", "iat", "exp")),
        {"aud": "other"},
        {"aud": ["other"]},
        {"aud": []},
        {"aud": {"memories": 1}},
        {"aud": ["memories", 7]},
        {"exp": NOW - 60, "iat": NOW - 3000},
        {"exp": NOW + 3601},
        {"exp": NOW},
        {"iat": NOW + 61, "exp": NOW + 3600},
        {"iat": -1, "exp": 3000},
        {"nbf": NOW + 61},
        {"nbf": "soon"},
        {"exp": str(NOW + 3600)},
        {"exp": True, "iat": False},
        {"exp": HUGE},
        {"exp": HUGE, "iat": 0.5},
        {"exp": HUGE, "iat": HUGE - 1},
        {"iat": [NOW]},
        {"nbf": HUGE},
        {"sub": ""},
        {"sub": 17},
        {"sub": "u1\n"},
        {"sub": "x" * 257},
        {"project_id": "../x"},
        {"project_id": 7},
        {"scope": ["memory:read"]},
    ],
)
def test_claims_against_the_rules_are_refused(trusting: World, changes: dict[str, Any]) -> None:
    assert why(trusting, SIGNER.token(claims_of(**changes))) is Refusal.TOKEN_CLAIMS


@pytest.mark.parametrize("issuer", ["https://other.example", NAME + "/", NAME.upper(), ""])
def test_an_issuer_is_known_by_its_exact_name(trusting: World, issuer: str) -> None:
    assert why(trusting, SIGNER.token(claims_of(iss=issuer))) is Refusal.ISSUER_UNKNOWN


@pytest.mark.parametrize("issuer", [None, 7, [NAME], {"iss": NAME}])
def test_an_issuer_must_be_named(trusting: World, issuer: object) -> None:
    assert why(trusting, SIGNER.token(claims_of(iss=issuer))) is Refusal.TOKEN_CLAIMS


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"alg": "none"}, Refusal.TOKEN_ALGORITHM),
        ({"alg": "None"}, Refusal.TOKEN_ALGORITHM),
        ({"alg": "HS256"}, Refusal.TOKEN_ALGORITHM),
        ({"alg": "RS512"}, Refusal.TOKEN_ALGORITHM),
        ({"alg": "PS256"}, Refusal.TOKEN_ALGORITHM),
        ({"alg": "Ed25519"}, Refusal.TOKEN_ALGORITHM),
        ({"alg": None}, Refusal.TOKEN_ALGORITHM),
        ({"alg": ["EdDSA"]}, Refusal.TOKEN_ALGORITHM),
        ({"alg": "ES256"}, Refusal.TOKEN_SIGNATURE),
        ({"alg": "RS256"}, Refusal.TOKEN_SIGNATURE),
        ({"kid": None}, Refusal.TOKEN_KEY),
        ({"kid": 7}, Refusal.TOKEN_KEY),
        ({"kid": ""}, Refusal.TOKEN_KEY),
        ({"kid": "k2"}, Refusal.TOKEN_KEY),
        ({"kid": "../../../dev/null"}, Refusal.TOKEN_KEY),
        ({"kid": "' OR 1=1 --"}, Refusal.TOKEN_KEY),
        ({"kid": "https://evil.example/jwks.json"}, Refusal.TOKEN_KEY),
        ({"jku": "https://evil.example/jwks.json"}, Refusal.TOKEN_MALFORMED),
        ({"x5u": "https://evil.example/"}, Refusal.TOKEN_MALFORMED),
        ({"x5c": ["MII"]}, Refusal.TOKEN_MALFORMED),
        ({"jwk": public("EdDSA")}, Refusal.TOKEN_MALFORMED),
        ({"crit": ["exp"], "exp": NOW}, Refusal.TOKEN_MALFORMED),
        ({"crit": []}, Refusal.TOKEN_MALFORMED),
        ({"b64": False}, Refusal.TOKEN_MALFORMED),
        ({"typ": "logout+jwt"}, Refusal.TOKEN_MALFORMED),
        ({"typ": 7}, Refusal.TOKEN_MALFORMED),
    ],
)
def test_a_header_that_tries_something_is_refused(trusting: World, header: dict[str, Any], reason: Refusal) -> None:
    assert why(trusting, SIGNER.token(**header)) is reason


@pytest.mark.parametrize("header", [{"typ": None}, {"typ": "at+jwt"}, {"typ": "jwt"}, {"x5t": "abc"}, {"nonce": "1"}])
def test_a_header_with_something_harmless_is_accepted(trusting: World, header: dict[str, Any]) -> None:
    assert why(trusting, SIGNER.token(**header)) is None


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256", "RS256"])
@pytest.mark.parametrize("called", ["HS256", "RS256", "ES256", "EdDSA"])
def test_the_public_key_is_no_shared_secret(trusting: World, algorithm: str, called: str) -> None:
    key = key_for(algorithm)
    for secret in (key.as_bytes("PEM", private=False), key.as_bytes("DER", private=False), ALL_KEYS.encode()):
        forged = with_hmac({"alg": called, "kid": "k1"}, claims_of(), secret)
        assert why(trusting, forged) in {Refusal.TOKEN_ALGORITHM, Refusal.TOKEN_SIGNATURE}


def test_a_token_without_a_signature_is_refused(trusting: World) -> None:
    head, body, _ = SIGNER.token().split(".")

    assert why(trusting, f"{head}.{body}.") is Refusal.TOKEN_MALFORMED
    assert why(trusting, f"{head}.{body}") is Refusal.TOKEN_MALFORMED
    assert why(trusting, f"{head}..{encoded('x')}") is Refusal.TOKEN_MALFORMED
    assert why(trusting, f"{encoded(json.dumps({'alg': 'none', 'kid': 'k1'}))}.{body}.") is Refusal.TOKEN_MALFORMED


def test_the_key_of_another_issuer_with_the_same_kid_does_not_sign(trusting: World) -> None:
    trusting.tenancy.create_tenant("Rival", tenant_id="rival")
    other = issuer_of(jwks_of(public("ES256", "k9") | {"kid": "k1"}), issuer="https://rival.example", tenant_id="rival")
    trusting.tenancy.configure_issuer(other)
    token = Signer("ES256", "k9").token(claims_of(), kid="k1")

    assert why(trusting, token) is Refusal.TOKEN_SIGNATURE


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(claims_of())[:-1] + f', "iss": "{NAME}"}}',
        json.dumps(claims_of())[:-1] + ', "sub": "u2"}',
        json.dumps(claims_of())[:-1] + ', "x": NaN}',
        json.dumps(claims_of())[:-1] + f', "x": {"9" * 5000}}}',
        "[]",
        "null",
        "not JSON",
        '"\ud800"'.encode("utf-8", "surrogatepass").decode("latin-1"),
    ],
)
def test_claims_that_can_be_read_in_two_ways_or_none_are_refused(trusting: World, body: str) -> None:
    assert why(trusting, SIGNER.raw(body)) is Refusal.TOKEN_MALFORMED


def test_claims_nested_as_deep_as_a_token_can_hold_do_no_harm(trusting: World) -> None:
    body = json.dumps(claims_of())[:-1] + ', "x": ' + "[" * 2900 + "]" * 2900 + "}"

    # How deep JSON may be is the interpreter's affair; the claim itself means nothing here.
    assert why(trusting, SIGNER.raw(body)) in {None, Refusal.TOKEN_MALFORMED}


def test_a_header_with_a_name_twice_is_refused(trusting: World) -> None:
    head = '{"alg": "EdDSA", "kid": "k1", "alg": "EdDSA"}'

    assert why(trusting, SIGNER.signed(head, json.dumps(claims_of()))) is Refusal.TOKEN_MALFORMED


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "é.é.é", "a b.c.d", "a=.b.c", "a." * 5000, "x" * 9000])
def test_text_that_is_no_token_is_refused(trusting: World, text: str) -> None:
    assert why(trusting, text) is Refusal.TOKEN_MALFORMED


def test_every_refusal_reads_the_same(trusting: World) -> None:
    tokens = ["", SIGNER.token(alg="none"), SIGNER.token(claims_of(aud="x")), SIGNER.token(claims_of(iss="x"))]
    answers = set()
    for token in tokens:
        with pytest.raises(UnauthorizedError) as refused:
            trusting.tokens.verify(token)
        answers.add(str(document(refused.value, instance="/", request_id="1")))

    assert len(answers) == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(position=st.integers(0, 10_000), flip=st.integers(1, 255), algorithm=st.sampled_from(["EdDSA", "ES256", "RS256"]))
def test_no_token_with_any_byte_changed_is_accepted(trusting: World, position: int, flip: int, algorithm: str) -> None:
    parts = [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in Signer(algorithm).token().split(".")]
    which = position % 3
    data = bytearray(parts[which])
    data[position % len(data)] ^= flip
    parts[which] = bytes(data)

    assert why(trusting, ".".join(encoded(part) for part in parts)) is not None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(
    header=st.dictionaries(
        st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jku", "jwk", "x5c", "zip", "enc", "p2c"]),
        st.none() | st.integers() | st.text(max_size=10) | st.lists(st.text(max_size=3)) | st.sampled_from(["none", "HS256"]),
        min_size=1,
    ),
    secret=st.binary(min_size=1, max_size=64),
)
def test_no_header_lets_in_a_token_that_the_issuer_did_not_sign(trusting: World, header: dict[str, Any], secret: bytes) -> None:
    forged = with_hmac({"alg": "EdDSA", "kid": "k1", **header}, claims_of(), secret)

    assert why(trusting, forged) is not None


def test_an_issuer_that_cannot_be_reached_reads_like_any_other_refusal(world: World) -> None:
    world.tenancy.configure_issuer(issuer_of())

    assert why(world, SIGNER.token()) is Refusal.ISSUER_UNREACHABLE
    assert world.fetcher.asked == [JWKS_URL]


def test_an_issuer_that_is_removed_is_refused_within_five_seconds(trusting: World) -> None:
    assert why(trusting, SIGNER.token()) is None
    trusting.tenancy.remove_issuer("acme", NAME)
    trusting.clock.advance(seconds=5)

    assert why(trusting, SIGNER.token()) is Refusal.ISSUER_UNKNOWN


def test_a_verifier_is_made_once_and_only_when_a_token_comes(trusting: World) -> None:
    made: list[Tokens] = []

    def make() -> Tokens:
        made.append(trusting.tokens)
        return trusting.tokens

    late = LateTokens(make)
    assert not made

    assert late.verify(SIGNER.token()).end_user_id == "u1"
    assert late.usable_keys(ALL_KEYS) == ["k1"]
    assert len(made) == 1
