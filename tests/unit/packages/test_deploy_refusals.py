"""A deployment that cannot go well is refused before anything is built, in words that say what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infrastructure.packages.build import ROOT
from infrastructure.packages.removal import Kept, say

NOBODY = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
SOMEBODY = NOBODY | {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def run(place: Path, *words: str, **settings: str) -> tuple[int, str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": "shared:.:functions", "HOME": str(place), **settings}
    done = subprocess.run(
        [sys.executable, "-m", "infrastructure.packages", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**environment, "MEMORYSYNC_PACKAGES": str(place / "packages")},
    )
    assert not (place / "packages").exists(), "something was built"
    return done.returncode, done.stderr


def test_without_credentials_nothing_is_built_and_the_cure_is_named(tmp_path: Path) -> None:
    code, said = run(tmp_path, "deploy", **NOBODY)

    assert code == 1
    assert "No AWS identity answers: Unable to locate credentials" in said
    assert "aws configure sso" in said
    assert "Traceback" not in said


def test_a_profile_that_does_not_exist_is_named(tmp_path: Path) -> None:
    code, said = run(tmp_path, "deploy", AWS_PROFILE="nowhere", **NOBODY)

    assert code == 1
    assert "nowhere" in said
    assert "Traceback" not in said


def test_without_a_region_nothing_is_built(tmp_path: Path) -> None:
    config = tmp_path / "samconfig.toml"
    shutil.copy(ROOT / "samconfig.toml", config)
    config.write_text(config.read_text().replace('region = "us-east-1"\n', ""))

    code, said = run(tmp_path, "deploy", "--config", str(config), **SOMEBODY)

    assert (code, said.strip()) == (
        1,
        "No region: set `region` in samconfig.toml, or AWS_REGION. Nothing was built or deployed.",
    )


def test_prod_is_not_deployed_without_somebody_to_tell(tmp_path: Path) -> None:
    code, said = run(tmp_path, "deploy", "--env", "prod", **SOMEBODY)

    assert code == 1
    assert "prod is not deployed without AlarmTopic" in said
    assert "PARAMETERS='AlarmTopic=...'" in said


def test_an_index_on_serverless_is_refused_with_the_reason_before_anybody_is_asked(tmp_path: Path) -> None:
    endpoint = "SearchEndpoint=https://x.us-east-1.aoss.amazonaws.com"
    code, said = run(tmp_path, "deploy", "--parameters", endpoint, **NOBODY)

    assert code == 1
    assert "dev is not deployed: its SearchEndpoint is OpenSearch Serverless: its vector collections take no document ids" in said


def test_an_endpoint_that_does_not_answer_is_said_and_not_traced(tmp_path: Path) -> None:
    code, said = run(tmp_path, "deploy", AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_MAX_ATTEMPTS="1", **SOMEBODY)

    assert code == 1
    assert "No AWS identity answers" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("command", ["invoke", "remove"])
def test_the_other_commands_need_an_identity_too(tmp_path: Path, command: str) -> None:
    code, said = run(tmp_path, command, *(["Administer", "{}"] if command == "invoke" else []), **NOBODY)

    assert code == 1
    assert "Unable to locate credentials" in said


def test_removing_data_asks_for_the_name_of_the_stack(tmp_path: Path) -> None:
    code, said = run(tmp_path, "remove", "--data", **NOBODY)

    assert (code, said.strip()) == (1, "Nothing was removed.")


def test_what_stays_is_said_with_the_command_that_removes_it() -> None:
    kept = [Kept("MemoriesTable", "AWS::DynamoDB::Table", "m-1"), Kept("Odd", "AWS::S3::Bucket", "b-1")]

    said = say(kept, "eu-central-1")

    assert "  aws dynamodb delete-table --table-name m-1 --region eu-central-1\n" in said
    assert said.endswith("  Odd (AWS::S3::Bucket): b-1")
    assert say([], "eu-central-1") == "Nothing of it is left."
