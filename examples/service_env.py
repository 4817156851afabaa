"""The file that says where the service is and with which key: `.local/service.env`, readable by its owner only."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field
from pathlib import Path

DEFAULT_PATH = Path(".local/service.env")
BASE_URL = "MEMORYSYNC_BASE_URL"
API_KEY = "MEMORYSYNC_API_KEY"
_OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True)
class ServiceEnv:
    """An address without a slash at its end, and a key."""

    base_url: str
    api_key: str = field(repr=False)


def read(path: Path) -> ServiceEnv | None:
    """Return what the file says, None when it is not there or does not name both."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    pairs = (line.removeprefix("export ").partition("=") for line in lines if not line.lstrip().startswith("#"))
    found = {name.strip(): value.strip().strip("'\"") for name, separator, value in pairs if separator}
    if not found.get(BASE_URL) or not found.get(API_KEY):
        return None
    return ServiceEnv(found[BASE_URL].rstrip("/"), found[API_KEY])


def write(path: Path, service: ServiceEnv) -> None:
    """Write the file whole or not at all; a shell can source it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f"{BASE_URL}={shlex.quote(service.base_url)}\n{API_KEY}={shlex.quote(service.api_key)}\n"
    beside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY), "w", encoding="utf-8") as file:
        file.write(text)
    beside.replace(path)
