"""The seam when nothing answers: what may have happened, what may be sent again, what is said of it."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest
from botocore.exceptions import ProxyConnectionError

from backend.kit.clock import FakeClock
from backend.kit.dynamodb import Seam, Table
from backend.kit.dynamodb.seam import MAX_ATTEMPTS
from backend.kit.errors import OutcomeUnknownError, TableUnavailableError
from tests.support.faults import ADDRESS, Step, no_answer, no_connection, plan, slow_connection, throttled
from tests.support.tables import REGION
from tests.unit.kit.seam_cases import HARMLESS_TWICE, IS_NEW, ITEM, ONCE_ONLY, READS, SILENCES, stored, table

pytestmark = pytest.mark.usefixtures("tables")
WORDS = "my sister's diagnosis"

# Calls without an answer


@pytest.mark.parametrize("silence", SILENCES)
@pytest.mark.parametrize("read", READS)
def test_a_read_without_an_answer_is_sent_again(clock: FakeClock, read: str, silence: Any) -> None:
    faults = plan(silence(), Step(after=silence()))
    READS[read](table(clock, faults))

    assert faults.operations == [read] * 3


@pytest.mark.parametrize("read", READS)
def test_a_table_that_never_answers_a_read_is_unavailable(clock: FakeClock, read: str) -> None:
    faults = plan(*(no_answer() for _ in range(50)))
    with pytest.raises(TableUnavailableError):
        READS[read](table(clock, faults))

    assert len(faults.sent) == MAX_ATTEMPTS


@pytest.mark.parametrize("silence", SILENCES)
@pytest.mark.parametrize("write", ONCE_ONLY)
def test_a_write_that_must_not_happen_twice_is_sent_once_and_its_outcome_is_unknown(
    clock: FakeClock, write: str, silence: Any
) -> None:
    faults = plan(silence())
    with pytest.raises(OutcomeUnknownError) as error:
        ONCE_ONLY[write](table(clock, faults))

    assert len(faults.sent) == 1
    assert clock.slept == []
    assert error.value.retry_after == 2


def test_an_unknown_outcome_may_well_be_that_it_happened(clock: FakeClock) -> None:
    with pytest.raises(OutcomeUnknownError):
        table(clock, plan(Step(after=no_answer()))).put(ITEM, IS_NEW)

    assert stored() == ITEM


@pytest.mark.parametrize("silence", SILENCES)
@pytest.mark.parametrize("write", HARMLESS_TWICE)
def test_a_write_that_is_harmless_twice_is_sent_again(clock: FakeClock, write: str, silence: Any) -> None:
    faults = plan(silence(), silence())
    HARMLESS_TWICE[write](table(clock, faults))

    assert faults.operations == [write] * 3


@pytest.mark.parametrize("write", HARMLESS_TWICE)
def test_a_harmless_write_that_is_never_answered_has_an_unknown_outcome(clock: FakeClock, write: str) -> None:
    faults = plan(*(no_answer() for _ in range(50)))
    with pytest.raises(OutcomeUnknownError):
        HARMLESS_TWICE[write](table(clock, faults))

    assert len(faults.sent) == MAX_ATTEMPTS


@pytest.mark.parametrize("later", [throttled, no_connection, slow_connection])
def test_what_is_refused_later_does_not_undo_what_may_have_happened_before(clock: FakeClock, later: Any) -> None:
    """A throttle says "not done" of its own attempt only: the first may have been done."""
    faults = plan(Step(after=no_answer()), *(later() for _ in range(50)))
    with pytest.raises(OutcomeUnknownError):
        table(clock, faults).put(ITEM)

    assert stored() == ITEM


def test_a_doubt_that_a_later_attempt_settles_is_forgotten(clock: FakeClock) -> None:
    table(clock, plan(Step(after=no_answer()), throttled())).put(ITEM)

    assert stored() == ITEM


# Connections


@pytest.mark.parametrize("failure", [no_connection, slow_connection, lambda: ProxyConnectionError(proxy_url=ADDRESS)])
@pytest.mark.parametrize("call", [*READS.values(), *ONCE_ONLY.values(), *HARMLESS_TWICE.values()])
def test_a_connection_that_was_never_made_is_tried_again_whatever_the_call(clock: FakeClock, failure: Any, call: Any) -> None:
    faults = plan(failure(), failure())
    call(table(clock, faults))

    assert len(faults.sent) == 3


@pytest.mark.parametrize("failure", [no_connection, slow_connection])
def test_a_table_that_cannot_be_reached_is_unavailable(clock: FakeClock, failure: Any) -> None:
    faults = plan(*(failure() for _ in range(50)))
    with pytest.raises(TableUnavailableError):
        table(clock, faults).put(ITEM, IS_NEW)

    assert len(faults.sent) == MAX_ATTEMPTS


def test_a_port_where_nothing_listens_is_an_unavailable_table(clock: FakeClock) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        # Bound and not listening: the connection is refused, and nobody else gets the port meanwhile.
        with pytest.raises(TableUnavailableError):
            Table("T", Seam(clock, REGION, f"http://127.0.0.1:{port}")).get("p", "s")

    assert len(clock.slept) == MAX_ATTEMPTS - 1


def test_a_server_that_hangs_up_is_asked_by_the_seam_alone_and_not_by_the_library_again(clock: FakeClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        asked = []

        def hang_up() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    asked.append(len(connection.recv(65536)))

        thread = threading.Thread(target=hang_up)
        thread.start()
        try:
            remote = Table("T", Seam(clock, REGION, f"http://127.0.0.1:{server.getsockname()[1]}"))
            with pytest.raises(OutcomeUnknownError):
                remote.put(ITEM, IS_NEW)
            assert len(asked) == 1
            with pytest.raises(TableUnavailableError):
                remote.get("p", "s")
            assert len(asked) == 1 + MAX_ATTEMPTS
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
