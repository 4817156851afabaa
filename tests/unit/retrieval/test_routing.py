"""Each kind of question has its own way to an answer, and none is guessed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from backend.extraction.calendar import window
from backend.extraction.model import Precision
from backend.index.model import IndexFilter
from backend.kit.clock import epoch_ms
from backend.memories.archiving import put_aside
from backend.memories.documents import changes_for
from backend.memories.model import Memory
from backend.retrieval import routing
from backend.retrieval.kinds import Route
from backend.retrieval.model import Question
from backend.retrieval.routed import Refused, Routed
from backend.retrieval.routing import Routing
from backend.tenancy.scope import Scope
from tests.unit.memories.samples import ACME, NEIGHBOUR
from tests.unit.memories.samples import memory as sample
from tests.unit.retrieval.retrieval_world import World

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)


def on(year: int, month: int, day: int | None = None) -> dict[str, Any]:
    moment = datetime(year, month, day or 1, tzinfo=UTC)
    return {"event": window(moment, Precision.DAY if day else Precision.MONTH), "memory_type": "episode"}


def told(world: World, text: str, scope: Scope = ACME, **changes: Any) -> Memory:
    """Store a memory and let the index show it."""
    number = len(world.store._rows) + 1
    row = sample(number, scope, text=text, created_at=world.clock.now(), model=world.embedder.model.identity, **changes)
    row = replace(row, vector=world.embedder._vector(text))
    world.store.add(row, changes_for(row), guarded=False)
    world.project(row)
    return row


def asked(world: World, text: str, k: int = 5, scope: Scope = ACME, **filters: Any) -> Routed:
    now = epoch_ms(world.clock.now())
    question = Question(text, k, IndexFilter(now=now, **filters))
    return Routing(retrieval=world.retrieval, store=world.store, clock=world.clock).answer(scope, question, NOW)


def texts(routed: Routed) -> list[str]:
    return [each.memory.text for each in routed.answers]


def test_facts_are_what_a_plain_question_finds(world: World) -> None:
    told(world, "My sister is called Lea.")
    told(world, "Tea is hot.")

    routed = asked(world, "What is my sister's name?")

    assert (routed.kind.route, routed.refused) == (Route.FACTS, None)
    assert texts(routed) == world.texts("What is my sister's name?")


def test_preferences_come_first_and_others_fill_up(world: World) -> None:
    told(world, "Green tea is sold at the harbour.")
    told(world, "I love green tea.", memory_type="preference")

    assert texts(asked(world, "Which tea do I like?")) == ["I love green tea.", "Green tea is sold at the harbour."]
    assert texts(asked(world, "Which tea do I like?", k=1)) == ["I love green tea."]
    assert texts(asked(world, "Which tea do I like?", memory_types=("fact",))) == ["Green tea is sold at the harbour."]


def test_the_tier_stands_before_the_type_and_the_type_before_the_score(world: World) -> None:
    told(world, "I love green tea.", memory_type="preference", tier="cold")
    told(world, "Which tea do I like?", tier="cold")
    told(world, "Which tea do I like? Green tea.")
    told(world, "I love black coffee.", memory_type="preference")

    routed = asked(world, "Which tea do I like?")

    assert texts(routed) == [
        "I love black coffee.",
        "Which tea do I like? Green tea.",
        "I love green tea.",
        "Which tea do I like?",
    ]
    assert texts(asked(world, "Which tea do I like?", k=1)) == ["I love black coffee."]
    assert {each.memory.text: each.weighed.score for each in routed.answers} == {
        each.memory.text: each.weighed.score for each in world.ask("Which tea do I like?", k=routing.WIDE).answers
    }


def test_one_of_the_type_is_found_behind_whatever_else_fits_better(world: World) -> None:
    for number in range(routing.WIDE + 5):
        told(world, f"Which tea do I like? Number {number}.", tier="cold" if number > routing.WIDE else "hot")
    told(world, "I love black coffee.", memory_type="preference")
    told(world, "I hate rain.", memory_type="preference", tier="cold")

    routed = asked(world, "Which tea do I like?", k=60)

    found = texts(routed)
    assert len(found) == routing.WIDE + 7 - 0
    assert found[0] == "I love black coffee."
    assert found[routing.WIDE + 2] == "I hate rain."
    bands = [each.memory.tier for each in routed.answers]
    assert bands == sorted(bands, key=["hot", "warm", "cold"].index)
    few = asked(world, "Which tea do I like?", k=3)
    assert texts(few)[0] == "I love black coffee."
    assert few.answers[0].weighed.score <= min(each.weighed.score for each in few.answers[1:])


def test_of_an_entity_what_names_it_is_told_and_a_stranger_is_not_guessed(world: World) -> None:
    told(world, "Marek repairs roofs.")
    told(world, "He comes on Monday.", speaker="Marek")
    told(world, "Ana repairs boats.")

    assert set(texts(asked(world, "Who is Marek?"))) == {"Marek repairs roofs.", "He comes on Monday."}
    nobody = asked(world, "Who is Ludmilla?")
    assert (nobody.refused, nobody.answers) == (Refused.ENTITY_UNKNOWN, [])


def test_decisions_are_told_apart_from_what_only_mentions_their_subject(world: World) -> None:
    told(world, "The database has four replicas.")
    told(world, "We decided to keep the database on Postgres.")

    assert texts(asked(world, "What did we decide about the database?")) == ["We decided to keep the database on Postgres."]
    other = asked(world, "What did we decide about the garden?")
    assert other.refused is Refused.NO_DECISION
    assert len(other.answers) == 2


def test_a_count_says_what_it_counted(world: World) -> None:
    for number in range(3):
        told(world, f"I swam in the lake for {number + 5} hours.", **on(2026, 5, number + 1))
    told(world, "I sailed on the sea.", **on(2026, 5, 1))
    told(world, "I swam in the lake.", scope=NEIGHBOUR)

    routed = asked(world, "How many times did I go to the lake?", k=2)

    assert routed.reckoned
    assert (routed.reckoned.counted, routed.reckoned.text, routed.is_whole) == (3, "3 memories that say: lake", True)
    assert len(routed.answers) == 2
    assert asked(world, "How many memories mention the moon?").refused is Refused.NOTHING_COUNTED


def test_a_count_of_a_type_and_of_a_time(world: World) -> None:
    told(world, "I love tea.", memory_type="preference")
    told(world, "I hate rain.", memory_type="preference")
    told(world, "I met Ana.", **on(2026, 5, 3))

    of_type, of_time = asked(world, "How many preferences do I have?"), asked(world, "How many times did I meet Ana in May 2026?")

    assert of_type.reckoned
    assert of_time.reckoned
    assert (of_type.reckoned.counted, of_time.reckoned.counted) == (2, 1)
    assert asked(world, "How many times did I meet Ana in April 2026?").refused is Refused.NOTHING_COUNTED


def test_a_list_holds_all_that_says_it_and_passes_the_filters(world: World) -> None:
    told(world, "The red boat leaks.", source="chat")
    told(world, "A boat is sold.", source="mail")
    told(world, "The car is sold.", source="chat")

    assert set(texts(asked(world, "List all my boats"))) == {"The red boat leaks.", "A boat is sold."}
    assert texts(asked(world, "List all my boats", sources=("mail",))) == ["A boat is sold."]


def test_a_walk_that_was_cut_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "PAGE_ROWS", 2)
    for number in range(12):
        told(world, f"Boat {number} leaks.")

    routed = asked(world, "Count my boats", k=1)

    assert routed.reckoned
    assert (routed.reckoned.counted, routed.is_whole) == (10, False)
    assert routed.reckoned.text == "at least 10 memories that say: boat"


def put_away(world: World, row: Memory) -> None:
    step = put_aside(row, None, None, world.clock.now())
    world.store.replace(step.memory, step.changes, closes=step.closes)


@pytest.mark.parametrize("text", ["How many times did I swim in the lake?", "List all swims in the lake", "Timeline of the lake"])
def test_what_is_archived_is_walked_only_on_demand(world: World, text: str) -> None:
    for number in range(4):
        row = told(world, f"I swam in the lake {'far' * number}.", source="chat", **on(2026, 5, number + 1))
        world.clock.advance(seconds=1)
        if number % 2:
            put_away(world, row)

    plain, all_of_them = asked(world, text), asked(world, text, include_archived=True)

    assert plain.reckoned
    assert all_of_them.reckoned
    assert (plain.reckoned.counted, all_of_them.reckoned.counted) == (2, 4)
    assert [each.memory.state.value for each in all_of_them.answers] in (
        ["active", "archived", "active", "archived"],
        ["archived", "active", "archived", "active"],
    )
    assert asked(world, text, include_archived=True, sources=("mail",)).answers == []


def test_what_is_archived_and_nothing_else_is_counted_on_demand(world: World) -> None:
    put_away(world, told(world, "I swam in the lake."))

    text = "How many times did I swim in the lake?"

    assert asked(world, text).refused is Refused.NOTHING_COUNTED
    counted = asked(world, text, include_archived=True)
    assert counted.reckoned
    assert counted.reckoned.counted == 1


def test_a_walk_of_what_is_archived_that_was_cut_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "PAGE_ROWS", 1)
    for number in range(6):
        put_away(world, told(world, f"Boat {number} leaks."))
        world.clock.advance(seconds=1)
    told(world, "Boat 6 leaks.")

    routed = asked(world, "Count my boats", k=2, include_archived=True)

    assert routed.reckoned
    assert (routed.reckoned.counted, routed.is_whole, texts(routed)) == (6, False, ["Boat 6 leaks.", "Boat 5 leaks."])


def test_a_timeline_is_in_the_order_of_time_and_of_the_time_asked_for(world: World) -> None:
    told(world, "The kitchen was painted.", **on(2026, 9, 3))
    told(world, "The kitchen was planned.", **on(2026, 2))
    told(world, "The kitchen has a window.")
    told(world, "The bathroom was painted.", **on(2026, 3, 3))

    assert texts(asked(world, "Give me a timeline of the kitchen")) == ["The kitchen was planned.", "The kitchen was painted."]
    assert texts(asked(world, "What happened in March 2026?")) == ["The bathroom was painted."]
    assert texts(asked(world, "What happened in 2026?", k=2)) == ["The kitchen was planned.", "The bathroom was painted."]


def test_how_long_ago_is_reckoned_from_the_one_memory_that_tells_of_it(world: World) -> None:
    told(world, "I moved to Lisbon.", **on(2026, 11, 2))
    told(world, "I moved to Porto.", **on(2026, 1, 2))

    routed = asked(world, "How long ago did I move to Lisbon?")

    assert routed.reckoned
    assert routed.reckoned.distance
    assert (routed.reckoned.distance.least, routed.reckoned.distance.most, routed.reckoned.text) == (20, 20, "20 days")
    assert texts(routed) == ["I moved to Lisbon."]
    weeks = asked(world, "How many weeks ago did I move to Lisbon?").reckoned
    assert weeks
    assert weeks.text == "2 weeks"


def test_a_month_gives_the_least_and_the_most(world: World) -> None:
    told(world, "I moved to Lisbon.", **on(2026, 10))

    reckoned = asked(world, "How many days ago did I move to Lisbon?").reckoned

    assert reckoned
    assert reckoned.text == "between 22 and 52 days"


def test_between_two_events_and_a_date_before_one(world: World) -> None:
    told(world, "The interview went well.", **on(2026, 3, 1))
    told(world, "I got the offer.", **on(2026, 3, 15))

    between = asked(world, "How many weeks between the interview and the offer?").reckoned
    before = asked(world, "What date is two weeks before the interview?").reckoned
    happened = asked(world, "What happened 14 days after the interview?")

    assert between
    assert before
    assert (between.text, before.text) == ("2 weeks", "2026-02-15")
    assert texts(happened) == ["I got the offer."]


def test_by_the_calendar_alone_nothing_is_searched_for(world: World) -> None:
    world.index.down = True

    reckoned = asked(world, "Days between 3 March 2026 and 1 May 2026").reckoned

    assert reckoned
    assert reckoned.text == "59 days"


def test_what_is_not_known_or_not_certain_is_refused(world: World) -> None:
    told(world, "The trip to Oslo was short.", **on(2026, 5, 1))
    told(world, "The trip to Rome was long.", **on(2026, 8, 1))
    told(world, "The flood was terrible.")
    told(world, "The exam begins.", **on(2026, 12, 1))
    told(world, "The wedding was on a boat.", **on(2026, 11, 12))

    refused = {
        "How long ago was the funeral?": Refused.ANCHOR_NOT_FOUND,
        "How long ago was the flood?": Refused.ANCHOR_UNDATED,
        "How long ago was the trip?": Refused.ANCHOR_AMBIGUOUS,
        "How long ago did the exam begin?": Refused.ANCHOR_AHEAD,
        "How long until the trip to Rome?": Refused.ANCHOR_BEHIND,
        "Delete my notes": Refused.NOT_A_QUESTION,
    }

    assert {text: asked(world, text).refused for text in refused} == refused
    for chosen, days in {
        "my last trip": "113 days",
        "the first trip": "205 days",
        "the trip in May": "205 days",
        "the wedding": "10 days",
    }.items():
        reckoned = asked(world, f"How long ago was {chosen}?").reckoned
        assert reckoned
        assert reckoned.text == days
    ahead = asked(world, "How many days until the exam begins?").reckoned
    assert ahead
    assert ahead.text == "9 days"


@pytest.mark.parametrize("text", ["List all boats", "Who is Ana?", "How long ago did Ana sail?", "What happened in 2026?"])
def test_nothing_of_anybody_else_takes_part(world: World, text: str) -> None:
    told(world, "Ana sailed the boat.", scope=NEIGHBOUR, **on(2026, 1, 1))

    routed = asked(world, text)

    assert routed.answers == []
    assert routed.reckoned is None or routed.reckoned.counted == 0


def test_what_the_search_had_to_do_without_is_said(world: World) -> None:
    told(world, "My sister is called Lea.")
    world.embedder.down = True

    assert list(asked(world, "What is my sister's name?").degraded) == ["semantic"]
