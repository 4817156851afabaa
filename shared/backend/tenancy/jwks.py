"""Issuers' public keys: read strictly, fetched rarely, kept while the issuer is down."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from backend.kit.clock import Clock
from backend.kit.errors import DependencyUnavailableError
from backend.tenancy.model import TokenIssuer
from backend.tenancy.ports import KeyFetcher

FRESH = timedelta(seconds=300)
"""How long fetched keys are used without asking again."""

STALE = timedelta(hours=1)
"""How long they are used when asking fails."""

UNKNOWN_KID = timedelta(seconds=60)
"""The least time between two fetches because a token named a key that is not there: nobody can make us fetch more often."""

AFTER_FAILURE = timedelta(seconds=10)
"""The least time between two fetches after one that failed: an issuer that hangs does not slow every request."""

MOST_KEYS = 64
_MOST_ISSUERS = 256
_LONGEST_KID = 256
_RSA_BYTES = (2048 // 8, 8192 // 8)
_CURVES = {("OKP", "Ed25519"): "EdDSA", ("EC", "P-256"): "ES256"}

KeySet = Mapping[tuple[str, str], Key]
"""Keys by algorithm and key id."""


def strict_json(text: str | bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return the JSON value. Raises `ValueError` for a name that stands twice, for NaN and infinity, and for what is too deep."""
    try:
        return json.loads(text, object_pairs_hook=_distinct, parse_constant=_refused)
    except RecursionError as error:
        msg = "nested too deep"
        raise ValueError(msg) from error


def read_jwks(text: str) -> KeySet:
    """Return the keys of a JWKS (RFC 7517) that may verify a token; raise `ValueError` for what is no JWKS.

    Kept are public keys with a `kid`: OKP Ed25519 for EdDSA, EC P-256 for ES256, RSA of 2,048 to 8,192 bits for RS256. Left out
    are all others, keys whose `use`, `key_ops` or `alg` says something else, those that come with their private part, and
    every key whose kid and algorithm stand twice: which one is meant would be a guess.
    """
    document = strict_json(text)
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list) or len(entries) > MOST_KEYS:
        msg = "no JWKS"
        raise ValueError(msg)
    found: dict[tuple[str, str], Key] = {}
    twice: set[tuple[str, str]] = set()
    for entry in entries:
        named = _usable(entry)
        if named is None:
            continue
        name, key = named
        if name in found:
            twice.add(name)
        found[name] = key
    return {name: key for name, key in found.items() if name not in twice}


@dataclass(frozen=True, slots=True)
class _Fetched:
    keys: KeySet
    good_at: datetime | None
    tried_at: datetime
    failed: bool


class IssuerKeys:
    """The keys of each issuer, inline or fetched.

    Fetched keys are used for 300 s; then they are fetched again, and used for up to an hour while that fails. A key id that
    is not among them makes a fetch too, at most one in 60 s.
    """

    def __init__(self, fetcher: KeyFetcher, clock: Clock) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._held: OrderedDict[tuple[str, str], _Fetched] = OrderedDict()
        self._inline: OrderedDict[str, KeySet] = OrderedDict()
        self._lock = Lock()

    def find(self, issuer: TokenIssuer, algorithm: str, kid: str) -> Key | None:
        """Return the key, or None. Raises `DependencyUnavailableError` when the issuer is down and nothing usable is held."""
        if issuer.jwks is not None:
            return self._read(issuer.jwks).get((algorithm, kid))
        # One at a time: many requests that find the keys too old make one fetch.
        with self._lock:
            held = self._current(issuer, (algorithm, kid))
        if held.good_at is None or self._clock.now() - held.good_at > STALE:
            msg = "The issuer's keys cannot be fetched."
            raise DependencyUnavailableError(msg, retry_after=int(AFTER_FAILURE.total_seconds()))
        return held.keys.get((algorithm, kid))

    def _current(self, issuer: TokenIssuer, wanted: tuple[str, str]) -> _Fetched:
        name = (issuer.issuer, issuer.jwks_url or "")
        held = self._held.get(name)
        if held is None or self._due(held, wanted):
            held = self._fetched(issuer.jwks_url or "", held)
            self._held[name] = held
        self._held.move_to_end(name)
        while len(self._held) > _MOST_ISSUERS:
            self._held.popitem(last=False)
        return held

    def _due(self, held: _Fetched, wanted: tuple[str, str]) -> bool:
        now = self._clock.now()
        waited = now - held.tried_at
        # A clock that was set back must not keep old keys alive.
        if waited < timedelta():
            return True
        if held.failed and waited < AFTER_FAILURE:
            return False
        if held.good_at is None or now - held.good_at >= FRESH:
            return True
        return wanted not in held.keys and waited >= UNKNOWN_KID

    def _fetched(self, url: str, before: _Fetched | None) -> _Fetched:
        now = self._clock.now()
        try:
            keys = read_jwks(self._fetcher.fetch(url))
        except (DependencyUnavailableError, ValueError):
            # What the issuer sends that cannot be read counts as no answer: the keys held stay good for their hour.
            failed = before or _Fetched({}, None, now, failed=True)
            return replace(failed, tried_at=now, failed=True)
        return _Fetched(keys, now, now, failed=False)

    def _read(self, jwks: str) -> KeySet:
        with self._lock:
            keys = self._inline.get(jwks)
            if keys is None:
                keys = self._inline[jwks] = read_jwks(jwks)
                while len(self._inline) > _MOST_ISSUERS:
                    self._inline.popitem(last=False)
            return keys


def _usable(entry: object) -> tuple[tuple[str, str], Key] | None:
    if not isinstance(entry, dict):
        return None
    kid, algorithm = entry.get("kid"), _algorithm_of(entry)
    if not isinstance(kid, str) or not 0 < len(kid) <= _LONGEST_KID or algorithm is None:
        return None
    if entry.get("alg", algorithm) != algorithm or entry.get("use", "sig") != "sig" or "d" in entry:
        return None
    if "key_ops" in entry and entry["key_ops"] != ["verify"]:
        return None
    kinds: dict[str, type[ECKey | OKPKey | RSAKey]] = {"EdDSA": OKPKey, "ES256": ECKey, "RS256": RSAKey}
    parts = {name: entry[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in entry}
    try:
        key = kinds[algorithm].import_key(parts)
        key.get_op_key("verify")
    except (JoseError, ValueError, TypeError):
        return None
    return (algorithm, kid), key


def _algorithm_of(entry: Mapping[str, object]) -> str | None:
    kty, modulus = entry.get("kty"), entry.get("n")
    if kty == "RSA" and isinstance(modulus, str):
        # Base64url holds 3 bytes in 4 characters.
        return "RS256" if _RSA_BYTES[0] <= len(modulus.rstrip("=")) * 3 // 4 <= _RSA_BYTES[1] else None
    curve = entry.get("crv")
    return _CURVES.get((kty, curve)) if isinstance(kty, str) and isinstance(curve, str) else None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        msg = "a name stands twice"
        raise ValueError(msg)
    return values


def _refused(constant: str) -> Any:  # noqa: ANN401 - it never returns
    msg = f"{constant} is no JSON"
    raise ValueError(msg)
