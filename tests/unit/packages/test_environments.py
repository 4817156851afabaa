"""The profiles that `make deploy` knows, held against the template that they deploy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from samcli.cli.types import CfnParameterOverridesType  # type: ignore[import-untyped]  # it ships no types

from infrastructure.packages.environments import override, pairs, read
from infrastructure.packages.errors import DeployError
from infrastructure.template import load

PARAMETERS = load()["Parameters"]

each_environment = pytest.mark.parametrize("name", ["dev", "prod"])


@each_environment
def test_every_parameter_of_a_profile_is_one_of_the_template_and_allowed(name: str) -> None:
    for parameter, value in read(name).parameters.items():
        assert parameter in PARAMETERS, "CloudFormation refuses parameters that it does not know"
        allowed = PARAMETERS[parameter].get("AllowedValues")
        assert allowed is None or value in map(str, allowed)
        assert re.fullmatch(PARAMETERS[parameter].get("AllowedPattern", ".*"), value)


@each_environment
def test_a_profile_stands_for_a_stage_of_its_own(name: str) -> None:
    environment = read(name)

    assert (environment.stack, environment.parameters["Stage"]) == (f"memorysync-{name}", name)


def test_prod_is_protected_survives_a_node_and_tells_somebody() -> None:
    prod = read("prod")

    assert prod.protected
    assert int(prod.parameters["SearchInstanceCount"]) >= 3
    assert prod.missing(prod.parameters) == ["AlarmTopic"]
    assert prod.missing({"AlarmTopic": "arn:aws:sns:us-east-1:123456789012:alarms"}) == []
    assert not read("dev").protected


def test_every_parameter_without_a_default_is_given_or_asked_for() -> None:
    assert [name for name, each in PARAMETERS.items() if "Default" not in each] == []


def test_an_environment_that_nobody_wrote_down_is_refused_with_those_that_are_there() -> None:
    with pytest.raises(DeployError, match="no environment 'staging' for AWS; it has dev, prod"):
        read("staging")


def test_the_profile_of_one_machine_is_not_for_aws() -> None:
    with pytest.raises(DeployError, match="no environment 'local'"):
        read("local")


def test_a_profile_as_the_sam_cli_saves_it_is_read_as_well(tmp_path: Path) -> None:
    config = tmp_path / "samconfig.toml"
    config.write_text(
        "version = 0.1\n[dev.deploy.parameters]\nstack_name = 'mine'\nprofile = 'work'\n"
        'parameter_overrides = \'Stage="dev" CorsOrigins="https://a.example,https://b.example" AlarmTopic=""\'\n'
    )

    environment = read("dev", config)

    assert (environment.stack, environment.region, environment.profile) == ("mine", "", "work")
    assert environment.parameters == {
        "Stage": "dev",
        "CorsOrigins": "https://a.example,https://b.example",
        "AlarmTopic": "",
    }
    assert environment.architecture == "arm64"


def test_a_value_may_hold_an_equals_sign() -> None:
    assert pairs(["A=b=c"]) == {"A": "b=c"}


@pytest.mark.parametrize(
    "value", ["prod", "", "a b", "https://a.example,https://b.example", "a=b", 'say "a"', "arn:aws:sns:x:1:y"]
)
def test_the_sam_cli_reads_a_parameter_as_it_was_meant(value: str) -> None:
    assert CfnParameterOverridesType().convert((override("Name", value), override("Other", "b")), None, None) == {
        "Name": value,
        "Other": "b",
    }


def test_a_word_that_is_no_parameter_is_refused() -> None:
    with pytest.raises(DeployError, match="'Stage' is no parameter"):
        pairs("Stage prod")
