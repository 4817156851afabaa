"""Everything that a tenant has sealed, sealed again under the newest key.

The sealed bytes alone are written, under the condition that nobody changed the item since it was read. What the index shows of
the memory does not change by it, so there is no new version of the row and no pending marker. The markers that are there carry
documents sealed under the key before; they are gone within minutes, and one that cannot be opened sends its readers to the row.
"""

from __future__ import annotations

from datetime import timedelta

from backend.encryption.model import DecryptionFailedError
from backend.encryption.ports import KeyStore
from backend.encryption.sealing import KEYS_LAST, version_of
from backend.jobs.model import Counts, Job, Step
from backend.jobs.ports import Keys, SealedItem, SealedItems
from backend.kit import deadline, observability
from backend.kit.clock import Clock
from backend.kit.errors import ConflictError, DependencyUnavailableError, NewerReleaseError
from backend.memories.ports import MemoryStore

SETTLES = KEYS_LAST + timedelta(minutes=1)
"""So long other processes may go on sealing under the version before."""

ITEMS_A_PAGE = 500
SPARE_SECONDS = 20.0


class NotRotatedError(Exception):
    """The request that began the job ended before it made the new key."""


class Reencrypting:
    """`Worker` of re-encryptions."""

    def __init__(self, *, sealed: SealedItems, store: MemoryStore, keys: Keys, versions: KeyStore, clock: Clock) -> None:
        self._sealed = sealed
        self._store = store
        self._keys = keys
        self._versions = versions
        self._clock = clock

    def step(self, job: Job) -> Step:
        """Seal the tenant's items of the next page of the table. What cannot be opened is left as it is and counted as failed.

        Raises `NotRotatedError`; `DependencyUnavailableError` also while the new version is too young.
        """
        version = self._settled(job)
        page, cursor = self._sealed.page(job.tenant_id, job.cursor, ITEMS_A_PAGE)
        counts = Counts()
        for number, item in enumerate(page):
            if number and deadline.remaining() <= SPARE_SECONDS:
                last = page[number - 1]
                return Step(counts, {"pk": last.pk, "sk": last.sk})
            counts += self._sealed_again(item, version)
        return Step(counts, cursor)

    def _settled(self, job: Job) -> int:
        """Return the version to seal under, once every process does so."""
        newest = self._versions.current(job.tenant_id)
        if newest is None or newest.version < (job.key_version or 0):
            raise NotRotatedError
        if self._clock.now() < newest.created_at + SETTLES:
            msg = "Other processes may still seal under the version before."
            raise DependencyUnavailableError(msg)
        return newest.version

    def _sealed_again(self, item: SealedItem, version: int) -> Counts:
        if item.sealed is None:
            return self._upgraded(item)
        try:
            if version_of(item.sealed) >= version:
                return Counts(skipped=1)
            plain = self._keys.open(item.tenant_id, item.place, item.sealed)
        except DecryptionFailedError as error:
            observability.count("reencryption_failed")
            observability.note(reencryption_failed=error.reason)
            return Counts(failed=1)
        again = self._keys.seal(item.tenant_id, item.place, plain)
        # Whoever changed it meanwhile sealed it under the newest key.
        return Counts(changed=1) if self._sealed.reseal(item, again) else Counts(skipped=1)

    def _upgraded(self, item: SealedItem) -> Counts:
        """Write a row of the first release, which kept its text in the clear, in the form of today."""
        try:
            row = self._store.get(item.tenant_id, item.memory_id)
            if row is None or row.row_version != item.row_version:
                return Counts(skipped=1)
            sealed = row.changed(self._clock.now())
            self._store.replace(sealed, self._store.changes(sealed))
        except ConflictError:
            return Counts(skipped=1)
        except NewerReleaseError:
            return Counts(failed=1)
        return Counts(changed=1)
