"""Clients of the emulated services that read none of the user's AWS settings."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config

from infrastructure.local.environment import REGION

_ISOLATED = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
    "ca_bundle": (None, None, None, None),
}


@cache
def client(endpoint: str, service: str) -> Any:  # noqa: ANN401 - botocore's clients are made at run time
    """Return a client of `service` at `endpoint`, as the account's root, without a proxy and without retries.

    It is made once, for that takes longer than most calls: a client may be shared by threads.
    """
    session = botocore.session.Session(session_vars=_ISOLATED)
    made = session.create_client(
        service,
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - the emulator's well-known root
        config=Config(proxies={}, retries={"total_max_attempts": 1}, read_timeout=65, inject_host_prefix=False),
    )
    made.meta.events.register("before-send", _close_afterwards)
    return made


def _close_afterwards(request: Any, **_: object) -> None:  # noqa: ANN401 - botocore's event
    """Keep no connection: nothing is tried twice, so none may be used that the emulator closed, or that it had before a kill."""
    request.headers["Connection"] = "close"
