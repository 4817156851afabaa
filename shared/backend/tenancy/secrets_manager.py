"""The pepper and other secrets, from AWS Secrets Manager."""

from __future__ import annotations

from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from backend.kit.errors import DependencyUnavailableError, InternalError

LEAST_PEPPER_BYTES = 32
_CONFIG = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})


class SecretsManagerSecrets:
    """Reads the secret's text once a process: the pepper never changes, since every key and guard hangs on it."""

    def __init__(self, secret_id: str, region: str, endpoint: str | None = None) -> None:
        self._secret_id = secret_id
        self._region = region
        self._endpoint = endpoint
        self._pepper: bytes | None = None

    def pepper(self) -> bytes:
        """Return the pepper. Raises `DependencyUnavailableError`; `InternalError` for one too short to be one."""
        if self._pepper is None:
            self._pepper = self._read()
        return self._pepper

    def _read(self) -> bytes:
        pepper = read_secret(self._secret_id, self._region, self._endpoint).encode()
        if len(pepper) < LEAST_PEPPER_BYTES:
            msg = f"The pepper is shorter than {LEAST_PEPPER_BYTES} bytes."
            raise InternalError(msg)
        return pepper


def read_secret(secret_id: str, region: str, endpoint: str | None = None) -> str:
    """Return a secret's text. Raises `DependencyUnavailableError`; `InternalError` for a secret without text."""
    session = botocore.session.get_session()
    # Its methods are made at run time.
    client: Any = session.create_client("secretsmanager", region_name=region, endpoint_url=endpoint, config=_CONFIG)
    try:
        answer = client.get_secret_value(SecretId=secret_id)
    except (ClientError, BotoCoreError) as error:
        msg = "The secrets do not answer."
        raise DependencyUnavailableError(msg, retry_after=2) from error
    finally:
        client.close()
    text = answer.get("SecretString")
    if not isinstance(text, str):
        msg = "A secret has no text."
        raise InternalError(msg)
    return text
