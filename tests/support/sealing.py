"""A real sealer on keys in memory, for tests of stores."""

from __future__ import annotations

import os

from backend.encryption.fake import FakeKeyService, FakeKeyStore
from backend.encryption.sealing import Sealer
from backend.kit.clock import Clock, FakeClock


class FixedSecrets:
    """The same pepper, always."""

    def pepper(self) -> bytes:
        """Return it."""
        return b"p" * 64


def sealer(clock: Clock | None = None, keys: FakeKeyStore | None = None) -> Sealer:
    """Return a sealer whose keys nobody else has."""
    return Sealer(store=keys or FakeKeyStore(), service=FakeKeyService(), clock=clock or FakeClock(), random_bytes=os.urandom)
