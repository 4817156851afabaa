from pathlib import Path

import pytest

from infrastructure.gates import findings
from infrastructure.gates.findings import Allowance, AllowedError, Finding, allowances, judged

HERE = Finding("C1", "Here", "bad")
THERE = Finding("C1", "There", "bad")


def listed(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "allowed.yaml"
    path.write_text(text)
    return path


def test_what_is_allowed_at_one_place_is_not_at_another() -> None:
    assert judged([HERE, THERE], [Allowance("C1", ("Here",), "why")]) == [THERE]


def test_what_one_check_may_another_may_not() -> None:
    assert judged([HERE], [Allowance("C2", ("Here",), "why")]) == [
        HERE,
        Finding("UNUSED_ALLOWANCE", "Here", "nothing needs C2 here any more"),
    ]


def test_an_entry_that_nothing_needs_any_more_is_a_finding() -> None:
    [unused] = judged([HERE], [Allowance("C1", ("Here", "Gone"), "why")])

    assert (unused.check, unused.place) == ("UNUSED_ALLOWANCE", "Gone")


def test_an_entry_is_read_with_its_reason(tmp_path: Path) -> None:
    path = listed(tmp_path, "checkov: [{check: C1, at: [Here, There], reason: because}]\nother: []")

    assert allowances("checkov", path) == [Allowance("C1", ("Here", "There"), "because")]
    assert allowances("other", path) == allowances("unknown", path) == []


@pytest.mark.parametrize(
    "entry",
    [
        "{check: C1, at: [Here]}",
        "{check: C1, at: [Here], reason: ' '}",
        "{check: C1, at: [], reason: r}",
        "{at: [Here], reason: r}",
        "{check: C1, at: Here, reason: r}",
        "word",
    ],
)
def test_an_entry_without_reason_check_or_places_is_refused(tmp_path: Path, entry: str) -> None:
    path = listed(tmp_path, f"checkov: [{entry}]")

    with pytest.raises(AllowedError):
        allowances("checkov", path)


def test_every_entry_of_the_list_has_a_reason_of_several_words() -> None:
    entries = [each for gate in ("checkov", "permissions", "cfn-lint", "bandit") for each in allowances(gate)]

    assert entries
    assert [each for each in entries if len(each.reason.split()) < 2] == []
    assert findings.ALLOWED.exists()
