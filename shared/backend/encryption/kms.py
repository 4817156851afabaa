"""Data keys by AWS KMS. The encryption context names the tenant: a wrapped key unwraps for nobody else."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from backend.kit.errors import DependencyUnavailableError

CONNECT_SECONDS = 1
READ_SECONDS = 3
ATTEMPTS = 3
RETRY_AFTER_SECONDS = 2
_FOR_GOOD = frozenset(
    {"InvalidCiphertextException", "IncorrectKeyException", "DisabledException", "NotFoundException", "KMSInvalidStateException"}
)


class KmsKeyService:
    """`KeyService` on KMS."""

    def __init__(self, key_id: str, region: str, endpoint_url: str | None = None) -> None:
        self._key_id = key_id
        self._region = region
        self._endpoint_url = endpoint_url

    def generate(self, tenant_id: str) -> tuple[bytes, bytes]:
        """Return a new AES-256 key, plain and wrapped."""
        answer = self._asked("generate_data_key", KeyId=self._key_id, KeySpec="AES_256", EncryptionContext={"tenant": tenant_id})
        return answer["Plaintext"], answer["CiphertextBlob"]

    def unwrap(self, tenant_id: str, wrapped: bytes) -> bytes:
        """Return the plain key."""
        context = {"tenant": tenant_id}
        plain: bytes = self._asked("decrypt", KeyId=self._key_id, CiphertextBlob=wrapped, EncryptionContext=context)["Plaintext"]
        return plain

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - boto3's clients have no types
        config = Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        )
        return boto3.client("kms", region_name=self._region, endpoint_url=self._endpoint_url, config=config)

    def _asked(self, operation: str, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - KMS's own form
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(**request)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in _FOR_GOOD:
                raise ValueError(code) from None
            msg = "The service that keeps the keys does not answer."
            raise DependencyUnavailableError(msg, retry_after=RETRY_AFTER_SECONDS) from error
        except BotoCoreError as error:
            msg = "The service that keeps the keys cannot be reached."
            raise DependencyUnavailableError(msg, retry_after=RETRY_AFTER_SECONDS) from error
        return answer
