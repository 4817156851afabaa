import importlib.util
import io
import os
import py_compile
import zipfile
from pathlib import Path

import pytest

from infrastructure.local import deploy
from infrastructure.local.errors import DeployError
from infrastructure.local.stack import Stack
from infrastructure.local.template import Template, digest, files

TEMPLATE = """
Parameters: {Stage: {Type: String}, Other: {Type: String, Default: x}}
Globals: {Function: {CodeUri: functions/}}
Resources:
  Layer: {Type: "AWS::Serverless::LayerVersion", Properties: {ContentUri: layer/}}
  Common: {Type: "AWS::Serverless::Function", Properties: {Handler: a.handler, Role: !GetAtt Role.Arn}}
  Own: {Type: "AWS::Serverless::Function", Properties: {Handler: b.handler, CodeUri: own/}}
  Remote: {Type: "AWS::Serverless::Function", Properties: {CodeUri: {Bucket: b, Key: k}}}
  Flow: {Type: "AWS::Serverless::StateMachine", Properties: {DefinitionUri: flow.asl.yaml}}
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in {
        "template.yaml": TEMPLATE,
        "flow.asl.yaml": "StartAt: A",
        "functions/a.py": "A = 1",
        "functions/api/add.py": "B = 1",
        "own/b.py": "C = 1",
        "layer/Makefile": "build-Layer:",
        "layer/heavy.txt": "not read here",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def template(tree: Path) -> Template:
    return Template(tree / "template.yaml")


def test_a_function_has_its_own_folder_or_the_common_one(template: Template, tree: Path) -> None:
    assert template.functions() == {"Common": tree / "functions", "Own": tree / "own"}


@pytest.mark.parametrize("changed", ["template.yaml", "flow.asl.yaml", "layer/Makefile", "samconfig.toml"])
def test_what_a_deploy_reads_is_an_input(template: Template, tree: Path, changed: str) -> None:
    before = digest(template.inputs())
    with (tree / changed).open("a") as file:
        file.write("\n# changed\n")

    assert digest(template.inputs()) != before


def test_what_a_layer_holds_comes_from_the_environment_and_is_no_input(template: Template, tree: Path) -> None:
    before = digest(template.inputs())
    (tree / "layer" / "heavy.txt").write_text("changed")

    assert digest(template.inputs()) == before


def test_bytecode_does_not_count_as_code(template: Template, tree: Path) -> None:
    before = digest(template.code())
    py_compile.compile(str(tree / "functions" / "a.py"))
    assert digest(template.code()) == before

    (tree / "functions" / "api" / "new.py").write_text("")
    assert digest(template.code()) != before


def test_a_files_name_counts_as_much_as_its_content(template: Template, tree: Path) -> None:
    before = digest(template.code())
    (tree / "functions" / "a.py").rename(tree / "functions" / "z.py")

    assert digest(template.code()) != before


def test_the_same_files_make_the_same_zip(tree: Path) -> None:
    first = deploy.zip_folder(tree / "functions")
    os.utime(tree / "functions" / "a.py", (1, 1))

    assert deploy.zip_folder(tree / "functions") == first
    assert zipfile.ZipFile(io.BytesIO(first)).namelist() == ["a.py", "api/add.py"]
    assert [path.name for path in files(tree / "functions")] == ["a.py", "add.py"]


def test_bytecode_that_is_older_than_its_source_goes_even_within_a_second(tree: Path) -> None:
    source = tree / "functions" / "a.py"
    cached = Path(importlib.util.cache_from_source(str(source)))
    py_compile.compile(str(source))
    second = source.stat().st_mtime_ns
    os.utime(cached, ns=(second, second + 1))
    deploy.drop_stale_bytecode(tree / "functions")
    assert cached.exists()

    source.write_text("A = 2")
    os.utime(source, ns=(second, second + 2))
    deploy.drop_stale_bytecode(tree / "functions")

    assert not cached.exists()


def test_pushing_before_the_first_deploy_says_what_to_do(tree: Path) -> None:
    stack = Stack(state=tree / "state", template=tree / "template.yaml")

    with pytest.raises(DeployError, match="up"):
        stack.push()


def test_only_parameters_that_the_template_has_are_passed(template: Template, tree: Path) -> None:
    stack = Stack(state=tree / "state", template=tree / "template.yaml", parameters={"Other": "y", "Unknown": "z"})

    assert deploy._overrides(stack, template) == ["--parameter-overrides", "Stage=local", "Other=y"]


def test_the_profile_of_samconfig_is_used_when_there_is_one(tree: Path) -> None:
    stack = Stack(state=tree / "state", template=tree / "template.yaml")
    assert deploy._profile(stack) == []

    (tree / "samconfig.toml").write_text('version = 0.1\n[local.deploy.parameters]\nregion = "us-east-1"\n')

    assert deploy._profile(stack) == ["--config-file", str(tree / "samconfig.toml"), "--config-env", "local"]
