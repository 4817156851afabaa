"""API keys: how one is made, read and recognised.

Layout: `ms_live_` + public id (16 of Crockford's base 32, lower case, 80 random bits) + `_` + secret (43 of base 62, 256
random bits) + `_` + checksum (6 of base 62). The environment is `live`, `test` or `dev`. The checksum is the CRC-32 (ISO-HDLC, as
in zlib) of everything before its underscore: it finds every change of one character and every two neighbours swapped, so a
mistyped key is refused without a lookup. It protects nothing: the secret does.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from backend.tenancy.scope import Environment

RandomBytes = Callable[[int], bytes]
"""Return this many bytes that nobody can guess: `secrets.token_bytes`."""

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PUBLIC_BYTES, _PUBLIC_LENGTH = 10, 16
_SECRET_BYTES, _SECRET_LENGTH = 32, 43
_CHECK_LENGTH = 6
_LAYOUT = re.compile(
    rf"(?P<body>ms_(?P<environment>live|test|dev)_(?P<public_id>[{_CROCKFORD}]{{{_PUBLIC_LENGTH}}})_[0-9A-Za-z]{{{_SECRET_LENGTH}}})"
    rf"_(?P<check>[0-9A-Za-z]{{{_CHECK_LENGTH}}})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as its holder sends it. Only `public_id` may be shown or logged."""

    environment: Environment
    public_id: str
    text: str = field(repr=False)


def mint(environment: Environment, random_bytes: RandomBytes) -> ApiKey:
    """Return a new key."""
    public_id = _written(int.from_bytes(random_bytes(_PUBLIC_BYTES)), _CROCKFORD, _PUBLIC_LENGTH)
    secret = _written(int.from_bytes(random_bytes(_SECRET_BYTES)), _BASE62, _SECRET_LENGTH)
    body = f"ms_{environment.value}_{public_id}_{secret}"
    return ApiKey(environment, public_id, f"{body}_{_checksum(body)}")


def parse(text: str) -> ApiKey | None:
    """Return the key, or None for what cannot be one: wrong layout or wrong checksum."""
    match = _LAYOUT.fullmatch(text)
    if not match or match["check"] != _checksum(match["body"]):
        return None
    return ApiKey(Environment(match["environment"]), match["public_id"], text)


def mac_of(pepper: bytes, key: ApiKey) -> str:
    """Return the HMAC-SHA256 of the whole key under the pepper, in hex: what is stored instead of the key."""
    return hmac.new(pepper, b"key:" + key.text.encode(), hashlib.sha256).hexdigest()


def is_same(pepper: bytes, key: ApiKey, mac: str | None) -> bool:
    """Tell whether the stored MAC is this key's. Takes the same time with None, so that a lookup that failed does not show."""
    due = mac_of(pepper, key)
    return hmac.compare_digest(due, mac or "0" * len(due)) and mac is not None


def _checksum(body: str) -> str:
    return _written(zlib.crc32(body.encode()), _BASE62, _CHECK_LENGTH)


def _written(number: int, digits: str, length: int) -> str:
    """Return the number in the base of these digits, with leading zeros."""
    text = ""
    for _ in range(length):
        number, rest = divmod(number, len(digits))
        text = digits[rest] + text
    return text
