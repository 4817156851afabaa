"""What the demo shows of sentences that become memories, and what makes it fail."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from examples import outcomes
from examples.report import WIDTH_OF_A_LOG
from examples.service import RefusedError, Service
from tests.unit.examples.small_service import SmallService

SIEMENS, SISTER, BOSCH = "I work at Siemens", "My sister lives in Porto.", "I work at Bosch now."


def run(small: SmallService) -> tuple[list[str], str]:
    out = io.StringIO()
    console = Console(file=out, width=WIDTH_OF_A_LOG, highlight=False)
    with Service("http://127.0.0.1:8080", "key", tries=1, transport=small.transport) as service:
        wrong = outcomes.run(service, console)
    return wrong, out.getvalue()


def test_two_facts_a_repetition_and_a_contradiction_are_shown_each_with_its_outcome() -> None:
    small = SmallService("key")
    wrong, shown = run(small)

    assert wrong == []
    assert small.texts(outcomes.USER) == [SIEMENS, SISTER, BOSCH]
    assert [line.split("  ", 1)[1] for line in shown.splitlines() if line.startswith("  ")] == [
        f"stored      {SIEMENS}  (held until 6 May 2024)",
        f"stored      {SISTER}  (said 2 times)",
        f"merged      {SISTER}  (said 2 times)",
        f"superseded  {BOSCH}",
    ]
    assert f'"{outcomes.QUESTION}" -> {BOSCH}' in shown
    assert "3 sentences: 3 said, 0 already there." in shown


def test_run_again_nothing_is_said_twice_and_the_outcomes_are_those_of_the_first_time() -> None:
    small = SmallService("key")
    _, first = run(small)
    wrong, again = run(small)

    assert wrong == []
    assert len(small.memories) == 3
    assert "3 sentences: 0 said, 3 already there." in again
    assert again.replace("  (already there)", "").splitlines()[:-1] == first.splitlines()[:-1]


def test_a_repetition_that_becomes_a_memory_of_its_own_is_a_failure() -> None:
    small = SmallService("key")
    small.merges = False
    wrong, _ = run(small)

    assert wrong == [
        f'"{outcomes.SAYINGS[1].text}" must be merged; it was stored.',
        "The same fact said again must be one memory with two pieces of evidence.",
    ]


def test_a_contradiction_that_leaves_the_old_statement_in_force_is_a_failure() -> None:
    small = SmallService("key")
    small.supersedes = False
    wrong, _ = run(small)

    assert wrong == [
        f'"{BOSCH}" must be superseded; it was stored.',
        '"Where do I work?" must find what holds now, and not what it superseded.',
    ]


def test_one_sentence_that_stays_one_memory_is_a_failure() -> None:
    small = SmallService("key")
    small.extracts = False
    wrong, _ = run(small)

    assert "One sentence with two facts must become two memories." in wrong


@pytest.mark.parametrize("text", [SIEMENS, SISTER, BOSCH])
def test_what_was_forgotten_since_is_said_anew_once_and_the_rest_is_judged_by_what_holds(text: str) -> None:
    small = SmallService("key")
    run(small)
    small.forget(text)
    wrong, shown = run(small)
    many = len(small.memories)

    assert wrong == []
    assert "already there" in shown
    assert run(small)[0] == []
    assert len(small.memories) == many


def test_a_refusal_that_another_key_cannot_cure_ends_the_demo() -> None:
    with pytest.raises(RefusedError, match="The key is not known"):
        run(SmallService("another"))
