"""The archives that `make package` built, unpacked as Lambda unpacks them: functions to /var/task, layers to /opt."""

from __future__ import annotations

import os
import subprocess
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from infrastructure.packages.build import ARCHITECTURES, PLACE, read_manifest, read_template
from infrastructure.pythons import candidates, version_of

HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect these tests only when their folder is named: they need built archives, whose wheels come over the network."""
    places = [config.invocation_params.dir / argument.split("::")[0] for argument in config.args]
    is_named = any(HERE in (place, *place.parents) for place in places)
    return None if is_named or HERE not in (collection_path, *collection_path.parents) else True


@dataclass
class Package:
    """What was built for one processor."""

    architecture: str
    archives: Path
    unpacked: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        return read_manifest(self.archives)

    @cached_property
    def template(self) -> dict[str, Any]:
        return read_template(self.archives)

    @property
    def opt(self) -> Path:
        """All layers together, as under /opt."""
        return self.unpacked / "opt"

    def task(self, function: str) -> Path:
        """Return the function's own code, as under /var/task."""
        return self.unpacked / "task" / function

    def unpack(self) -> Package:
        for entry in self.manifest["functions"]:
            self._extract(entry["file"], self.task(entry["name"]))
        for entry in self.manifest["layers"]:
            self._extract(entry["file"], self.opt)
        return self

    def _extract(self, file: str, place: Path) -> None:
        with zipfile.ZipFile(self.archives / file) as archive:
            archive.extractall(place)


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Package]:
    """Both packages, by architecture."""
    folder, place = tmp_path_factory.mktemp("packages"), Path(os.environ.get("MEMORYSYNC_PACKAGES", PLACE))
    return {name: Package(name, place / name, folder / name).unpack() for name in ARCHITECTURES}


@pytest.fixture(params=ARCHITECTURES)
def package(request: pytest.FixtureRequest, packages: dict[str, Package]) -> Package:
    return packages[request.param]


@pytest.fixture(scope="session")
def lambda_python() -> Path:
    """A Python that runs what was built for x86-64 Lambda: CPython 3.13 of an x86-64 Linux with glibc."""
    for path in candidates():
        if version_of(path) == (3, 13) and _asked(path) == ["x86_64", "Linux", "glibc"]:
            return path
    pytest.skip("no CPython 3.13 for x86-64 Linux is on this machine, and nothing else can run these archives")


def _asked(python: Path) -> list[str]:
    ask = "import platform; print(platform.machine(), platform.system(), platform.libc_ver()[0])"
    return subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.split()
