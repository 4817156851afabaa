"""What is sealed opens for its tenant, in its place, while its key lives; and never otherwise."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.encryption.fake import FakeKeyService, FakeKeyStore
from backend.encryption.model import DecryptionFailedError, WrappedKey
from backend.encryption.sealing import HEAD_BYTES, KEYS_LAST, MOST_KEYS, Sealer, version_of
from backend.kit.clock import FakeClock


class Vault:
    """A sealer with a hand on everything under it."""

    def __init__(self) -> None:
        self.clock, self.store, self.service = FakeClock(), FakeKeyStore(), FakeKeyService()
        self.numbers = itertools.count()
        self.sealer = self.another()

    def another(self) -> Sealer:
        """Return the sealer of another process."""
        return Sealer(
            store=self.store, service=self.service, clock=self.clock, random_bytes=lambda size: next(self.numbers).to_bytes(size)
        )


@pytest.fixture
def vault() -> Vault:
    return Vault()


@given(st.binary(max_size=500))
def test_what_was_sealed_opens_again_and_shows_nothing(plain: bytes) -> None:
    vault = Vault()
    sealed = vault.sealer.seal("acme", "row mem_1", plain)

    assert vault.another().open("acme", "row mem_1", sealed) == plain
    assert len(plain) < 8 or plain not in sealed
    assert len(sealed) == HEAD_BYTES + len(plain) + 16


@pytest.mark.parametrize(("tenant", "place"), [("acme", "row mem_2"), ("rival", "row mem_1"), ("acm", "erow mem_1")])
def test_it_opens_nowhere_else(vault: Vault, tenant: str, place: str) -> None:
    sealed = vault.sealer.seal("acme", "row mem_1", b"text")
    vault.sealer.seal(tenant, "x", b"a key of theirs")

    with pytest.raises(DecryptionFailedError):
        vault.sealer.open(tenant, place, sealed)


def test_a_changed_byte_is_noticed_wherever_it_is(vault: Vault) -> None:
    sealed = vault.sealer.seal("acme", "p", b"text")

    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(DecryptionFailedError):
            vault.sealer.open("acme", "p", bytes(changed))
    for cut in (b"", sealed[:3], sealed[:HEAD_BYTES], sealed[:-1]):
        with pytest.raises(DecryptionFailedError):
            vault.sealer.open("acme", "p", cut)


def test_the_same_text_never_looks_the_same(vault: Vault) -> None:
    assert vault.sealer.seal("acme", "p", b"text") != vault.sealer.seal("acme", "p", b"text")


def test_after_a_rotation_the_new_key_seals_and_the_old_one_still_opens(vault: Vault) -> None:
    old = vault.sealer.seal("acme", "p", b"old")

    assert vault.sealer.rotate("acme") == 2

    assert version_of(vault.sealer.seal("acme", "p", b"new")) == 2
    assert vault.sealer.open("acme", "p", old) == b"old"


def test_another_process_seals_with_the_new_key_within_minutes(vault: Vault) -> None:
    other = vault.another()
    other.seal("acme", "p", b"x")
    vault.sealer.rotate("acme")

    vault.clock.advance(seconds=KEYS_LAST.total_seconds())

    assert version_of(other.seal("acme", "p", b"x")) == 2


def test_what_an_expired_key_sealed_stays_closed(vault: Vault) -> None:
    sealed = vault.sealer.seal("acme", "p", b"text")
    vault.sealer.rotate("acme", expires_at=vault.clock.now() + timedelta(minutes=1))
    assert vault.sealer.open("acme", "p", sealed) == b"text"

    vault.clock.advance(minutes=1)

    for each in (vault.sealer, vault.another()):
        with pytest.raises(DecryptionFailedError) as failed:
            each.open("acme", "p", sealed)
        assert (failed.value.version, failed.value.reason) == (1, "expired")


def test_two_processes_that_make_the_first_key_at_once_agree_on_one(vault: Vault) -> None:
    one, other = vault.another(), vault.another()
    stale = FakeKeyStore()
    other._store = _Late(vault.store, stale)

    sealed = one.seal("acme", "p", b"one")
    late = other.seal("acme", "p", b"other")

    assert vault.another().open("acme", "p", sealed) == b"one"
    assert vault.another().open("acme", "p", late) == b"other"


class _Late(FakeKeyStore):
    """Does not see at first what somebody else just stored."""

    def __init__(self, real: FakeKeyStore, stale: FakeKeyStore) -> None:
        super().__init__()
        self._real, self._stale = real, stale
        self._keys = real._keys
        self._asked = 0

    def current(self, tenant_id: str) -> WrappedKey | None:
        self._asked += 1
        return self._stale.current(tenant_id) if self._asked == 1 else self._real.current(tenant_id)


def test_a_key_is_unwrapped_once_while_it_is_in_memory(vault: Vault) -> None:
    for _ in range(20):
        vault.sealer.open("acme", "p", vault.sealer.seal("acme", "p", b"text"))

    assert vault.service.calls.count("unwrap") == 1


def test_only_so_many_keys_are_held(vault: Vault) -> None:
    for number in range(MOST_KEYS + 9):
        vault.sealer.seal(f"t{number}", "p", b"x")

    assert len(vault.sealer._keys) == len(vault.sealer._current) == MOST_KEYS
