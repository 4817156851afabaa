"""The x86-64 archives at work, in an interpreter that sees nothing else: the handlers import, the embedder embeds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backend.embedding.model import dot, pack, to_unit
from infrastructure.packages.build import ROOT
from infrastructure.template import ours
from tests.packages.conftest import Package
from tests.packages.on_lambda import run

REFERENCE = Path(__file__).parents[1] / "contract" / "embedding" / "reference-vectors.json"
IMPORT = """
import importlib
handlers = []
for each in given:
    module, _, name = each.rpartition(".")
    handlers.append(getattr(importlib.import_module(module), name))
outside = [each.__file__ for each in list(sys.modules.values()) if "site-packages" in (getattr(each, "__file__", None) or "")]
print(json.dumps({"callable": sum(map(callable, handlers)), "outside": outside, "apsw": "apsw" in sys.modules}))
"""
EMBED = """
from pathlib import Path
from backend.embedding.minilm import MiniLmEmbedder
from backend.embedding.model import Purpose, unpack
embedder = MiniLmEmbedder(Path(opt) / "embedder")
texts = [entry["text"] for entry in json.loads(Path(given[0]).read_text())["vectors"]]
print(json.dumps([list(unpack(vector)) for vector in embedder.embed(texts, Purpose.DOCUMENT)]))
"""
CLIENTS = """
import botocore.session, boto3
session = botocore.session.get_session()
made = [session.create_client(name).meta.service_model.service_name for name in given]
print(json.dumps(made))
"""


@pytest.fixture(scope="module")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bytecode")


def handler_of(package: Package, name: str) -> str:
    return str(package.template["Resources"][name]["Properties"]["Handler"])


@pytest.mark.parametrize("name", ["AddMemory", "ProjectChanges"])
def test_a_handler_imports_with_its_archives_alone(
    packages: dict[str, Package], lambda_python: Path, bytecode: Path, name: str
) -> None:
    package = packages["x86_64"]

    said = run(lambda_python, package.task(name), package.opt, IMPORT, handler_of(package, name), cache=bytecode)

    assert said == {"callable": 1, "outside": [], "apsw": False}


def test_every_handler_imports_one_after_the_other(packages: dict[str, Package], lambda_python: Path, bytecode: Path) -> None:
    """All have one archive (`test_a_function_has_its_own_code_and_no_more`), so that one Python can import them."""
    package = packages["x86_64"]
    handlers = [handler_of(package, each.name) for each in ours()]

    said = run(lambda_python, package.task("AddMemory"), package.opt, IMPORT, *handlers, cache=bytecode)

    assert said == {"callable": len(handlers), "outside": [], "apsw": False}


def test_the_embedder_gives_the_publishers_vectors(packages: dict[str, Package], lambda_python: Path, bytecode: Path) -> None:
    package = packages["x86_64"]
    expected = [to_unit(entry["vector"]) for entry in json.loads(REFERENCE.read_text())["vectors"]]

    found = run(lambda_python, package.task("AddMemory"), package.opt, EMBED, str(REFERENCE), cache=bytecode)

    cosines = [dot(pack(ours), theirs) for ours, theirs in zip(found, expected, strict=True)]
    assert len(cosines) == 20
    assert min(cosines) >= 0.975
    assert sum(cosines) / len(cosines) >= 0.99


def test_every_service_that_is_called_has_its_description(
    packages: dict[str, Package], lambda_python: Path, bytecode: Path
) -> None:
    package = packages["x86_64"]
    makefile = (ROOT / "layers" / "dependencies" / "Makefile").read_text()
    services = next(line for line in makefile.splitlines() if line.startswith("services := ")).split()[2:]

    assert run(lambda_python, package.task("AddMemory"), package.opt, CLIENTS, *services, cache=bytecode) == services
