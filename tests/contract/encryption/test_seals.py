"""What is sealed opens in its own place alone: the stand-in for tests and the real thing keep the same promises."""

from __future__ import annotations

import os

import pytest

from backend.encryption.fake import FakeKeyService, FakeKeyStore, FakeSeals
from backend.encryption.model import DecryptionFailedError
from backend.encryption.sealing import HEAD_BYTES, Sealer, version_of
from backend.kit.clock import FakeClock
from backend.memories.ports import Seals


@pytest.fixture(params=["fake", "sealer"])
def seals(request: pytest.FixtureRequest) -> Seals:
    if request.param == "fake":
        return FakeSeals()
    return Sealer(store=FakeKeyStore(), service=FakeKeyService(), clock=FakeClock(), random_bytes=os.urandom)


@pytest.mark.parametrize("plain", [b"", b"x", b"text" * 100_000, bytes(range(256))])
def test_what_is_sealed_opens_again(seals: Seals, plain: bytes) -> None:
    sealed = seals.seal("acme", "mem_1#ROW", plain)

    assert seals.open("acme", "mem_1#ROW", sealed) == plain
    assert len(sealed) == HEAD_BYTES + len(plain) + 16
    assert len(plain) < 4 or plain not in sealed


def test_the_same_text_never_looks_the_same_twice(seals: Seals) -> None:
    assert len({seals.seal("acme", "mem_1#ROW", b"text") for _ in range(50)}) == 50


@pytest.mark.parametrize(
    ("tenant", "place"),
    [("acme", "mem_2#ROW"), ("acme", "mem_1#REV#000000001"), ("rival", "mem_1#ROW"), ("acm", "emem_1#ROW"), ("acme", "")],
)
def test_it_opens_nowhere_else(seals: Seals, tenant: str, place: str) -> None:
    sealed = seals.seal("acme", "mem_1#ROW", b"text")
    seals.seal(tenant, "x", b"so that they have a key")

    with pytest.raises(DecryptionFailedError) as refused:
        seals.open(tenant, place, sealed)

    assert refused.value.reason == "damaged"
    assert "text" not in str(refused.value)


def test_a_changed_byte_is_noticed_wherever_it_is(seals: Seals) -> None:
    sealed = seals.seal("acme", "p", b"text")

    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 0x40
        with pytest.raises(DecryptionFailedError):
            seals.open("acme", "p", bytes(changed))


@pytest.mark.parametrize("size", [0, 1, HEAD_BYTES - 1, HEAD_BYTES, HEAD_BYTES + 1, HEAD_BYTES + 15])
def test_what_was_cut_off_does_not_open(seals: Seals, size: int) -> None:
    sealed = seals.seal("acme", "p", b"text")

    with pytest.raises(DecryptionFailedError):
        seals.open("acme", "p", sealed[:size])


def test_what_is_sealed_says_which_version_of_the_key_opens_it(seals: Seals) -> None:
    assert version_of(seals.seal("acme", "p", b"text")) == 1


def test_a_version_that_has_expired_opens_nothing_and_newer_ones_do() -> None:
    seals = FakeSeals()
    old = seals.seal("acme", "p", b"text")
    seals.version = 2
    new = seals.seal("acme", "p", b"text")
    seals.expired.add(1)

    with pytest.raises(DecryptionFailedError) as refused:
        seals.open("acme", "p", old)

    assert (refused.value.version, refused.value.reason) == (1, "expired")
    assert seals.open("acme", "p", new) == b"text"
