"""Keys derived from the pepper."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backend.tenancy.fake import FakeSecrets
from backend.tenancy.pepper import TenantMac, TenantMacs, tenant_mac_key

PARTS = st.lists(st.text(max_size=5) | st.binary(max_size=5), max_size=4)
MAC = TenantMac(b"k" * 32)


def as_bytes(parts: list[str | bytes]) -> list[bytes]:
    return [part.encode() if isinstance(part, str) else part for part in parts]


@given(PARTS, PARTS)
def test_two_lists_of_parts_share_a_mac_only_when_they_are_the_same(one: list[str | bytes], two: list[str | bytes]) -> None:
    assert (MAC.mac(*one) == MAC.mac(*two)) == (as_bytes(one) == as_bytes(two))


def test_the_same_words_have_another_mac_in_each_tenant() -> None:
    macs = TenantMacs(FakeSecrets())

    assert macs.of("acme").mac("guard", "words") == macs.of("acme").mac("guard", "words")
    assert macs.of("acme").mac("guard", "words") != macs.of("rival").mac("guard", "words")


def test_another_pepper_gives_other_keys() -> None:
    assert tenant_mac_key(b"a" * 32, "acme") != tenant_mac_key(b"b" * 32, "acme")
    assert len(tenant_mac_key(b"a" * 32, "acme")) == 32


def test_each_purpose_has_a_key_of_its_own() -> None:
    assert len({MAC.derived("cursors"), MAC.derived("audit"), MAC.key}) == 3
    assert MAC.derived("cursors") == MAC.derived("cursors")
    assert MAC.derived("cursors").hex() != MAC.mac("cursors")


def test_a_key_never_shows_in_its_repr() -> None:
    assert "kkkk" not in repr(MAC)
