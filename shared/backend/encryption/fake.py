"""Keys in memory, obviously right."""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from backend.encryption.model import DecryptionFailedError, WrappedKey
from backend.encryption.sealing import FORM, HEAD_BYTES, NONCE_BYTES, version_of


class FakeKeyService:
    """Wraps by turning bits round; `calls` tells how often it was asked."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._made = 0

    def generate(self, tenant_id: str) -> tuple[bytes, bytes]:
        """Return a key that is the next of a fixed row."""
        self.calls.append("generate")
        self._made += 1
        plain = hashlib.sha256(f"{tenant_id}:{self._made}".encode()).digest()
        return plain, _turned(tenant_id, plain)

    def unwrap(self, tenant_id: str, wrapped: bytes) -> bytes:
        """Return the plain key."""
        self.calls.append("unwrap")
        owner, _, turned = wrapped.partition(b"|")
        if owner != tenant_id.encode():
            msg = "wrapped for another tenant"
            raise ValueError(msg)
        return bytes(byte ^ 0xFF for byte in turned)


class FakeKeyStore:
    """Versions in a dictionary."""

    def __init__(self) -> None:
        self._keys: dict[tuple[str, int], WrappedKey] = {}

    def current(self, tenant_id: str) -> WrappedKey | None:
        """Return the highest version."""
        versions = self.all(tenant_id)
        return versions[-1] if versions else None

    def version(self, tenant_id: str, version: int) -> WrappedKey | None:
        """Return one version."""
        return self._keys.get((tenant_id, version))

    def all(self, tenant_id: str) -> list[WrappedKey]:
        """Return all versions."""
        return [self._keys[key] for key in sorted(self._keys) if key[0] == tenant_id]

    def add(self, key: WrappedKey, retired: WrappedKey | None = None) -> WrappedKey:
        """Store a version unless it is there."""
        if (key.tenant_id, key.version) in self._keys:
            return self._keys[key.tenant_id, key.version]
        if retired:
            self.replace(retired)
        self._keys[key.tenant_id, key.version] = key
        return key

    def replace(self, key: WrappedKey) -> None:
        """Store a version that is there."""
        if (key.tenant_id, key.version) in self._keys:
            self._keys[key.tenant_id, key.version] = key


def _turned(tenant_id: str, plain: bytes) -> bytes:
    return tenant_id.encode() + b"|" + bytes(byte ^ 0xFF for byte in plain)


class FakeSeals:
    """Seals under a key that follows from the tenant and the version, without a store; `expired` versions open no more."""

    def __init__(self) -> None:
        self.version = 1
        self.expired: set[int] = set()
        self._made = 0

    def seal(self, tenant_id: str, place: str, plain: bytes) -> bytes:
        """Return the bytes sealed for this place."""
        self._made += 1
        nonce = self._made.to_bytes(NONCE_BYTES)
        return FORM + self.version.to_bytes(4) + nonce + _cipher(tenant_id, self.version).encrypt(nonce, plain, place.encode())

    def open(self, tenant_id: str, place: str, sealed: bytes) -> bytes:
        """Return what was sealed for this place. Raises `DecryptionFailedError`."""
        version = version_of(sealed)
        if version in self.expired:
            raise DecryptionFailedError(version, "expired")
        try:
            return _cipher(tenant_id, version).decrypt(sealed[5:HEAD_BYTES], sealed[HEAD_BYTES:], place.encode())
        except InvalidTag:
            raise DecryptionFailedError(version, "damaged") from None


def _cipher(tenant_id: str, version: int) -> AESGCM:
    return AESGCM(hashlib.sha256(f"{tenant_id}:{version}".encode()).digest())
