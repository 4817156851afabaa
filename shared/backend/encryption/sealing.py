"""AES-256-GCM under a tenant's data keys.

Sealed bytes: one byte for the form (1), four for the key's version, twelve of nonce, then the ciphertext with its tag of
sixteen (NIST SP 800-38D). The associated data names tenant and place, so that nothing sealed for one row opens in another.
Nonces are random: at 2**32 seals under one key the chance of a repeat is 2**-33; rotation comes long before.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from backend.encryption.model import DecryptionFailedError, KeyState, WrappedKey
from backend.encryption.ports import KeyService, KeyStore
from backend.kit.clock import Clock

FORM = b"\x01"
NONCE_BYTES = 12
HEAD_BYTES = 1 + 4 + NONCE_BYTES
KEYS_LAST = timedelta(minutes=5)
"""How long a process goes on with what it read of a key: so soon is an expired version closed everywhere."""

MOST_KEYS = 512


class Sealer:
    """Seals and opens. Keeps at most 512 keys in memory, each for five minutes."""

    def __init__(self, *, store: KeyStore, service: KeyService, clock: Clock, random_bytes: Callable[[int], bytes]) -> None:
        self._store = store
        self._service = service
        self._clock = clock
        self._random_bytes = random_bytes
        self._lock = Lock()
        self._keys: OrderedDict[tuple[str, int], tuple[WrappedKey, AESGCM, datetime]] = OrderedDict()
        self._current: OrderedDict[str, tuple[int, datetime]] = OrderedDict()

    def seal(self, tenant_id: str, place: str, plain: bytes) -> bytes:
        """Return the bytes sealed for this place under the tenant's active key, which is made when there is none.

        Raises `DependencyUnavailableError`.
        """
        version, cipher = self._active(tenant_id)
        nonce = self._random_bytes(NONCE_BYTES)
        return FORM + version.to_bytes(4) + nonce + cipher.encrypt(nonce, plain, _associated(tenant_id, place))

    def open(self, tenant_id: str, place: str, sealed: bytes) -> bytes:
        """Return what was sealed for this place. Raises `DecryptionFailedError`, `DependencyUnavailableError`."""
        version = version_of(sealed)
        cipher = self._cipher(tenant_id, version)
        try:
            return cipher.decrypt(sealed[5:HEAD_BYTES], sealed[HEAD_BYTES:], _associated(tenant_id, place))
        except (InvalidTag, ValueError):
            raise DecryptionFailedError(version, "damaged") from None

    def current_version(self, tenant_id: str) -> int:
        """Return the version that seals now. Raises `DependencyUnavailableError`."""
        return self._active(tenant_id)[0]

    def rotate(self, tenant_id: str, expires_at: datetime | None = None, after: int | None = None) -> int:
        """Make a new version that seals from now on; the one before opens until `expires_at`. Return the new version.

        With `after`, nothing is made where there is a later version than this already: asking twice is asking once.
        Other processes seal under the version before for up to five minutes more. Raises `DependencyUnavailableError`.
        """
        before = self._store.current(tenant_id)
        if before and after is not None and before.version > after:
            return before.version
        made = self._made(tenant_id, before, expires_at)
        with self._lock:
            self._current.pop(tenant_id, None)
            if before:
                self._keys.pop((tenant_id, before.version), None)
        return made.version

    def _active(self, tenant_id: str) -> tuple[int, AESGCM]:
        now = self._clock.now()
        with self._lock:
            known = self._current.get(tenant_id)
        if known and now < known[1]:
            return known[0], self._cipher(tenant_id, known[0])
        key = self._store.current(tenant_id) or self._made(tenant_id, None, None)
        with self._lock:
            self._current[tenant_id] = (key.version, now + KEYS_LAST)
            _bound(self._current)
        return key.version, self._cipher(tenant_id, key.version, key)

    def _made(self, tenant_id: str, before: WrappedKey | None, expires_at: datetime | None) -> WrappedKey:
        _, wrapped = self._service.generate(tenant_id)
        version = before.version + 1 if before else 1
        key = WrappedKey(tenant_id, version, wrapped, KeyState.ACTIVE, self._clock.now())
        return self._store.add(key, before.retired(expires_at) if before else None)

    def _cipher(self, tenant_id: str, version: int, key: WrappedKey | None = None) -> AESGCM:
        now = self._clock.now()
        with self._lock:
            held = self._keys.get((tenant_id, version))
        if held and now < held[2]:
            if not held[0].opens(now):
                raise DecryptionFailedError(version, "expired")
            return held[1]
        key = key or self._store.version(tenant_id, version)
        if key is None:
            raise DecryptionFailedError(version, "unknown")
        if not key.opens(now):
            raise DecryptionFailedError(version, "expired")
        try:
            cipher = AESGCM(self._service.unwrap(tenant_id, key.wrapped))
        except ValueError:
            raise DecryptionFailedError(version, "unknown") from None
        with self._lock:
            self._keys[tenant_id, version] = (key, cipher, now + KEYS_LAST)
            _bound(self._keys)
        return cipher


def version_of(sealed: bytes) -> int:
    """Return the key's version. Raises `DecryptionFailedError` for what was not sealed here."""
    if len(sealed) < HEAD_BYTES or sealed[:1] != FORM:
        raise DecryptionFailedError(0, "damaged")
    return int.from_bytes(sealed[1:5])


def _associated(tenant_id: str, place: str) -> bytes:
    tenant = tenant_id.encode()
    return len(tenant).to_bytes(4) + tenant + place.encode()


def _bound(
    held: OrderedDict[tuple[str, int], tuple[WrappedKey, AESGCM, datetime]] | OrderedDict[str, tuple[int, datetime]],
) -> None:
    while len(held) > MOST_KEYS:
        held.popitem(last=False)
