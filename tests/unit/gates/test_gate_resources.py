"""One resource more than there may be is found, in whichever variant it is."""

from __future__ import annotations

from typing import Any

import pytest

from infrastructure.gates import resources, variants
from infrastructure.gates.findings import Finding


def template(count: int) -> dict[str, Any]:
    return {"Resources": {f"Queue{number}": {"Type": "AWS::SQS::Queue"} for number in range(count)}}


def test_as_many_as_there_may_be_are_fine_and_one_more_is_not() -> None:
    found = resources.findings({"small": template(resources.MOST_RESOURCES), "large": template(resources.MOST_RESOURCES + 1)})

    assert found == [Finding("TOO_MANY_RESOURCES", "large", "351 where 350 are the most")]


def test_what_is_counted_is_every_way_to_deploy_and_all_of_them_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "MOST_RESOURCES", 0)

    assert {each.place for each in resources.gate()} == {resources.EVERYTHING, *variants.VARIANTS}
