"""Words that nobody says by chance, and the search for them in whatever form an answer or a log may carry them."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import unquote_plus

START = "qzx"
LETTERS = "bcdfghjklmnpqrstvwyz"
LENGTH = 16

_CANARY = re.compile(f"{START}[{LETTERS}]{{{LENGTH - len(START)}}}", re.IGNORECASE)
_ULID = re.compile(r"(?<![0-9A-Za-z])(?:mem_|ct_|ev_)?([0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{26})(?![0-9A-Za-z])")
_RUN = re.compile(r"[A-Za-z0-9+/_-]{20,}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){13,}")
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})")


def canary(*what: str) -> str:
    """Return the one word that stands for this: a capital, then letters that no stemmer and no change of case hides."""
    number = int.from_bytes(hashlib.sha256("\0".join(what).encode()).digest())
    letters = []
    for _ in range(LENGTH - len(START)):
        number, letter = divmod(number, len(LETTERS))
        letters.append(LETTERS[letter])
    return START.capitalize() + "".join(letters)


def canaries_in(*parts: bytes | str) -> set[str]:
    """Return the canaries in these, as they were made, in whatever form they stand there."""
    return {found[0].capitalize() for part in parts for found in _CANARY.finditer(forms(part))}


def ulids_in(*parts: bytes | str) -> set[str]:
    """Return the ULIDs in these, with or without the prefix of an id or token, in whatever form they stand there."""
    return {found[1].upper() for part in parts for found in _ULID.finditer(forms(part))}


def holds(needle: str, *parts: bytes | str) -> bool:
    """Tell whether a word stands in one of these in any form."""
    return any(needle.lower() in forms(part).lower() for part in parts)


@lru_cache(maxsize=64)
def forms(part: bytes | str) -> str:
    """Return the text as it is, then with one layer of writing taken off, then what its base64 and hexadecimal runs say."""
    text = part.decode("utf-8", "replace") if isinstance(part, bytes) else part
    plain = dict.fromkeys((text, unquote_plus(text), html.unescape(text), _ESCAPE.sub(_character, text)))
    runs = dict.fromkeys(run for each in plain for run in _RUN.findall(each))
    hexes = dict.fromkeys(run for each in plain for run in _HEX.findall(each))
    decoded = [*(said for run in runs for said in _from_base64(run)), *(bytes.fromhex(run).decode("latin-1") for run in hexes)]
    return "\n".join((*plain, *decoded))


def _from_base64(run: str) -> Iterator[str]:
    """Yield what a run of base64's letters says, whatever letter the encoding began at."""
    letters = run.replace("-", "+").replace("_", "/")
    for start in range(4):
        whole = letters[start:]
        # One letter over says nothing; what is cut off the end is less than a byte.
        whole = whole[:-1] if len(whole) % 4 == 1 else whole
        yield base64.b64decode(whole + "=" * (-len(whole) % 4)).decode("latin-1")


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16))
