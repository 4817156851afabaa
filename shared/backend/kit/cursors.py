"""Opaque cursors: signed, so that only the list they were issued for accepts them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

from backend.kit.errors import Fault, InvalidCursorError

_MAC_BYTES = 16
_LONGEST = 2048


class Cursors:
    """Issues and reads cursors under a tenant's key. `purpose` binds one to a list: its route, scope and filters."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def issue(self, purpose: str, position: dict[str, str]) -> str:
        """Return the text that `read` turns back into the position."""
        body = json.dumps(position, separators=(",", ":"), sort_keys=True).encode()
        return _encoded(self._mac(purpose, body) + body)

    def read(self, purpose: str, cursor: str, pointer: str = "query:cursor") -> dict[str, str]:
        """Return the position. Raises `InvalidCursorError`, at the pointer, for anything not issued for this purpose."""
        raw = _decoded(cursor) if len(cursor) <= _LONGEST else b""
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if len(mac) < _MAC_BYTES or not hmac.compare_digest(mac, self._mac(purpose, body)):
            msg = "This cursor was not issued for this list."
            cure = "Leave the cursor out to begin again, or send next_cursor of the page before, with the same filters."
            raise InvalidCursorError(msg, faults=(Fault(pointer, cure),))
        position: dict[str, str] = json.loads(body)
        return position

    def _mac(self, purpose: str, body: bytes) -> bytes:
        # The length before the purpose keeps apart what belongs to it and what belongs to the position.
        bound = len(purpose.encode()).to_bytes(4) + purpose.encode() + body
        return hmac.new(self._key, bound, hashlib.sha256).digest()[:_MAC_BYTES]


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decoded(cursor: str) -> bytes:
    """Return the bytes, none for anything but the one text that `_encoded` gives them."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return b""
    return raw if _encoded(raw) == cursor else b""
