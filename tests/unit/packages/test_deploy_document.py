"""docs/deploy.md says what the template and the profiles say."""

from __future__ import annotations

import re

from infrastructure.packages.build import ROOT
from infrastructure.packages.environments import read
from infrastructure.template import load

TEXT = (ROOT / "docs" / "deploy.md").read_text()
TEMPLATE = load()


def kinds(kind: str) -> list[str]:
    return [name for name, resource in TEMPLATE["Resources"].items() if resource["Type"] == kind]


def test_every_parameter_stands_in_the_table_once_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `([A-Z]\w+)` \| `?([^|`]*)`? \|", TEXT, re.MULTILINE))

    assert list(rows) == sorted(rows, key=list(rows).index)
    assert set(rows) == set(TEMPLATE["Parameters"])
    for name, said in rows.items():
        default = str(TEMPLATE["Parameters"][name]["Default"])
        assert said.strip() in {default or "empty", "of this tree"}, name


def test_the_idle_cost_counts_every_alarm_secret_and_key() -> None:
    alarms = len(kinds("AWS::CloudWatch::Alarm"))

    assert f"| {alarms} alarms (0.10 each) | {alarms * 0.1:.2f} | {alarms * 0.1:.2f} |" in TEXT
    assert len(kinds("AWS::KMS::Key")) == len(kinds("AWS::SecretsManager::Secret")) == 1


def test_the_idle_cost_adds_up() -> None:
    table = TEXT[TEXT.index("| idle, a month") :].partition("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip(" *") for cell in row.split("|")[2:4]] for row in table]
    columns = [[float(cell.rpartition(" ")[2]) for cell in column] for column in zip(*cells, strict=True)]

    for *parts, together in columns:
        assert abs(sum(parts) - together) < 0.005


def test_what_stays_is_what_the_template_keeps() -> None:
    kept = {each["Type"] for each in TEMPLATE["Resources"].values() if str(each.get("DeletionPolicy", "")).startswith("Retain")}
    tables = len(kinds("AWS::DynamoDB::Table"))

    assert kept == {
        "AWS::DynamoDB::Table",
        "AWS::OpenSearchService::Domain",
        "AWS::SecretsManager::Secret",
        "AWS::KMS::Key",
    }
    assert f"| {['no', 'one', 'two', 'three', 'four', 'five', 'six'][tables]} tables |" in TEXT


def test_the_table_of_environments_says_what_the_profiles_say() -> None:
    prod, dev = read("prod").parameters, read("dev").parameters

    assert f"{prod['SearchInstanceType']} in three zones, {prod['SearchVolumeGb']} GB each" in TEXT
    assert f"| logs are kept | {dev['LogRetentionDays']} days | {prod['LogRetentionDays']} days |" in TEXT
