"""What an archive must be before anybody deploys it: for the right machine and Python, and nothing in it that is not needed."""

from __future__ import annotations

import csv
import email
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from infrastructure.packages import elf

UNZIPPED_LIMIT = 262_144_000
"""Bytes that a function and its layers may have together, unzipped (Lambda quotas: "250 MB")."""
NEWEST = {"GLIBC": (2, 34), "GLIBCXX": (3, 4, 29), "CXXABI": (1, 3, 13)}
"""What Amazon Linux 2023 has: glibc 2.34, and the libstdc++ of GCC 11."""
SYSTEM_LIBRARIES = re.compile(r"(lib(c|m|dl|rt|pthread|util|gcc_s|stdc\+\+)|ld-linux-(x86-64|aarch64))\.so\.\d")

_OTHER_SYSTEMS = (b"MZ\x90\x00", b"\xcf\xfa\xed\xfe", b"\xfe\xed\xfa\xcf", b"\xca\xfe\xba\xbe")
_TAG = re.compile(r"\.(?:cpython-(?P<python>\d+t?)-(?P<machine>[a-z0-9_]+)-|(?P<stable>abi3)\.so$)")
_MACHINE_IN_TAG = {"arm64": "aarch64", "x86_64": "x86_64"}
_STRAY = re.compile(
    r"(^|/)(__pycache__|tests?|infrastructure|benchmarks|examples|ministack|moto|samcli|pytest|hypothesis|apsw|\.[^/]+)(/|$)"
    r"|(^|/)(conftest\.py|test_[^/]*\.py|fake\.py|direct_url\.json|HOST_DEPENDENCIES|from-the-host)$"
    r"|\.(pyc|pyo|pem|key|db|log|exe|dll|dylib)$"
)
_NOT_STRAY = re.compile(r"(^|/)cacert\.pem$")
_LICENCE = re.compile(r"(licen[cs]e|copying|notice|copyright)", re.IGNORECASE)
_COPYLEFT = re.compile(r"\b[AL]?GPL|GNU .*General Public", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Component:
    """A package inside a layer."""

    name: str
    version: str
    licence: str


def faults(archive: Path, architecture: str, python: str, private: str = "") -> list[str]:
    """Return what is wrong with an archive, a sentence each; none when it may be deployed.

    `architecture` is arm64 or x86_64, `python` like 3.13, `private` a text that no file may hold (this machine's path).
    """
    with zipfile.ZipFile(archive) as zipped:
        names = zipped.namelist()
        own = {PurePosixPath(name).name for name in names}
        found = [f"{name} has no business on Lambda." for name in names if _STRAY.search(name) and not _NOT_STRAY.search(name)]
        for name in names:
            data = zipped.read(name)
            found += [f"{name} {fault}" for fault in _binary_faults(name, data, architecture, python, own)]
            if private and private.encode() in data:
                found.append(f"{name} names a folder of this machine.")
        found += _licence_faults(zipped, set(names))
    return found


def weight_fault(name: str, unzipped: int) -> str | None:
    """Return what is wrong with the bytes that a function and its layers have together."""
    if unzipped > UNZIPPED_LIMIT:
        return f"{name} and its layers have {unzipped:,} bytes unzipped, Lambda takes {UNZIPPED_LIMIT:,}."
    return None


def handler_fault(archive: Path, handler: str) -> str | None:
    """Return what is wrong with a handler, `api.memory.add.handler`, of a function's archive."""
    module, _, name = handler.rpartition(".")
    path = f"{module.replace('.', '/')}.py"
    with zipfile.ZipFile(archive) as zipped:
        if path not in zipped.namelist():
            return f"{path}, where {handler} should be, is not in {archive.name}."
        if not re.search(rf"^(def {name}\(|{name}\s*[:=])", zipped.read(path).decode(), re.MULTILINE):
            return f"{path} in {archive.name} defines no {name}."
    return None


def components(archive: Path) -> list[Component]:
    """Return the packages inside a layer by name, with the licence that their metadata states."""
    with zipfile.ZipFile(archive) as zipped:
        named = [_component(zipped, name) for name in zipped.namelist() if name.endswith(".dist-info/METADATA")]
    return sorted(named, key=lambda component: component.name.lower())


def _binary_faults(name: str, data: bytes, architecture: str, python: str, own: set[str]) -> Iterator[str]:
    if data.startswith(_OTHER_SYSTEMS):
        yield "is a program of another operating system."
        return
    if not elf.is_elf(data):
        if re.search(r"\.so(\.|$)", name):
            yield "is not the shared object that its name says."
        return
    try:
        needs = elf.read(data)
    except ValueError as error:
        yield f"cannot be read: {error}"
        return
    if needs.machine != architecture:
        yield f"is for {needs.machine}, not for {architecture}."
    yield from _abi_faults(name, data, architecture, python)
    for version in sorted(needs.versions):
        family, _, number = version.partition("_")
        if family in NEWEST and (not _is_number(number) or _parts(number) > NEWEST[family]):
            yield f"needs {version}, Amazon Linux 2023 has {family}_{'.'.join(map(str, NEWEST[family]))}."
    for library in sorted(needs.libraries - own):
        if not SYSTEM_LIBRARIES.fullmatch(library):
            yield f"needs {library}, which is not there."


def _abi_faults(name: str, data: bytes, architecture: str, python: str) -> Iterator[str]:
    """Yield what the name says of the Python that the extension is for; a library that is no extension has no such tag."""
    tag = _TAG.search(name)
    if tag is None:
        if b"PyInit_" in data:
            yield "is an extension of Python and does not say of which."
    elif not tag["stable"] and (tag["python"], tag["machine"]) != (python.replace(".", ""), _MACHINE_IN_TAG[architecture]):
        yield f"is for CPython {tag['python']} on {tag['machine']}."


def _licence_faults(zipped: zipfile.ZipFile, names: set[str]) -> Iterator[str]:
    for name in sorted(names):
        if name.endswith(".dist-info/RECORD"):
            root = PurePosixPath(name).parent.parent
            for row in csv.reader(io.StringIO(zipped.read(name).decode())):
                path = str(root / row[0])
                is_gone = _LICENCE.search(PurePosixPath(path).name) and path not in names and not path.endswith((".py", ".pyc"))
                if is_gone and not _STRAY.search(path):
                    yield f"{path} is missing: a licence must stay with what it is for."
        if name.endswith(".dist-info/METADATA"):
            component = _component(zipped, name)
            if _COPYLEFT.search(component.licence):
                yield f"{component.name} is under {component.licence}."


def _component(zipped: zipfile.ZipFile, name: str) -> Component:
    said = email.message_from_string(zipped.read(name).decode(errors="replace"))
    stated = [str(said["License-Expression"] or said["License"] or "").partition("\n")[0]]
    stated += [each.rpartition(" :: ")[2] for each in said.get_all("Classifier") or [] if each.startswith("License ::")]
    return Component(str(said["Name"]), str(said["Version"]), "; ".join(dict.fromkeys(filter(None, stated))) or "not stated")


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\d+(\.\d+)*", text) is not None


def _parts(number: str) -> tuple[int, ...]:
    return tuple(map(int, number.split(".")))


def together(function: int, layers: Mapping[str, int]) -> int:
    """Return the bytes of a function and its layers, unzipped."""
    return function + sum(layers.values())
