"""The x86-64 archives at work, in an interpreter that sees nothing else: the handlers import, the embedder embeds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backend.embedding.model import dot, pack, to_unit
from infrastructure.packages.build import ROOT
from infrastructure.template import functions, load
from tests.packages.conftest import Package
from tests.packages.on_lambda import run

REFERENCE = Path(__file__).parents[1] / "contract" / "embedding" / "reference-vectors.json"
IMPORT = """
import importlib
module, _, name = given[0].rpartition(".")
handler = getattr(importlib.import_module(module), name)
outside = [each.__file__ for each in list(sys.modules.values()) if "site-packages" in (getattr(each, "__file__", None) or "")]
print(json.dumps({"callable": callable(handler), "outside": outside, "apsw": "apsw" in sys.modules}))
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


@pytest.mark.parametrize("name", [each.name for each in functions(load())])
def test_a_handler_imports_with_its_archives_alone(
    packages: dict[str, Package], lambda_python: Path, bytecode: Path, name: str
) -> None:
    package = packages["x86_64"]
    handler = package.template["Resources"][name]["Properties"]["Handler"]

    said = run(lambda_python, package.task(name), package.opt, IMPORT, handler, cache=bytecode)

    assert said == {"callable": True, "outside": [], "apsw": False}


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
