"""What queries returned, in a queue for whoever counts it; what the queue does not take is counted at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from backend.kit import observability
from backend.kit.errors import MemorySyncError
from backend.kit.ids import Ids
from backend.usage.messages import message_of, parts_of
from backend.usage.model import Access

# A query waits for it: what is not taken within two seconds is counted by the query itself.
_CONFIG = Config(connect_timeout=0.5, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 2})


class SqsRecording:
    """`Recording` on SQS. A message that was sent twice, or sent and counted, counts once: its id is inside.

    `count` is what the queue's reader does with messages, by any names: it returns the names of those that it could not count.
    """

    def __init__(
        self,
        queue_url: str,
        ids: Ids,
        region: str,
        endpoint: str | None = None,
        *,
        count: Callable[[Mapping[str, str]], Sequence[str]],
    ) -> None:
        self._queue_url = queue_url
        self._ids = ids
        self._region = region
        self._endpoint = endpoint
        self._count = count
        # At their lowest level both write whole messages into the log.
        for library in ("botocore", "urllib3"):
            observability.quiet(library)

    def record(self, tenant_id: str, memory_ids: Sequence[str], at: datetime) -> None:
        """Put the ids into the queue, or count them."""
        unsent = list(parts_of(Access(self._ids.new("acc"), tenant_id, tuple(memory_ids), at)))
        try:
            while unsent:
                self._client.send_message(QueueUrl=self._queue_url, MessageBody=message_of(unsent[0]))
                del unsent[0]
        except (ClientError, BotoCoreError) as error:
            observability.count("accesses_unsent", sum(len(each.memory_ids) for each in unsent))
            observability.log_failure("accesses could not be put into the queue", error)
            self._count_now(unsent)

    def _count_now(self, accesses: Sequence[Access]) -> None:
        """Count what is in no queue. What cannot be counted now never is: of that only a number is told."""
        left = [str(number) for number, _ in enumerate(accesses)]
        try:
            left = [*self._count({str(number): message_of(each) for number, each in enumerate(accesses)})]
        except MemorySyncError as error:
            observability.log_failure("accesses could not be counted", error)
        if left:
            observability.count("accesses_lost", sum(len(accesses[int(each)].memory_ids) for each in left))

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - botocore makes its methods at run time
        session = botocore.session.get_session()
        return session.create_client("sqs", region_name=self._region, endpoint_url=self._endpoint, config=_CONFIG)
