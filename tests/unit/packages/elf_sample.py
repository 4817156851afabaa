"""Small shared objects, made by hand, as compilers would make them for one machine or another."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

X86_64, ARM64, RISC_V = 62, 183, 243


def shared_object(
    machine: int = X86_64,
    libraries: Sequence[str] = ("libc.so.6",),
    versions: Mapping[str, Sequence[str]] | None = None,
    extra: bytes = b"",
) -> bytes:
    """Return an ELF file that needs these libraries, and of each the versions that `versions` names."""
    versions = {"libc.so.6": ["GLIBC_2.17"]} if versions is None else versions
    texts = b"\0"
    places = {}
    for text in dict.fromkeys([*libraries, *versions, *(each for wanted in versions.values() for each in wanted)]):
        places[text] = len(texts)
        texts += text.encode() + b"\0"
    dynamic = b"".join(struct.pack("<qQ", 1, places[library]) for library in libraries) + struct.pack("<qQ", 0, 0)
    needed = _needed(versions, places)
    bodies = [b"", texts, dynamic, needed, extra]
    kinds = [(0, 0), (3, 0), (6, 1), (0x6FFFFFFE, 1), (1, 0)]
    offset, headers, content = 64, b"", b""
    for body, (kind, link) in zip(bodies, kinds, strict=True):
        headers += struct.pack("<IIQQQQIIQQ", 0, kind, 0, 0, offset + len(content), len(body), link, 0, 1, 0)
        content += body
    identity = b"\x7fELF\x02\x01\x01" + bytes(9)
    rest = struct.pack("<HHIQQQIHHHHHH", 3, machine, 1, 0, 0, offset + len(content), 0, 64, 0, 0, 64, len(bodies), 1)
    return identity + rest + content + headers


def _needed(versions: Mapping[str, Sequence[str]], places: Mapping[str, int]) -> bytes:
    """Return the section .gnu.version_r: for each library a header of 16 bytes, and one more for each version."""
    out = b""
    for number, (library, wanted) in enumerate(versions.items()):
        onward = 0 if number == len(versions) - 1 else 16 * (1 + len(wanted))
        out += struct.pack("<HHIII", 1, len(wanted), places[library], 16, onward)
        for index, version in enumerate(wanted):
            out += struct.pack("<IHHII", 0, 0, 0, places[version], 0 if index == len(wanted) - 1 else 16)
    return out
