"""Settings, read from the environment when first asked for and never at import."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache

from backend.kit.errors import InternalError


@dataclass(frozen=True, slots=True)
class Settings:
    """One field a variable: `memories_table` is MEMORIES_TABLE. The template's Globals give every function all of them."""

    stage: str
    version: str
    memories_table: str
    usage_table: str
    state_table: str
    idempotency_table: str
    tenancy_table: str
    audit_table: str
    pepper_secret: str
    data_key: str
    parked_queue: str
    access_queue: str
    search_endpoint: str
    embedding_provider: str
    embedder_dir: str
    language_model: str
    language_model_secret: str
    log_level: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read every field. Raises `InternalError` naming what is missing."""
        names = {each.name: each.name.upper() for each in fields(cls)}
        missing = sorted(name for name in names.values() if name not in environment)
        if missing:
            msg = f"The environment lacks {', '.join(missing)}."
            raise InternalError(msg)
        return cls(**{field: environment[name] for field, name in names.items()})


@cache
def settings() -> Settings:
    """Return the settings of this process."""
    return Settings.from_environment(os.environ)


def region() -> str:
    """Return the region that this runs in."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"


def aws_endpoint() -> str | None:
    """Return the address that stands for AWS, None for AWS itself."""
    return os.environ.get("AWS_ENDPOINT_URL")
