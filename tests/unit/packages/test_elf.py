"""A shared object says for which machine it is and what it needs."""

from __future__ import annotations

import pytest

from infrastructure.packages import elf
from tests.unit.packages.elf_sample import ARM64, RISC_V, X86_64, shared_object


@pytest.mark.parametrize(("machine", "name"), [(X86_64, "x86_64"), (ARM64, "arm64"), (RISC_V, "e_machine 243")])
def test_the_machine_is_told(machine: int, name: str) -> None:
    assert elf.read(shared_object(machine)).machine == name


def test_all_libraries_and_all_versions_of_their_symbols_are_found() -> None:
    needs = {"libc.so.6": ["GLIBC_2.2.5", "GLIBC_2.34"], "libstdc++.so.6": ["GLIBCXX_3.4", "CXXABI_1.3"]}

    found = elf.read(shared_object(libraries=["libc.so.6", "libstdc++.so.6", "libown.so"], versions=needs))

    assert found.libraries == {"libc.so.6", "libstdc++.so.6", "libown.so"}
    assert found.versions == {"GLIBC_2.2.5", "GLIBC_2.34", "GLIBCXX_3.4", "CXXABI_1.3"}


def test_one_that_needs_nothing_needs_nothing() -> None:
    assert elf.read(shared_object(libraries=[], versions={})).libraries == frozenset()


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"MZ", b"\x7fELF\x01\x01\x01" + bytes(60), shared_object()[:200]])
def test_what_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="ELF"):
        elf.read(data)
