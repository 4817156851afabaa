"""Operators' commands work in the region of the AWS profile, where nobody names another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.kit.dynamodb import Table
from infrastructure import restore
from infrastructure.region import NoRegionError, chosen_region
from infrastructure.search.__main__ import main as search

VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL")


@pytest.fixture(autouse=True)
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile `work` with a region, and nothing in the environment that names one."""
    config = tmp_path / "config"
    config.write_text("[profile work]\nregion = eu-south-2\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    # The first so that this puts back what the commands set.
    for name in VARIABLES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_the_profile_names_the_region_unless_something_nearer_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "work")

    assert chosen_region() == "eu-south-2"
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert chosen_region() == "eu-west-1"
    assert chosen_region("us-west-2") == "us-west-2"


def test_where_nobody_names_one_nothing_is_guessed() -> None:
    with pytest.raises(NoRegionError):
        chosen_region()


def test_a_restore_goes_to_the_tables_of_the_profiles_region(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def nothing_to_do(restored: Table, live: Table) -> Counter[str]:
        asked.append((restored, live))
        return Counter()

    monkeypatch.setattr(restore, "restore", nothing_to_do)
    monkeypatch.setenv("AWS_PROFILE", "work")

    assert restore.main(["--from", "a", "--to", "b"]) == 0

    [(restored, live)] = asked
    assert (restored.name, live.name) == ("a", "b")
    assert {each.seam.region for each in (restored, live)} == {"eu-south-2"}


@pytest.mark.parametrize(
    ("command", "words"), [(restore.main, ["--from", "a", "--to", "b"]), (search, ["status", "--stack", "s"])]
)
def test_a_command_without_a_region_says_how_to_name_one(
    command: Callable[[list[str]], int], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(words) == 1
    assert "--region" in capsys.readouterr().err
