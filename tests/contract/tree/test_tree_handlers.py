"""The template's functions and the files under functions/ are the same things."""

from __future__ import annotations

import ast
import importlib
import sys
from collections import Counter
from dataclasses import fields
from importlib.metadata import packages_distributions
from pathlib import Path
from types import ModuleType

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from backend.kit.config import Settings
from backend.status.http import METHODS
from infrastructure.template import Function, functions, load
from tests.contract.tree.chosen_template import chosen, chosen_properties
from tests.contract.tree.rendered_template import resources, target
from tests.support.tables import template

ROOT = Path(__file__).resolve().parents[3]
FUNCTIONS = ROOT / "functions"
MOST_LINES = 25
EVERYTHING = ("ANY", "$default")
# How the docstring of a function begins that no route leads to.
TRIGGERS = {
    "DynamoDB": "Stream of ",
    "SQS": "Queue of ",
    "rate(1 minute)": "Every minute: ",
    "rate(5 minutes)": "Every 5 minutes: ",
    "rate(1 hour)": "Every hour: ",
    "rate(1 day)": "Every day: ",
    "nothing": "Called by operators only",
}

ALL = functions(load())
each_function = pytest.mark.parametrize("function", ALL, ids=lambda each: each.name)
each_http_function = pytest.mark.parametrize("function", [each for each in ALL if each.routes], ids=lambda each: each.name)


def module_of(function: Function) -> ModuleType:
    return importlib.import_module(function.handler.rpartition(".")[0])


def path_of(function: Function) -> Path:
    return FUNCTIONS / (function.handler.rpartition(".")[0].replace(".", "/") + ".py")


def served_by(app: FastAPI) -> set[tuple[str, str]]:
    return {(method, route.path) for route in app.routes if isinstance(route, APIRoute) for method in route.methods or ()}


@each_function
def test_the_handler_that_the_template_names_can_be_called(function: Function) -> None:
    handler = getattr(module_of(function), function.handler.rpartition(".")[2])

    assert callable(handler)
    assert Path(str(module_of(function).__file__)) == path_of(function)


@each_http_function
def test_a_function_serves_exactly_the_routes_that_lead_to_it(function: Function) -> None:
    everything = {(method, "/{path:path}") for method in METHODS}
    expected = everything if function.routes == (EVERYTHING,) else set(function.routes)

    assert served_by(module_of(function).app) == expected


def test_no_two_functions_have_the_same_route() -> None:
    counted = Counter(route for function in ALL for route in function.routes)

    assert [route for route, count in counted.items() if count > 1] == []
    assert counted[EVERYTHING] == 1


def trigger_of(function: Function) -> str:
    """Return what calls a function without a route: its stream, its queue, its schedule, or nothing."""
    events = function.properties.get("Events", {}).values()
    named = [event["Properties"].get("ScheduleExpression", event["Type"]) for event in events]
    [trigger] = named or ["nothing"]
    return str(trigger)


@each_function
def test_a_functions_first_line_says_what_calls_it(function: Function) -> None:
    said = (module_of(function).__doc__ or "").partition("\n")[0]
    routes = ["$default" if route == EVERYTHING else " ".join(route) for route in function.routes]

    assert said.startswith(", ".join(routes) + ": " if routes else TRIGGERS[trigger_of(function)])
    assert said.endswith(".")


def test_every_file_under_functions_is_one_function_of_the_template() -> None:
    written = Counter(path for path in FUNCTIONS.rglob("*.py"))
    named = Counter(path_of(function) for function in ALL)

    assert named == written


@each_function
def test_a_function_fits_on_a_card(function: Function) -> None:
    lines = path_of(function).read_text().splitlines()

    assert len(lines) <= MOST_LINES


@each_http_function
def test_a_route_parses_delegates_and_answers_in_one_statement(function: Function) -> None:
    tree = ast.parse(path_of(function).read_text())
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]

    for documentation, *statements in bodies:
        assert isinstance(documentation, ast.Expr)
        assert len(statements) == 1


def test_no_folder_of_functions_hides_a_module_of_python_or_of_a_package() -> None:
    ours = {path.stem for path in FUNCTIONS.iterdir() if path.suffix == ".py" or (path.is_dir() and path.name != "__pycache__")}

    assert ours
    assert ours & (sys.stdlib_module_names | set(packages_distributions()) | {"backend"}) == set()


def test_every_function_gets_every_setting_and_no_other_variable() -> None:
    variables = template()["Globals"]["Function"]["Environment"]["Variables"]
    own = {name: each["Properties"]["Environment"] for name, each in _declared().items() if "Environment" in each["Properties"]}

    assert set(variables) == {field.name.upper() for field in fields(Settings)}
    assert own == {}, "a function with variables of its own: Settings would not know them"


def test_every_setting_comes_from_a_parameter_or_a_resource() -> None:
    known = set(template()["Parameters"]) | set(template()["Resources"])
    variables = template()["Globals"]["Function"]["Environment"]["Variables"]
    chosen = {"SEARCH_ENDPOINT"}

    assert {name for name, value in variables.items() if name not in chosen and target(value) not in known} == set()


@pytest.mark.parametrize(
    ("choice", "endpoint"),
    [
        ("own domain", {"Fn::Sub": "https://${SearchDomain.DomainEndpoint}"}),
        ("given domain", {"Ref": "SearchEndpoint"}),
        ("one machine", {"Ref": "SearchEndpoint"}),
    ],
)
def test_every_function_gets_the_address_of_the_index_that_was_chosen(choice: str, endpoint: object) -> None:
    functions = chosen_properties(choice, "AWS::Lambda::Function").values()

    assert [each["Environment"]["Variables"]["SEARCH_ENDPOINT"] for each in functions] == [endpoint] * len(ALL)
    assert chosen(choice)["Outputs"]["SearchEndpoint"]["Value"] == endpoint


def test_every_function_runs_python_3_13_on_the_processor_that_was_chosen() -> None:
    parameter = template()["Parameters"]["Architecture"]
    rendered = resources("AWS::Lambda::Function")

    assert parameter["Default"] == "arm64"
    assert parameter["AllowedValues"] == ["arm64", "x86_64"]
    assert len(rendered) == len(ALL)
    for name, function in rendered.items():
        assert function["Properties"]["Runtime"] == "python3.13", name
        assert function["Properties"]["Architectures"] == [{"Ref": "Architecture"}], name
    for name, layer in resources("AWS::Lambda::LayerVersion").items():
        assert layer["Properties"]["CompatibleRuntimes"] == ["python3.13"], name


def test_a_function_lists_only_what_is_special_about_it() -> None:
    special = {"Handler", "Events", "Policies", "Timeout", "EventInvokeConfig"}

    for name, function in _declared().items():
        assert set(function["Properties"]) <= special, name


def test_an_http_function_answers_before_the_gateway_gives_up() -> None:
    for function in ALL:
        timeout = function.properties.get("Timeout", template()["Globals"]["Function"]["Timeout"])
        assert timeout < 30 or not function.routes, function.name


def _declared() -> dict[str, dict[str, dict[str, object]]]:
    return {name: each for name, each in template()["Resources"].items() if each["Type"] == "AWS::Serverless::Function"}
