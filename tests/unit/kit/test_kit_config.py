"""Settings from the environment."""

from __future__ import annotations

from dataclasses import fields

import pytest

from backend.kit.config import Settings, aws_endpoint, region
from backend.kit.errors import InternalError
from tests.support.tables import template

WHOLE = {each.name.upper(): f"the {each.name}" for each in fields(Settings)}


def test_each_setting_is_the_variable_of_its_name() -> None:
    settings = Settings.from_environment({**WHOLE, "PATH": "/bin"})

    assert settings.memories_table == "the memories_table"
    assert settings.log_level == "the log_level"


def test_an_empty_variable_is_a_value() -> None:
    assert Settings.from_environment({**WHOLE, "SEARCH_ENDPOINT": ""}).search_endpoint == ""


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(InternalError, match=rf"lacks {name}\."):
        Settings.from_environment({each: value for each, value in WHOLE.items() if each != name})


def test_all_missing_variables_are_named_at_once_and_no_value_is() -> None:
    environment = {**WHOLE, "PEPPER_SECRET": "hush"}
    del environment["STAGE"], environment["AUDIT_TABLE"]

    with pytest.raises(InternalError) as error:
        Settings.from_environment(environment)

    assert error.value.detail == "The environment lacks AUDIT_TABLE, STAGE."


def test_the_template_gives_every_function_exactly_these_variables() -> None:
    given = template()["Globals"]["Function"]["Environment"]["Variables"]

    assert set(given) == set(WHOLE)


def test_the_region_is_what_lambda_says_or_else_what_the_tools_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    assert region() == "eu-west-1"
    monkeypatch.delenv("AWS_REGION")
    assert region() == "eu-north-1"
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert region() == "us-east-1"


def test_aws_stands_at_its_own_address_unless_another_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert aws_endpoint() is None
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    assert aws_endpoint() == "http://127.0.0.1:4566"
