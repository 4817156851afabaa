"""What a guard takes out of a text is nowhere in what is kept of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from backend.extraction.model import Candidate, Utterance
from backend.extraction.pipeline import Pipeline
from backend.extraction.policy import ExtractionPolicy, GuardPolicy, Reaction

SAID_AT = datetime(2026, 11, 20, tzinfo=UTC)
REDACTS = ExtractionPolicy(guards=GuardPolicy(secrets=Reaction.REDACT, personal=Reaction.REDACT))
ALLOWS = ExtractionPolicy(guards=GuardPolicy(secrets=Reaction.ALLOW))


def read(text: str, policy: ExtractionPolicy = REDACTS, *, infer: bool = True) -> Candidate:
    (candidate,) = Pipeline().read(Utterance(text, SAID_AT, infer=infer), policy).candidates
    return candidate


def test_a_claim_does_not_keep_what_was_taken_out_of_its_text() -> None:
    said = "My phone number is 415 555 2671."

    assert "2671" in str(read(said, ALLOWS).claimed)
    assert "2671" not in repr(read(said))


@pytest.mark.parametrize("infer", [True, False])
def test_the_pieces_of_a_long_text_are_those_of_the_text_without_it(infer: bool) -> None:
    around = "The garden behind the house is open to all. " * 30
    found = read(f"{around}Write to ada.lovelace.the.first@example.com for a key. {around}", infer=infer)

    assert "example.com" not in found.text
    assert len(found.chunks) > 1
    assert found.chunks[-1][1] == len(found.text.rstrip())
    assert "".join("".join(found.text[start:end] for start, end in found.chunks).split()) == "".join(found.text.split())


def test_a_long_text_that_is_short_without_it_is_one_piece() -> None:
    keys = "".join(f"-----BEGIN PRIVATE KEY-----{'A' * 600}-----END PRIVATE KEY----- is {each}. " for each in "abc")

    found = read(f"One of my old keys: {keys}", infer=False)

    assert len(found.text) < 1000
    assert found.chunks == ()
