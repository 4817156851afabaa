import json
from typing import Any

import pytest
from ministack.services import cloudwatch, lambda_svc
from ministack.services.cloudformation import changesets, engine, handlers, provisioners, stacks

from infrastructure.local.patches import condition_split, metric_points, state_language_yaml, stream_positions
from infrastructure.local.patches.patcher import Patcher

YAML = "StartAt: Work\nStates:\n  Work:\n    Type: Pass\n    End: true\n"
MACHINE = {"StartAt": "Work", "States": {"Work": {"Type": "Pass", "End": True}}}


def test_the_stock_emulator_stores_a_state_machine_in_yaml_as_it_is() -> None:
    assert provisioners._sfn_definition({"DefinitionString": YAML}) == YAML


def test_a_state_machine_in_yaml_is_stored_as_json(patcher: Patcher) -> None:
    state_language_yaml.apply(patcher)

    assert json.loads(provisioners._sfn_definition({"DefinitionString": YAML})) == MACHINE


def test_a_state_machine_in_json_stays_as_it_is(patcher: Patcher) -> None:
    state_language_yaml.apply(patcher)

    assert provisioners._sfn_definition({"DefinitionString": json.dumps(MACHINE)}) == json.dumps(MACHINE)


FIRST_PART = {"Fn::Select": [0, {"Fn::Split": [":", {"Ref": "Model"}]}]}
CONDITIONS = {"Conditions": {"AsksBedrock": {"Fn::Equals": [FIRST_PART, "bedrock"]}}}


def test_the_stock_emulator_cannot_decide_a_condition_about_a_part_of_a_parameter() -> None:
    with pytest.raises(KeyError):
        engine._evaluate_conditions(CONDITIONS, {"Model": {"Value": "bedrock:small:1"}})


@pytest.mark.parametrize("module", [engine, changesets, handlers, stacks])
@pytest.mark.parametrize(("value", "holds"), [("bedrock:small:1", True), ("https://bedrock", False), ("", False)])
def test_a_condition_may_be_about_a_part_of_a_parameter(patcher: Patcher, module: Any, value: str, holds: bool) -> None:
    condition_split.apply(patcher)

    assert module._evaluate_conditions(CONDITIONS, {"Model": {"Value": value}}) == {"AsksBedrock": holds}


POSITION = {("000000000000", "us-east-1", "mapping"): 7}


def restored(store: object) -> int | None:
    lambda_svc._restore_esm_positions(store, POSITION)
    found: int | None = store._data.pop(("000000000000", "us-east-1", "mapping"), None)  # type: ignore[attr-defined] # the emulator's store
    return found


def test_the_stock_emulator_restores_a_position_in_a_stream_whose_records_are_gone() -> None:
    assert restored(lambda_svc._dynamodb_stream_positions) == 7


def test_positions_in_table_streams_are_forgotten_over_a_restart_and_others_kept(patcher: Patcher) -> None:
    stream_positions.apply(patcher)

    assert restored(lambda_svc._dynamodb_stream_positions) is None
    assert restored(lambda_svc._kinesis_positions) == 7


def record(times: int) -> int:
    for _ in range(times):
        cloudwatch.record_metric("AWS/Lambda", "Invocations", 1, "Count", {"FunctionName": "measured"})
    [points] = [points for key, points in cloudwatch._metrics.items() if "measured" in str(key)]
    return len(points)


def test_the_stock_emulator_keeps_every_metric_point() -> None:
    assert record(50) == 50
    cloudwatch.reset()


def test_only_the_newest_metric_points_are_kept(patcher: Patcher) -> None:
    patcher.attribute(metric_points, "POINTS_KEPT", 10)
    metric_points.apply(patcher)

    assert record(25) == 15
    assert record(1000) <= 20
    cloudwatch.reset()
