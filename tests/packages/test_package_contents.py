"""What AWS gets: for its processor, for its Python, within its limits, and nothing that has no business there."""

from __future__ import annotations

import ast
import hashlib
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infrastructure.packages import elf, inspection
from infrastructure.packages.archive import pack
from infrastructure.packages.build import ROOT
from infrastructure.template import functions, load
from tests.packages.conftest import Package

PYTHON = "3.13"
# What only one machine needs: the index in a file.
ON_ONE_MACHINE_ONLY = {"apsw"}


def archives(package: Package) -> list[Path]:
    return [package.archives / entry["file"] for entry in [*package.manifest["functions"], *package.manifest["layers"]]]


def binaries(package: Package) -> dict[str, elf.SharedObject]:
    """Return every ELF file of a package, whatever its name."""
    found = {}
    for path in package.unpacked.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            if elf.is_elf(data):
                found[path.relative_to(package.unpacked).as_posix()] = elf.read(data)
    return found


def test_every_function_and_layer_of_the_template_is_there_and_nothing_else(package: Package) -> None:
    template = load()
    layers = [name for name, each in template["Resources"].items() if each["Type"] == "AWS::Serverless::LayerVersion"]

    assert [entry["name"] for entry in package.manifest["functions"]] == [each.name for each in functions(template)]
    assert [entry["name"] for entry in package.manifest["layers"]] == layers
    assert {path.name for path in package.archives.iterdir()} == {
        *(path.name for path in archives(package)),
        "manifest.json",
        "template.yaml",
    }


def test_the_manifest_says_what_the_archives_are(package: Package) -> None:
    assert package.manifest["architecture"] == package.architecture
    assert package.manifest["runtime"] == f"python{PYTHON}"
    for entry in [*package.manifest["functions"], *package.manifest["layers"]]:
        archive = package.archives / entry["file"]
        assert (entry["sha256"], entry["zipped"]) == (hashlib.sha256(archive.read_bytes()).hexdigest(), archive.stat().st_size)


def test_the_template_names_the_archives_and_takes_no_other_processor(package: Package) -> None:
    for name, resource in package.template["Resources"].items():
        for place in ("CodeUri", "ContentUri"):
            if place in resource["Properties"] and resource["Type"].startswith("AWS::Serverless::"):
                assert resource["Properties"][place] == f"{name}.zip"
                assert (package.archives / f"{name}.zip").is_file()
    assert package.template["Parameters"]["Architecture"]["AllowedValues"] == [package.architecture]


def test_the_inspection_finds_nothing(package: Package) -> None:
    # By their bytes: the functions' archives are one and the same.
    different = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in archives(package)}
    found = {path.name: inspection.faults(path, package.architecture, PYTHON, str(ROOT)) for path in different.values()}

    assert {name: faults for name, faults in found.items() if faults} == {}


def test_every_shared_object_is_of_the_processor(package: Package) -> None:
    found = binaries(package)

    assert len(found) > 20, "numpy, onnxruntime, tokenizers, pydantic and cryptography bring their own"
    assert {each.machine for each in found.values()} == {package.architecture}


def test_every_extension_is_of_lambdas_python(package: Package) -> None:
    machine = {"arm64": "aarch64", "x86_64": "x86_64"}[package.architecture]
    named = [name for name in binaries(package) if ".cpython-" in name or ".abi3." in name]

    assert named
    for name in named:
        assert name.endswith((f".cpython-313-{machine}-linux-gnu.so", ".abi3.so")), name


def test_no_shared_object_needs_a_newer_system_than_amazon_linux_2023(package: Package) -> None:
    needed = {version for each in binaries(package).values() for version in each.versions if version.startswith("GLIBC_")}
    newest = max(tuple(map(int, version.removeprefix("GLIBC_").split("."))) for version in needed)

    assert newest <= (2, 34), newest


def test_a_function_with_its_layers_stays_within_lambdas_limit(package: Package) -> None:
    layers = sum(path.stat().st_size for path in package.opt.rglob("*") if path.is_file())
    for entry in package.manifest["functions"]:
        own = sum(path.stat().st_size for path in package.task(entry["name"]).rglob("*") if path.is_file())
        assert own + layers <= 262_144_000
    assert package.manifest["largest_function_with_layers_unzipped"] >= layers


def test_a_function_has_its_own_code_and_no_more(package: Package) -> None:
    there = {path.relative_to(ROOT / "functions") for path in (ROOT / "functions").rglob("*.py")}
    for entry in package.manifest["functions"]:
        task = package.task(entry["name"])
        assert {path.relative_to(task) for path in task.rglob("*") if path.is_file()} == there, entry["name"]


def test_our_layer_is_our_package_without_what_tests_use(package: Package) -> None:
    ours = ROOT / "shared" / "backend"
    there = {path.relative_to(ours) for path in ours.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    packed = {
        path.relative_to(package.opt / "python/backend") for path in (package.opt / "python/backend").rglob("*") if path.is_file()
    }

    assert packed == {path for path in there if path.name != "fake.py"} | {Path("LICENSE")}


def test_what_our_code_imports_is_in_the_layers(package: Package) -> None:
    roots = [package.opt / "python" / "backend", *(package.task(entry["name"]) for entry in package.manifest["functions"])]
    named = {name for root in roots for path in root.rglob("*.py") for name in imported(path)}
    there = {path.name.partition(".")[0] for path in (package.opt / "python").iterdir()}
    own = {path.name for path in (ROOT / "functions").iterdir()}

    assert named - set(sys.stdlib_module_names) - ON_ONE_MACHINE_ONLY - own <= there


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def test_every_licence_stays_and_none_is_a_gpl(package: Package) -> None:
    for entry in package.manifest["layers"]:
        for component in entry["packages"]:
            assert component["licence"] != "not stated", component
            assert "GPL" not in component["licence"], component
    assert "Apache License" in (package.opt / "embedder" / "LICENSE-APACHE-2.0").read_text()
    assert (package.opt / "python" / "onnxruntime" / "ThirdPartyNotices.txt").is_file()
    assert list((package.opt / "python").glob("numpy-*.dist-info/licenses/LICENSE.txt"))


def test_both_processors_get_the_same_packages_and_python_files(packages: dict[str, Package]) -> None:
    """What was seen to import on x86-64 is then there on arm64 too, which cannot be run here."""
    arm, x86 = packages["arm64"], packages["x86_64"]

    def contents(package: Package) -> dict[str, str]:
        paths = [path for path in package.unpacked.rglob("*") if path.suffix in {".py", ".json", ".onnx", ".data", ".tiktoken"}]
        # numpy's `__config__` names the processor and the compiler of its build, and so do lists of what was compiled in.
        return {
            path.relative_to(package.unpacked).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in paths
            if path.name != "__config__.py" and "sboms" not in path.parts
        }

    assert [entry.get("packages") for entry in arm.manifest["layers"]] == [
        entry.get("packages") for entry in x86.manifest["layers"]
    ]
    assert contents(arm) == contents(x86)


def test_packing_again_gives_the_same_bytes(package: Package, tmp_path: Path) -> None:
    [entry] = [each for each in package.manifest["layers"] if each["name"] == "DependenciesLayer"]
    again = tmp_path / "unpacked"
    inner = Package(package.architecture, package.archives, again)
    inner._extract(entry["file"], again)

    assert pack(again, tmp_path / "again.zip").sha256 == entry["sha256"]


@pytest.mark.parametrize("name", ["AddMemory", "EmbedderLayer"])
def test_everybody_may_read_what_was_packed(package: Package, name: str) -> None:
    with zipfile.ZipFile(package.archives / f"{name}.zip") as archive:
        modes = {entry.external_attr >> 16 & 0o777 for entry in archive.infolist()}
        times = {entry.date_time for entry in archive.infolist()}

    assert modes == {0o644}
    assert times == {(1980, 1, 1, 0, 0, 0)}
