"""What must not be deployed is found, by name, in an archive that holds one fault each."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest

from infrastructure.packages import inspection
from tests.unit.packages.elf_sample import ARM64, X86_64, shared_object

TAG = ".cpython-313-aarch64-linux-gnu.so"
METADATA = b"Metadata-Version: 2.4\nName: good\nVersion: 1.0\nLicense-Expression: MIT\n\nAs GPL as this text may sound.\n"
GOOD = {
    "python/good/__init__.py": b"",
    f"python/good/fast{TAG}": shared_object(ARM64, extra=b"PyInit_fast"),
    "python/good/stable.abi3.so": shared_object(ARM64, extra=b"PyInit_stable"),
    "python/good.libs/libown-1.so.2": shared_object(ARM64),
    "python/good/needs_own.so": shared_object(ARM64, libraries=["libown-1.so.2", "libm.so.6", "ld-linux-aarch64.so.1"]),
    "python/good/contested.py": b"",
    "python/certifi/cacert.pem": b"",
    "python/good-1.0.dist-info/METADATA": METADATA,
    "python/good-1.0.dist-info/licenses/LICENSE": b"",
    "python/good-1.0.dist-info/RECORD": b"good/__init__.py,,\ngood-1.0.dist-info/licenses/LICENSE,,\n",
}
FAULTS = {
    "a binary of this machine": (
        {f"python/good/fast{TAG}": shared_object(X86_64)},
        "fast.cpython-313-aarch64-linux-gnu.so is for x86_64, not for arm64.",
    ),
    "a binary of this machine under a harmless name": ({"python/good/data.bin": shared_object(X86_64)}, "data.bin is for x86_64"),
    "one of macOS": (
        {"python/good/fast.so": b"\xcf\xfa\xed\xfe" + bytes(60)},
        "fast.so is a program of another operating system.",
    ),
    "one of Windows": ({"python/good/fast.pyd": b"MZ\x90\x00" + bytes(60)}, "fast.pyd is a program of another operating system."),
    "one of another Python": (
        {"python/good/slow.cpython-311-aarch64-linux-gnu.so": shared_object(ARM64)},
        "is for CPython 311 on aarch64.",
    ),
    "one of a Python without its lock": (
        {"python/good/slow.cpython-313t-aarch64-linux-gnu.so": shared_object(ARM64)},
        "is for CPython 313t on aarch64.",
    ),
    "one whose name says another processor": (
        {"python/good/slow.cpython-313-x86_64-linux-gnu.so": shared_object(ARM64)},
        "is for CPython 313 on x86_64.",
    ),
    "an extension that does not say of which Python": (
        {"python/good/slow.so": shared_object(ARM64, extra=b"\0PyInit_slow\0")},
        "slow.so is an extension of Python and does not say of which.",
    ),
    "one for a newer system": (
        {"python/good/new.so": shared_object(ARM64, versions={"libc.so.6": ["GLIBC_2.17", "GLIBC_2.38"]})},
        "new.so needs GLIBC_2.38, Amazon Linux 2023 has GLIBC_2.34.",
    ),
    "one for a newer C++": (
        {"python/good/new.so": shared_object(ARM64, versions={"libstdc++.so.6": ["GLIBCXX_3.4.31"]})},
        "new.so needs GLIBCXX_3.4.31",
    ),
    "one that reaches into glibc": (
        {"python/good/new.so": shared_object(ARM64, versions={"libc.so.6": ["GLIBC_PRIVATE"]})},
        "new.so needs GLIBC_PRIVATE",
    ),
    "one whose library was left behind": (
        {"python/good/needs.so": shared_object(ARM64, libraries=["libgomp.so.1"])},
        "needs.so needs libgomp.so.1, which is not there.",
    ),
    "one that is cut short": ({"python/good/short.so": shared_object(ARM64)[:150]}, "short.so cannot be read"),
    "one that is none": ({"python/good/text.so": b"INPUT(libother.so)"}, "text.so is not the shared object that its name says."),
    "a test": ({"python/good/tests/data.txt": b""}, "tests/data.txt has no business on Lambda."),
    "a test file": ({"test_good.py": b""}, "test_good.py has no business"),
    "a fake": ({"python/backend/index/fake.py": b""}, "fake.py has no business"),
    "the local stack": ({"infrastructure/local/stack.py": b""}, "infrastructure/local/stack.py has no business"),
    "the emulator": ({"python/ministack/app.py": b""}, "ministack/app.py has no business"),
    "bytecode": ({"python/good/__pycache__/a.cpython-311.pyc": b""}, "a.cpython-311.pyc has no business"),
    "settings of a machine": ({".env": b"KEY=1"}, ".env has no business"),
    "a private key": ({"python/good/server.pem": b""}, "server.pem has no business"),
    "the marker of an empty layer": ({"python/HOST_DEPENDENCIES": b""}, "HOST_DEPENDENCIES has no business"),
    "this machine's folders": ({"python/good/a.txt": b"at /made/up/memorysync/x"}, "a.txt names a folder of this machine."),
    "a licence left behind": (
        {"python/good-1.0.dist-info/RECORD": b"good/NOTICE.txt,,\n"},
        "python/good/NOTICE.txt is missing: a licence must stay with what it is for.",
    ),
    "a GPL": (
        {"python/good-1.0.dist-info/METADATA": METADATA.replace(b"MIT", b"GPL-3.0-or-later")},
        "good is under GPL-3.0-or-later.",
    ),
    "a GPL in the old words": (
        {
            "python/good-1.0.dist-info/METADATA": b"Name: good\nVersion: 1.0\n"
            b"Classifier: License :: OSI Approved :: GNU General Public License v2 (GPLv2)\n\n"
        },
        "good is under GNU General Public License v2 (GPLv2).",
    ),
}


def archive(folder: Path, files: dict[str, bytes]) -> Path:
    path = folder / "Layer.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        for name, data in files.items():
            zipped.writestr(name, data)
    return path


def found(path: Path) -> list[str]:
    return inspection.faults(path, "arm64", "3.13", "/made/up/memorysync")


def test_a_good_layer_has_no_fault(tmp_path: Path) -> None:
    assert found(archive(tmp_path, GOOD)) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_layer_with_one_fault_is_refused_for_it_alone(tmp_path: Path, fault: str) -> None:
    files, sentence = FAULTS[fault]

    [said] = found(archive(tmp_path, GOOD | files))

    assert re.search(re.escape(sentence), said), said


def test_a_function_and_its_layers_may_have_what_lambda_takes_and_not_a_byte_more() -> None:
    assert inspection.weight_fault("Add", 262_144_000) is None
    assert inspection.weight_fault("Add", 262_144_001) == (
        "Add and its layers have 262,144,001 bytes unzipped, Lambda takes 262,144,000."
    )


@pytest.mark.parametrize("source", [b"handler = serve(app)\n", b"@task\ndef handler(step):\n", b"handler: Handler = f\n"])
def test_a_handler_that_is_there_is_found(tmp_path: Path, source: bytes) -> None:
    assert inspection.handler_fault(archive(tmp_path, {"api/add.py": source}), "api.add.handler") is None


@pytest.mark.parametrize(
    ("handler", "sentence"), [("api.get.handler", "api/get.py, where"), ("api.add.main", "defines no main.")]
)
def test_a_handler_that_is_not_there_is_missed(tmp_path: Path, handler: str, sentence: str) -> None:
    said = inspection.handler_fault(archive(tmp_path, {"api/add.py": b"handler = serve(app)\n"}), handler)

    assert said
    assert sentence in said


def test_the_packages_of_a_layer_are_listed_with_their_licences(tmp_path: Path) -> None:
    assert inspection.components(archive(tmp_path, GOOD)) == [inspection.Component("good", "1.0", "MIT")]
