"""Putting the engine together: fetched by Maven, checked by digest, unpacked once."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from infrastructure.engines.cache import EngineError, cache_directory, check_digests, one_builder, run_tool

VERSION = "2.19.1"
TOOLS = ("java", "javac", "mvn")
_HERE = Path(__file__).parent
_MODULES = {
    "lang-painless": ("lang-painless", "opensearch-scripting-painless-spi", "antlr4-runtime", "asm"),
    "reindex": ("reindex-client", "opensearch-rest-client", "opensearch-ssl-config", "http", "commons-"),
}
"""Which of the fetched jars make up each module, by the beginnings of their names; their descriptors are in `modules/`."""


def missing_tools() -> list[str]:
    """Return which of the tools that a build needs are not on this machine."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def home() -> Path:
    """Return the engine's home, built when it is not there yet. Raises `EngineError`."""
    folder = cache_directory() / f"opensearch-{VERSION}"
    built = folder / "home"
    folder.mkdir(parents=True, exist_ok=True)
    with one_builder(folder / "lock"):
        if not built.is_dir():
            _build(folder, built)
    return built


def _build(folder: Path, built: Path) -> None:
    if missing := missing_tools():
        msg = f"OpenSearch needs {', '.join(missing)}: a JDK of version 17 and Maven."
        raise EngineError(msg)
    print(f"Fetching OpenSearch {VERSION}: about a minute, once ...", flush=True)
    fetched = folder / "fetched"
    run_tool("mvn", "-B", "-q", "-f", str(_HERE / "pom.xml"), "dependency:copy", f"-Dfetched={fetched}")
    check_digests(fetched, _HERE / "digests.txt")
    unfinished = folder / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    with zipfile.ZipFile(fetched / f"opensearch-{VERSION}.zip") as stock:
        stock.extractall(unfinished)
    home = unfinished / f"opensearch-{VERSION}"
    with zipfile.ZipFile(fetched / f"opensearch-knn-{VERSION}.0.zip") as plugin:
        plugin.extractall(home / "plugins" / "opensearch-knn")
    for module, beginnings in _MODULES.items():
        place = home / "modules" / module
        shutil.copytree(_HERE / "modules" / module, place)
        for jar in fetched.glob("*.jar"):
            if jar.name.startswith(beginnings):
                shutil.copy(jar, place)
    run_tool("javac", "-cp", str(home / "lib" / "*"), "-d", str(home / "lib"), str(_HERE / "Engine.java"))
    # Last, so that a home that is there is whole whenever the build was interrupted.
    home.rename(built)
    shutil.rmtree(unfinished)
