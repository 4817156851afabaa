"""Bearer tokens: JWTs (RFC 7519) of a tenant's own issuer, checked by the rules of RFC 8725.

| part | rule |
|---|---|
| algorithm | EdDSA (Ed25519), ES256 or RS256, and the one that the key is for |
| header | `kid` required; `crit`, `b64`, `jku`, `jwk`, `x5u`, `x5c` refused; `typ` absent, `JWT` or `at+jwt` |
| `iss`, `aud` | a configured issuer, and the audience configured with it |
| `iat`, `exp` | required whole or fractional seconds; at most an hour apart; 60 s of leeway against the clock |
| `nbf` | honoured when there |
| `sub` | required: the end user |
| `scope` | words of ours within what the issuer may give, others are passed over; without it, all that the issuer may give |
| `project_id` | binds the token to a project, as a locked key is |
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeGuard

from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import Key
from joserfc.jwt import JWTClaimsRegistry

from backend.kit.clock import Clock, epoch_ms
from backend.kit.errors import DependencyUnavailableError
from backend.tenancy.cache import RecentCache
from backend.tenancy.jwks import IssuerKeys, read_jwks, strict_json
from backend.tenancy.model import Permission, TokenClaims, TokenIssuer, is_end_user_id, is_id, narrowed
from backend.tenancy.ports import KeyFetcher, TenancyStore
from backend.tenancy.refusal import Refusal, RefusedError, unauthorized

ALGORITHMS = ("EdDSA", "ES256", "RS256")
LEEWAY = timedelta(seconds=60)
LONGEST_LIFE = timedelta(hours=1)
LONGEST_TOKEN = 8192
CACHE_SECONDS = 5.0
CACHE_SIZE = 1024

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII)
_FORBIDDEN = frozenset({"crit", "b64", "jku", "jwk", "x5u", "x5c"})
_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})


class _Registry(jws.JWSRegistry):
    """joserfc's algorithms, limited to ours.

    Its own lookup warns at every EdDSA token because RFC 9864 gave that algorithm a second name; issuers sign with the first.
    The header is checked here more strictly than there, but for names that nobody acts on.
    """

    def __init__(self, algorithm: str) -> None:
        super().__init__(algorithms=[algorithm], strict_check_header=False)

    def get_alg(self, name: str) -> Any:  # noqa: ANN401 - joserfc keeps the type to itself
        """Return the algorithm, if it is the one that the key is for."""
        if name not in (self.allowed or ()):
            raise UnsupportedAlgorithmError
        return self.algorithms[name]


class JwtTokens:
    """Verifies tokens against the issuers in the store, which it remembers for less than five seconds.

    Whatever is wrong with a token, the answer is the same `UnauthorizedError`; its cause says what it was, for the log. That
    includes an issuer that has been down too long: whether an issuer is known at all is not to be learned here.
    """

    def __init__(self, store: TenancyStore, fetcher: KeyFetcher, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._keys = IssuerKeys(fetcher, clock)
        self._issuers: RecentCache[str, TokenIssuer | None] = RecentCache(clock, CACHE_SECONDS, CACHE_SIZE)

    def verify(self, text: str) -> TokenClaims:
        """Return what the token says."""
        header, claims = _opened(text)
        algorithm, kid = _checked_header(header)
        issuer = self._issuer(claims.get("iss"))
        key = self._key(issuer, algorithm, kid)
        if isinstance(key, Refusal):
            raise unauthorized(key)
        if not _is_signed(text, algorithm, key):
            raise unauthorized(Refusal.TOKEN_SIGNATURE)
        if not self._holds(issuer, claims):
            raise unauthorized(Refusal.TOKEN_CLAIMS)
        return TokenClaims(issuer, claims["sub"], _scopes(issuer, claims), claims.get("project_id"))

    def usable_keys(self, jwks: str) -> Sequence[str]:
        """Return the key ids that could verify a token."""
        return sorted({kid for _, kid in read_jwks(jwks)})

    def _issuer(self, name: object) -> TokenIssuer:
        if not isinstance(name, str):
            raise unauthorized(Refusal.TOKEN_CLAIMS)
        issuer = self._issuers.get(name, lambda: self._store.issuer(name))
        if issuer is None:
            raise unauthorized(Refusal.ISSUER_UNKNOWN)
        return issuer

    def _key(self, issuer: TokenIssuer, algorithm: str, kid: str) -> Key | Refusal:
        try:
            return self._keys.find(issuer, algorithm, kid) or Refusal.TOKEN_KEY
        except DependencyUnavailableError:
            return Refusal.ISSUER_UNREACHABLE

    def _holds(self, issuer: TokenIssuer, claims: dict[str, Any]) -> bool:
        issued, expires = claims.get("iat"), claims.get("exp")
        if not (_is_moment(issued) and _is_moment(expires) and 0 < expires - issued <= LONGEST_LIFE.total_seconds()):
            return False
        registry = JWTClaimsRegistry(
            now=epoch_ms(self._clock.now()) // 1000,
            leeway=int(LEEWAY.total_seconds()),
            iss={"essential": True, "value": issuer.issuer},
            aud={"essential": True, "value": issuer.audience},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )
        try:
            registry.validate(claims)
        except JoseError:
            return False
        project_id = claims.get("project_id")
        named = project_id is None or (isinstance(project_id, str) and is_id(project_id))
        return named and is_end_user_id(claims["sub"]) and isinstance(claims.get("scope", ""), str)


def _opened(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims, neither of them believed yet."""
    parts = _COMPACT.fullmatch(text) if len(text) <= LONGEST_TOKEN else None
    if parts:
        try:
            header, claims = (strict_json(_decoded(part)) for part in parts.groups()[:2])
        except ValueError:
            raise unauthorized(Refusal.TOKEN_MALFORMED) from RefusedError(Refusal.TOKEN_MALFORMED)
        if isinstance(header, dict) and isinstance(claims, dict):
            return header, claims
    raise unauthorized(Refusal.TOKEN_MALFORMED)


def _checked_header(header: dict[str, Any]) -> tuple[str, str]:
    """Return algorithm and key id."""
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise unauthorized(Refusal.TOKEN_ALGORITHM)
    if not isinstance(kind, str) or kind.lower() not in _TYPES or not _FORBIDDEN.isdisjoint(header):
        raise unauthorized(Refusal.TOKEN_MALFORMED)
    if not isinstance(kid, str):
        raise unauthorized(Refusal.TOKEN_KEY)
    return algorithm, kid


def _is_signed(text: str, algorithm: str, key: Key) -> bool:
    try:
        jws.deserialize_compact(text, key, registry=_Registry(algorithm))
    except (JoseError, ValueError):
        return False
    return True


def _scopes(issuer: TokenIssuer, claims: dict[str, Any]) -> frozenset[Permission]:
    if "scope" not in claims:
        return issuer.scopes
    words = claims["scope"].split()
    return narrowed(issuer.scopes, [permission for permission in Permission if permission.value in words])


def _is_moment(value: object) -> TypeGuard[int | float]:
    """Tell whether this is a time in seconds that can be reckoned with: exactly held, neither NaN nor infinite."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**53


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
