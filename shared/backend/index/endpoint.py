"""Which addresses an OpenSearch may have. No vendor's code is needed to say so, so a function can ask at its start."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from backend.kit.errors import InternalError

HTTP = frozenset({"http", "https"})
_SERVERLESS = ".aoss."


def check_endpoint(endpoint: str) -> None:
    """Return when this is an address that can serve and may be spoken to. Raises `InternalError` with the reason."""
    parts = urlsplit(endpoint)
    reason = fault_of(endpoint)
    if reason:
        msg = f"The search endpoint {parts.scheme}://{host_of(parts)} {reason}"
        raise InternalError(msg)


def fault_of(endpoint: str) -> str:
    """Return what is wrong with an address as the end of a sentence about it, empty when nothing is."""
    parts = urlsplit(endpoint)
    host = host_of(parts)
    if _SERVERLESS in f"{host}.":
        return (
            "is OpenSearch Serverless: its vector collections take no document ids of ours and no upserts, so a late write "
            "could bring back what was forgotten. Use a domain of Amazon OpenSearch Service."
        )
    if parts.scheme not in HTTP or not host:
        return "is no http or https address."
    if parts.username or parts.password:
        return "holds credentials. Leave them out: requests to AWS are signed with the role of the function."
    if parts.scheme == "http" and not _is_loopback(host):
        return "is plain http to another machine. Use https."
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        return "has a path. Name scheme, host and port only."
    return ""


def host_of(parts: SplitResult) -> str:
    """Return the host of an address, in small letters, without the dot that may end it."""
    return (parts.hostname or "").rstrip(".")


def _is_loopback(host: str) -> bool:
    """Tell whether this is this very machine by number; a name, `localhost` too, is what a resolver makes of it."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
