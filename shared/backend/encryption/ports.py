"""What sealing needs of the outside."""

from __future__ import annotations

from typing import Protocol

from backend.encryption.model import WrappedKey


class KeyService(Protocol):
    """Makes data keys and unwraps them; holds the key above them."""

    def generate(self, tenant_id: str) -> tuple[bytes, bytes]:
        """Return a new key of 32 bytes, plain and wrapped for this tenant. Raises `DependencyUnavailableError`."""

    def unwrap(self, tenant_id: str, wrapped: bytes) -> bytes:
        """Return the plain key. One that was wrapped for another tenant, or with a key that is gone, raises `ValueError`.

        Raises `DependencyUnavailableError` when the service does not answer.
        """


class KeyStore(Protocol):
    """Keeps the wrapped keys of tenants."""

    def current(self, tenant_id: str) -> WrappedKey | None:
        """Return the active version, None for a tenant without any."""

    def version(self, tenant_id: str, version: int) -> WrappedKey | None:
        """Return one version."""

    def all(self, tenant_id: str) -> list[WrappedKey]:
        """Return all versions, the oldest first."""

    def add(self, key: WrappedKey, retired: WrappedKey | None = None) -> WrappedKey:
        """Make this version the active one and store the one before it as retired, together; return the active one.

        When somebody else made this version first, theirs is returned and nothing is changed.
        """

    def replace(self, key: WrappedKey) -> None:
        """Store a version as it is now. One that is not there is no error: there is nothing it could open."""
