"""Why somebody is refused: told to the log, never to the one refused, who gets the same answer for every reason."""

from __future__ import annotations

from enum import StrEnum

from backend.kit.errors import UnauthorizedError

_DETAIL = "Send a valid API key in X-API-Key, or a valid token in Authorization: Bearer."


class Refusal(StrEnum):
    """The reason, in a word that may be counted."""

    NO_CREDENTIALS = "no_credentials"
    KEY_MALFORMED = "key_malformed"
    KEY_UNKNOWN = "key_unknown"
    KEY_REVOKED = "key_revoked"
    KEY_EXPIRED = "key_expired"
    TENANT_UNKNOWN = "tenant_unknown"
    TOKEN_MALFORMED = "token_malformed"  # noqa: S105 - a reason, not a secret
    TOKEN_ALGORITHM = "token_algorithm"  # noqa: S105 - as above
    TOKEN_KEY = "token_key"  # noqa: S105 - as above
    TOKEN_SIGNATURE = "token_signature"  # noqa: S105 - as above
    TOKEN_CLAIMS = "token_claims"  # noqa: S105 - as above
    ISSUER_UNKNOWN = "issuer_unknown"
    ISSUER_UNREACHABLE = "issuer_unreachable"


class RefusedError(Exception):
    """The cause behind an `UnauthorizedError`."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason.value)
        self.reason = reason


def unauthorized(reason: Refusal) -> UnauthorizedError:
    """Return the one answer for all reasons, with the reason as its cause."""
    error = UnauthorizedError(_DETAIL)
    error.__cause__ = RefusedError(reason)
    return error


def reason_of(error: UnauthorizedError) -> Refusal | None:
    """Return why, for the log."""
    return error.__cause__.reason if isinstance(error.__cause__, RefusedError) else None
