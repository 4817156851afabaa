"""An issuer of tokens, honest or not."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from backend.tenancy.model import Permission, TokenIssuer
from backend.tenancy.scope import Environment

AsymmetricKey = ECKey | OKPKey | RSAKey
NAME = "https://issuer.example"
JWKS_URL = "https://issuer.example/jwks.json"
AUDIENCE = "memories"
NOW = 1767603600  # when the fake clock begins: 2026-01-05T09:00:00Z


@cache
def key_for(algorithm: str, which: str = "k1") -> AsymmetricKey:
    """Return a private key, the same for the same words."""
    del which
    match algorithm:
        case "EdDSA":
            return OKPKey.generate_key("Ed25519")
        case "ES256":
            return ECKey.generate_key("P-256")
    return RSAKey.generate_key(2048)


def public(algorithm: str, kid: str = "k1", **changes: Any) -> dict[str, Any]:
    """Return the key's entry in a JWKS."""
    return {**key_for(algorithm, kid).as_dict(private=False), "kid": kid, **changes}


def jwks_of(*entries: dict[str, Any]) -> str:
    return json.dumps({"keys": list(entries)})


def issuer_of(jwks: str | None = None, **changes: Any) -> TokenIssuer:
    facts: dict[str, Any] = {
        "issuer": NAME,
        "tenant_id": "acme",
        "audience": AUDIENCE,
        "environment": Environment.LIVE,
        "scopes": frozenset({Permission.MEMORY_READ, Permission.MEMORY_ADD}),
        "jwks": jwks,
        "jwks_url": None if jwks else JWKS_URL,
    }
    return TokenIssuer(**facts | changes)


def claims_of(**changes: Any) -> dict[str, Any]:
    """Return good claims with changes; None takes one away."""
    claims = {"iss": NAME, "aud": AUDIENCE, "sub": "u1", "iat": NOW, "exp": NOW + 3600, **changes}
    return {name: value for name, value in claims.items() if value is not None}


@dataclass(frozen=True)
class Signer:
    """Signs whatever it is told to, with whatever header."""

    algorithm: str = "EdDSA"
    kid: str = "k1"

    def token(self, claims: dict[str, Any] | None = None, **header: Any) -> str:
        body = json.dumps(claims_of() if claims is None else claims)
        return self.raw(body, **header)

    def raw(self, body: str, **header: Any) -> str:
        head = {"alg": self.algorithm, "kid": self.kid, "typ": "JWT", **header}
        text = json.dumps({name: value for name, value in head.items() if value is not None})
        return self.signed(text, body)

    def signed(self, head: str, body: str) -> str:
        """Return header and body as they are, under a signature that is right for them."""
        words = f"{encoded(head)}.{encoded(body)}"
        algorithm = jws.JWSRegistry.algorithms[self.algorithm]
        return f"{words}.{encoded(algorithm.sign(words.encode(), key_for(self.algorithm, self.kid)))}"


def with_hmac(head: dict[str, Any], body: dict[str, Any], secret: bytes) -> str:
    """Return a token signed with a shared secret, such as the public key's own text."""
    words = f"{encoded(json.dumps(head))}.{encoded(json.dumps(body))}"
    return f"{words}.{encoded(hmac.digest(secret, words.encode(), 'sha256'))}"


def encoded(data: str | bytes) -> str:
    raw = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
