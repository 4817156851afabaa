"""Finds what names or reaches a person: for tenants whose policy does not let it be remembered."""

from __future__ import annotations

import re
from collections.abc import Callable

from backend.extraction.secrets import Finding

_PHONE_DIGITS = range(10, 16)
"""E.164 allows fifteen; fewer than ten are dates, prices and room numbers, unless a prefix says what they are."""

_PREFIXED_DIGITS = range(8, 16)
_PREFIX = re.compile(r"\+|\(|00[1-9]")


def _is_phone(text: str) -> bool:
    digits = sum(each.isdigit() for each in text)
    if _PREFIX.match(text):
        return digits in _PREFIXED_DIGITS
    return digits in _PHONE_DIGITS and (text.startswith("0") or not text.isdigit())


def _is_iban(text: str) -> bool:
    """Tell whether a text is an IBAN: ISO 13616, modulo 97."""
    compact = "".join(text.split()).upper()
    moved = compact[4:] + compact[:4]
    return int("".join(str(int(each, 36)) for each in moved)) % 97 == 1


def _is_ssn(text: str) -> bool:
    """Tell whether a number of this form was ever given: the Social Security Administration left these out."""
    area, group, serial = text.split("-")
    return area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"


_SHAPES: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
    ("email", re.compile(r"(?<![\w.+-])[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-])"), bool),
    ("iban", re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])"), _is_iban),
    ("social_security_number", re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])"), _is_ssn),
    ("phone", re.compile(r"(?<![\w.@/-])(?:\+|00)?\(?\d{1,4}\)?(?:[ .-]?\(?\d{2,4}\)?){2,6}(?![\w@-])"), _is_phone),
)


def personal_data_in(text: str) -> list[Finding]:
    """Return e-mail addresses, IBANs, US social security numbers and telephone numbers, in their order."""
    found: list[Finding] = []
    for kind, pattern, is_one in _SHAPES:
        for match in pattern.finditer(text):
            start, end = match.span()
            taken = any(start < each.span[1] and each.span[0] < end for each in found)
            if not taken and is_one(match[0]):
                found.append(Finding(kind, (start, end)))
    return sorted(found, key=lambda finding: finding.span)
