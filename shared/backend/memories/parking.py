"""Rows that cannot be projected, in a queue for people."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from backend.kit.errors import DependencyUnavailableError

_CONFIG = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})


class SqsParking:
    """`Parking` on SQS."""

    def __init__(self, queue_url: str, region: str, endpoint: str | None = None) -> None:
        self._queue_url = queue_url
        self._region = region
        self._endpoint = endpoint

    def park(self, tenant_id: str, memory_id: str, row_version: int, reason: str) -> None:
        """Put the ids and the kind of failure into the queue. Raises `DependencyUnavailableError`."""
        body = {"tenant_id": tenant_id, "memory_id": memory_id, "row_version": row_version, "reason": reason}
        try:
            self._client.send_message(QueueUrl=self._queue_url, MessageBody=json.dumps(body))
        except (ClientError, BotoCoreError) as error:
            msg = "The queue for rows that cannot be projected does not answer."
            raise DependencyUnavailableError(msg, retry_after=2) from error

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - botocore makes its methods at run time
        session = botocore.session.get_session()
        return session.create_client("sqs", region_name=self._region, endpoint_url=self._endpoint, config=_CONFIG)
