"""Which machine, C library and other libraries a shared object asks for, read out of its ELF headers.

The layout is that of the System V ABI (https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html) and, for the
versions that symbols need, of the Linux Standard Base (https://refspecs.linuxfoundation.org/LSB_5.0.0/LSB-Core-generic/
LSB-Core-generic/symversion.html). Only 64-bit little-endian objects are read: both of Lambda's processors are that.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC = b"\x7fELF"
MACHINES = {62: "x86_64", 183: "arm64"}
"""`e_machine` of EM_X86_64 and EM_AARCH64, by Lambda's names."""
_CLASS_64, _LITTLE_ENDIAN = 2, 1
_SECTION_DYNAMIC, _SECTION_VERSIONS_NEEDED = 6, 0x6FFFFFFE
_TAG_NEEDED = 1


@dataclass(frozen=True, slots=True)
class SharedObject:
    """What one needs: `machine` by Lambda's name, names of libraries, and versions of their symbols (`GLIBC_2.17`)."""

    machine: str
    libraries: frozenset[str]
    versions: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Section:
    kind: int
    offset: int
    size: int
    link: int


def is_elf(data: bytes) -> bool:
    """Return whether these are the first bytes of an ELF file."""
    return data.startswith(MAGIC)


def read(data: bytes) -> SharedObject:
    """Read a shared object. Raises `ValueError` for what is none, or not of 64 bits and little-endian."""
    try:
        if not is_elf(data) or (data[4], data[5]) != (_CLASS_64, _LITTLE_ENDIAN):
            message = "It is not a 64-bit little-endian ELF file."
            raise ValueError(message)
        (machine,) = struct.unpack_from("<H", data, 18)
        sections = list(_sections(data))
        return SharedObject(
            machine=MACHINES.get(machine, f"e_machine {machine}"),
            libraries=frozenset(_libraries(data, sections)),
            versions=frozenset(_versions(data, sections)),
        )
    except (struct.error, IndexError) as error:
        message = f"The ELF file is cut short or damaged: {error}."
        raise ValueError(message) from error


def _sections(data: bytes) -> Iterator[_Section]:
    (start,) = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    for number in range(count):
        at = start + number * size
        (kind,) = struct.unpack_from("<I", data, at + 4)
        offset, length, link = struct.unpack_from("<QQI", data, at + 24)
        yield _Section(kind, offset, length, link)


def _libraries(data: bytes, sections: list[_Section]) -> Iterator[str]:
    for section in sections:
        if section.kind == _SECTION_DYNAMIC:
            for at in range(section.offset, section.offset + section.size, 16):
                tag, value = struct.unpack_from("<qQ", data, at)
                if tag == _TAG_NEEDED:
                    yield _text(data, sections[section.link].offset + value)


def _versions(data: bytes, sections: list[_Section]) -> Iterator[str]:
    """Yield what .gnu.version_r names: a chain of libraries, each with a chain of versions; 0 ends a chain."""
    for section in sections:
        if section.kind != _SECTION_VERSIONS_NEEDED:
            continue
        names, at, step = sections[section.link].offset, section.offset, 1
        while step:
            _, _, _, first, step = struct.unpack_from("<HHIII", data, at)
            version, onward = at + first, 1
            while onward:
                _, _, _, name, onward = struct.unpack_from("<IHHII", data, version)
                yield _text(data, names + name)
                version += onward
            at += step


def _text(data: bytes, at: int) -> str:
    return data[at : data.index(b"\0", at)].decode()
