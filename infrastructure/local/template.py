"""What a SAM template depends on, so that a deploy can be left out when nothing of it changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

Json = dict[str, Any]

SAM_FUNCTION = "AWS::Serverless::Function"
SAM_LAYER = "AWS::Serverless::LayerVersion"
_LOCAL_FILES = ("CodeUri", "ContentUri", "DefinitionUri")
_IGNORED = ("__pycache__", ".aws-sam", ".git", ".venv", "node_modules")


class Template:
    """A SAM template on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.body: Json = yaml_parse(path.read_text())

    def functions(self) -> dict[str, Path]:
        """Return where the code of each function is, by logical id."""
        common = self.body.get("Globals", {}).get("Function", {}).get("CodeUri")
        return {
            logical_id: self.path.parent / code
            for logical_id, properties in self._resources(SAM_FUNCTION)
            if isinstance(code := properties.get("CodeUri", common), str)
        }

    def parameters(self) -> frozenset[str]:
        """Return the names of the template's parameters."""
        return frozenset(self.body.get("Parameters") or {})

    def code(self) -> frozenset[Path]:
        """Return the folders that become the functions' code."""
        return frozenset(self.functions().values())

    def inputs(self) -> Iterator[Path]:
        """Yield the files that a deploy reads beside the code: the template, definitions, the Makefiles of layers.

        What a layer holds is not among them: layers are built empty here, their content comes from the environment.
        """
        yield self.path
        yield self.path.with_name("samconfig.toml")
        for resource in (self.body.get("Resources") or {}).values():
            for name in _LOCAL_FILES:
                value = (resource.get("Properties") or {}).get(name)
                if not isinstance(value, str):
                    continue
                place = self.path.parent / value
                if resource.get("Type") == SAM_LAYER:
                    yield place / "Makefile"
                elif place.is_file():
                    yield place

    def _resources(self, kind: str) -> Iterator[tuple[str, Json]]:
        for logical_id, resource in (self.body.get("Resources") or {}).items():
            if resource.get("Type") == kind:
                yield logical_id, resource.get("Properties") or {}


def files(folder: Path) -> list[Path]:
    """Return the files of a folder that matter, sorted: no bytecode, no build output."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and not set(_IGNORED) & set(path.relative_to(folder).parts)
    )


def digest(paths: Iterable[Path]) -> str:
    """Return a digest of files, or of all files in folders, by place and content."""
    total = hashlib.sha256()
    for path in sorted(set(paths)):
        for file in files(path) if path.is_dir() else [path] if path.exists() else []:
            total.update(f"{file}\0{file.stat().st_size}\0".encode())
            total.update(file.read_bytes())
    return total.hexdigest()
