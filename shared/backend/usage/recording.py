"""What queries returned, in a queue for whoever counts it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from backend.kit import observability
from backend.kit.calls import Calls
from backend.kit.ids import Ids
from backend.usage.messages import message_of, parts_of
from backend.usage.model import Access

# A query waits for it: what is not taken within two seconds or so is lost rather than late.
_CONFIG = Config(connect_timeout=0.5, read_timeout=1)
_ATTEMPTS = 2


class SqsRecording:
    """`Recording` on SQS. A message that was sent twice counts once: its id is inside."""

    def __init__(self, queue_url: str, ids: Ids, region: str, endpoint: str | None = None) -> None:
        self._queue_url = queue_url
        self._ids = ids
        self._region = region
        self._endpoint = endpoint
        # At their lowest level both write whole messages into the log.
        for library in ("botocore", "urllib3"):
            observability.quiet(library)

    def record(self, tenant_id: str, memory_ids: Sequence[str], at: datetime) -> None:
        """Put the ids into the queue."""
        access = Access(self._ids.new("acc"), tenant_id, tuple(memory_ids), at)
        unsent = len(set(memory_ids))
        try:
            for part in parts_of(access):
                self._send({"QueueUrl": self._queue_url, "MessageBody": message_of(part)})
                unsent -= len(part.memory_ids)
        except (ClientError, BotoCoreError) as error:
            observability.count("accesses_unsent", unsent)
            observability.log_failure("accesses could not be put into the queue", error)

    def _send(self, message: dict[str, Any]) -> None:
        for left in reversed(range(_ATTEMPTS)):
            try:
                self._calls.call("SendMessage", message)
            except (ClientError, BotoCoreError):
                if not left:
                    raise
            else:
                return

    @cached_property
    def _calls(self) -> Calls:
        session = botocore.session.get_session()
        return Calls(session.create_client("sqs", region_name=self._region, endpoint_url=self._endpoint, config=_CONFIG))
