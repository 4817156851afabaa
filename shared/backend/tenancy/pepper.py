"""Keys derived from the pepper: one a tenant, for everything that must be looked up without being readable."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

from backend.tenancy.ports import Secrets


def tenant_mac_key(pepper: bytes, tenant_id: str) -> bytes:
    """Return the tenant's own HMAC key, 32 bytes. It outlives the rotation of data keys."""
    return hmac.new(pepper, b"tenant:" + tenant_id.encode(), hashlib.sha256).digest()


@dataclass(frozen=True, slots=True)
class TenantMac:
    """A tenant's HMAC. The first part says what it is for, so that one purpose's MAC is never another's."""

    key: bytes = field(repr=False)

    def mac(self, *parts: str | bytes) -> str:
        """Return the HMAC-SHA256 in hex over the parts, each with its length (8 bytes) before it: no two lists collide."""
        return self._digest(parts).hexdigest()

    def derived(self, purpose: str) -> bytes:
        """Return a key of 32 bytes for one purpose: cursors, audit chains."""
        return self._digest(("derive", purpose)).digest()

    def _digest(self, parts: tuple[str | bytes, ...]) -> hmac.HMAC:
        digest = hmac.new(self.key, digestmod=hashlib.sha256)
        for part in parts:
            data = part.encode() if isinstance(part, str) else part
            digest.update(len(data).to_bytes(8))
            digest.update(data)
        return digest


class TenantMacs:
    """Gives each tenant its MAC."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def of(self, tenant_id: str) -> TenantMac:
        """Return the tenant's MAC. Raises what the secrets raise."""
        return TenantMac(tenant_mac_key(self._secrets.pepper(), tenant_id))
