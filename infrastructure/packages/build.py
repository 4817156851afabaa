"""Builds what AWS gets for one processor: an archive for each function and layer, the template that names them, a manifest.

`sam build` builds the folders; they are packed here and not by `sam deploy`, so that what was inspected is, byte for
byte, what is uploaded.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml
from samcli.yamlhelper import yaml_dump, yaml_parse  # type: ignore[import-untyped]  # it ships no types

from infrastructure.packages import inspection
from infrastructure.packages.archive import Weight, pack
from infrastructure.packages.errors import PackageError
from infrastructure.template import TEMPLATE

ROOT = TEMPLATE.parent
ARCHITECTURES = ("arm64", "x86_64")
PLACE = ROOT / ".local" / "packages"
FUNCTION, LAYER = "AWS::Serverless::Function", "AWS::Serverless::LayerVersion"
CODE = {FUNCTION: "CodeUri", LAYER: "ContentUri"}
HOST, BUNDLED = "host", "bundled"
_SAID = 30
"""How many of the last lines of `sam build` are shown when it fails."""


@dataclass(frozen=True, slots=True)
class Built:
    """What a build made: where, and what each archive weighs by the logical id of its function or layer."""

    folder: Path
    architecture: str
    functions: Mapping[str, Weight]
    layers: Mapping[str, Weight]

    @property
    def template(self) -> Path:
        """The template that names the archives: what `sam deploy` is given."""
        return self.folder / "template.yaml"

    @property
    def heaviest(self) -> int:
        """Bytes of the largest function with all layers, unzipped."""
        layers = {name: weight.unzipped for name, weight in self.layers.items()}
        return inspection.together(max(weight.unzipped for weight in self.functions.values()), layers)


def build(architecture: str, place: Path = PLACE, dependencies: str = BUNDLED) -> Built:
    """Build into `place/architecture`, which is swapped in whole; what was there stays when anything is wrong.

    `dependencies` is `bundled`, or `host` for layers without content: the local stack's functions run in its own
    environment. Raises `PackageError` when `sam build` fails, and when an inspection finds a fault.
    """
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{architecture}-", dir=place) as scratch:
        folder, built = Path(scratch) / "folders", Path(scratch) / "package"
        built.mkdir()
        _sam_build(folder, architecture, dependencies)
        template = yaml_parse((folder / "template.yaml").read_text())
        weights: dict[str, dict[str, Weight]] = {FUNCTION: {}, LAYER: {}}
        for name, resource in template["Resources"].items():
            if resource["Type"] in CODE:
                properties = resource["Properties"]
                weights[resource["Type"]][name] = pack(folder / properties[CODE[resource["Type"]]], built / f"{name}.zip")
                properties[CODE[resource["Type"]]] = f"{name}.zip"
        fix_architecture(template, architecture)
        (built / "template.yaml").write_text(yaml_dump(template))
        made = Built(built, architecture, weights[FUNCTION], weights[LAYER])
        if dependencies == BUNDLED:
            _refuse(faults(made, template))
        _write_manifest(made, template)
        return Built(_swap(built, place / architecture), architecture, made.functions, made.layers)


def faults(built: Built, template: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a whole build, a sentence each."""
    python = str(template["Globals"]["Function"]["Runtime"]).removeprefix("python")
    # The functions' archives are one and the same: each is looked into once.
    inside: dict[str, list[str]] = {}
    found = []
    for name, weight in [*built.functions.items(), *built.layers.items()]:
        if weight.sha256 not in inside:
            inside[weight.sha256] = inspection.faults(built.folder / f"{name}.zip", built.architecture, python, str(ROOT))
        found += [f"{name}: {fault}" for fault in inside[weight.sha256]]
    for name in built.functions:
        handler = template["Resources"][name]["Properties"]["Handler"]
        found.append(inspection.handler_fault(built.folder / f"{name}.zip", handler) or "")
    found.append(inspection.weight_fault("The largest function", built.heaviest) or "")
    return [fault for fault in found if fault]


def fix_architecture(template: dict[str, Any], architecture: str) -> None:
    """Let CloudFormation refuse any other processor than the one that the archives are for."""
    template["Parameters"]["Architecture"].update({"Default": architecture, "AllowedValues": [architecture]})


def _sam_build(folder: Path, architecture: str, dependencies: str) -> None:
    command = [sys.executable, "-m", "samcli", "build", "--template-file", str(TEMPLATE), "--build-dir", str(folder)]
    command += ["--parameter-overrides", f"Architecture={architecture}"]
    environment = {
        **os.environ,
        "ARCH": architecture,
        "LAYER_DEPS": dependencies,
        "PYTHON": sys.executable,
        "SAM_CLI_TELEMETRY": "0",
        # `sam build` looks for a program called python, though it runs none: there is nothing to install beside the code.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
    }
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()
        message = "\n".join([f"`sam build` failed with code {done.returncode}:", *said[-_SAID:]])
        raise PackageError(message)


def _refuse(found: list[str]) -> None:
    if found:
        message = "\n".join(["This must not be deployed:", *found])
        raise PackageError(message)


def _write_manifest(built: Built, template: Mapping[str, Any]) -> None:
    def entry(name: str, weight: Weight, **more: object) -> dict[str, object]:
        return {"name": name, "file": f"{name}.zip", **asdict(weight), **more}

    resources = template["Resources"]
    manifest = {
        "architecture": built.architecture,
        "runtime": template["Globals"]["Function"]["Runtime"],
        "largest_function_with_layers_unzipped": built.heaviest,
        "limit_unzipped": inspection.UNZIPPED_LIMIT,
        "functions": [
            entry(name, weight, handler=resources[name]["Properties"]["Handler"]) for name, weight in built.functions.items()
        ],
        "layers": [
            entry(name, weight, packages=[asdict(each) for each in inspection.components(built.folder / f"{name}.zip")])
            for name, weight in built.layers.items()
        ],
    }
    (built.folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


def _swap(fresh: Path, place: Path) -> Path:
    old = fresh.with_name("old")
    if place.exists():
        place.rename(old)
    fresh.rename(place)
    shutil.rmtree(old, ignore_errors=True)
    return place


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a build. Raises `PackageError` when there is none."""
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    except (OSError, ValueError) as error:
        message = f"There is no package in {folder}. Run: make package"
        raise PackageError(message) from error
    return manifest


def read_template(folder: Path) -> dict[str, Any]:
    """Return the template that names a build's archives. Raises `PackageError` when there is none."""
    try:
        template: dict[str, Any] = yaml_parse((folder / "template.yaml").read_text())
    except (OSError, yaml.YAMLError) as error:
        message = f"There is no package in {folder}. Run: make package"
        raise PackageError(message) from error
    return template
