"""Finds what must not be remembered because who reads it can use it: keys, tokens, passwords, card numbers.

A shape alone is enough only where nothing else has it; anything weaker is checked further (digits, checksum). The shapes of
tokens are those their issuers publish.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from backend.extraction.model import Span

_LEFT = r"(?<![A-Za-z0-9_-])"
_CARD_LENGTHS = {"34": (15,), "37": (15,), "4": (13, 16, 19), "6": (16, 19), "35": (16,), "36": (14,), "30": (14,), "38": (14,)}


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, and where."""

    kind: str
    span: Span


def _anything(_: str) -> bool:
    return True


def _is_made_up(value: str) -> bool:
    """Tell whether a value looks chosen as a secret: no plain word, and nothing that only marks where one goes."""
    value = value.rstrip(")]?")
    has_letter = any(each.isalpha() for each in value)
    has_other = any(not each.isalpha() and each not in "'\u2019-." for each in value)
    masked = len(set(value.strip("'\"<>[]{}().,;!?"))) < 3  # noqa: PLR2004 - "xxxxxxxx", "********"
    return has_other and (has_letter or value.isdigit()) and not masked and not value.startswith(("<", "{", "$", "["))


def _is_card(text: str) -> bool:
    """Tell whether digits are a card number: a network's prefix and length, and the check digit of ISO/IEC 7812-1."""
    digits = [int(each) for each in text if each.isdigit()]
    number = "".join(map(str, digits))
    known = any(number.startswith(prefix) and len(number) in lengths for prefix, lengths in _CARD_LENGTHS.items())
    mastercard = len(number) == 16 and (51 <= int(number[:2]) <= 55 or 2221 <= int(number[:4]) <= 2720)  # noqa: PLR2004 - its ranges
    if not (known or mastercard) or len(set(number)) == 1:
        return False
    doubled = (digit * 2 - 9 * (digit > 4) if place % 2 else digit for place, digit in enumerate(reversed(digits)))  # noqa: PLR2004 - the standard's arithmetic
    return sum(doubled) % 10 == 0


_SAID_OF_PASSWORDS = re.compile(
    r"(?i).*(?:ed|en|ing|able|ible|ful|less|ous|ive|al|ic|ics|ant|ent|ary|ory|ate|ete|ect|ure|ish|est|ly|ise|ized|self|where|thing|body"
    r"|time|word|words|manager|managers|number|numbers|letters?|characters?|symbols?|digits?|password|passwords)"
)
"""How words end that tell something of a password: incorrect, compromised, mandatory, alphanumeric, insecure."""

_NO_VALUES = re.compile(
    r"(?i)(?:your|my|user|get|str|string|none|null|true|false|example|sample|placeholder|change|config|settings|env|self)"
)
_HOLDS_PLACE = re.compile(r"(?i)pass|pwd|secret|token|value|required|optional|hidden|masked|redacted|input")
_LONG_WORD = 8


def _is_word_chosen(value: str) -> bool:
    """Tell whether a word that ends "the password is ..." is the password: long, and no word that says how it is."""
    return _is_made_up(value) or (
        len(value.rstrip(".!?")) >= _LONG_WORD
        and value.rstrip(".!?").isalpha()
        and not _SAID_OF_PASSWORDS.fullmatch(value.rstrip(".!?"))
    )


def _is_assigned(value: str) -> bool:
    """Tell whether what stands behind "password=" is a value, and not the name of one, or a word in its place."""
    plain = value.strip("'\"<>[]{}().,;!?")
    masked = len(set(plain)) < 3  # noqa: PLR2004 - "xxxxxxxx", "********"
    names = _NO_VALUES.match(plain) or _HOLDS_PLACE.search(plain)
    return _is_made_up(value) or not (masked or names or value.startswith(("<", "{", "$", "[", "%")) or "(" in value)


@dataclass(frozen=True, slots=True)
class _Shape:
    kind: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    is_one: Callable[[str], bool] = _anything


def _shape(kind: str, hints: str, pattern: str, is_one: Callable[[str], bool] = _anything) -> _Shape:
    """`hints`: in lower case, one of them stands in every text with a secret of this shape. Looking for them is much faster."""
    return _Shape(kind, tuple(hints.split()), re.compile(pattern, re.MULTILINE), is_one)


_NAMED = r"(?i:\b(?:pass(?:word|code|phrase|wd)|pwd))\b"
_ASKED_FOR = "pass pwd secret key token bearer pin"
_CHOSEN = "pass pwd"
_SHAPES = (
    _shape(
        "private_key",
        "-----begin",
        r"-----BEGIN (?:[A-Z0-9]{2,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----[^-]{0,20000}(?:-----END [A-Z0-9 ]{0,40}-----)?",
    ),
    _shape("aws_access_key", "akia asia", _LEFT + r"(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Za-z0-9])"),
    _shape(
        "aws_secret_key",
        "aws",
        r"(?i:aws[^\n]{0,20}(?:secret|key)[^\n]{0,20}?[\s'\"=:])([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        _is_made_up,
    ),
    _shape("github_token", "gh github_pat_", _LEFT + r"(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255})"),
    _shape("gitlab_token", "glpat-", _LEFT + r"glpat-[A-Za-z0-9_-]{20,64}"),
    _shape("slack_token", "xo xapp-", _LEFT + r"(?:xoxe\.)?(?:xox[abcdeoprs]|xapp)-[A-Za-z0-9%-]{10,600}"),
    _shape("slack_webhook", "hooks.slack.com", r"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/]{20,100}"),
    _shape(
        "stripe_key", "sk_ rk_ whsec_", _LEFT + r"(?:(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,250}|whsec_[A-Za-z0-9+/=]{24,100})"
    ),
    _shape("anthropic_key", "sk-ant-", _LEFT + r"sk-ant-[A-Za-z0-9_-]{20,250}"),
    _shape("openai_key", "sk-", _LEFT + r"sk-(?!ant-)(?:[a-z]{2,10}-)?(?=[A-Za-z0-9_-]{0,200}[0-9])[A-Za-z0-9_-]{20,250}"),
    _shape(
        "google_key",
        "aiza gocspx- ya29.",
        _LEFT + r"(?:AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{28}|ya29\.[A-Za-z0-9_-]{30,250})",
    ),
    _shape("huggingface_token", "hf_", _LEFT + r"hf_[A-Za-z0-9]{30,60}"),
    _shape("npm_token", "npm_", _LEFT + r"npm_[A-Za-z0-9]{36}"),
    _shape("pypi_token", "pypi-", _LEFT + r"pypi-AgEI[A-Za-z0-9_-]{50,250}"),
    _shape("sendgrid_key", "sg.", _LEFT + r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}"),
    _shape("telegram_token", ":aa", r"(?<![0-9])[0-9]{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])"),
    _shape("azure_key", "key=", r"(?i:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{40,100}={0,2}"),
    _shape("memorysync_key", "ms_", _LEFT + r"ms_(?:live|test|dev)_[0-9a-z]{8,32}_[A-Za-z0-9]{16,100}(?:_[A-Za-z0-9]{4,16})?"),
    _shape("jwt", "eyj", _LEFT + r"eyJ[A-Za-z0-9_-]{10,4000}\.eyJ[A-Za-z0-9_-]{10,8000}\.[A-Za-z0-9_-]{10,2000}"),
    _shape("url_password", "://", r"[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s:/?#@]{1,100}:([^\s/?#@]{3,200})@[^\s@]"),
    _shape(
        "password",
        _ASKED_FOR,
        r"(?i:\b(?:pass(?:word|code|phrase|wd)?|pwd|secret(?:[ _-]?key)?|api[ _-]?key|access[ _-]?(?:key|token)|auth[ _-]?token"
        r"|bearer|token|pin(?:[ _-]?(?:code|number))?)\b['\"]?[ \t]{0,3}(?:is|was|are|to|=|:)?(?:[ \t]{0,3}[:=])?)[ \t]{1,3}"
        r"(?i:now[ \t]{1,3})?['\"`]?([^\s'\"`,;]{4,200})",
        _is_made_up,
    ),
    _shape(
        "password",
        _ASKED_FOR,
        r"(?i:\b(?:password|passwd|pwd|secret|api[_-]?key|token)['\"]?[=:]['\"]?)([^\s'\"`,;&]{4,200})",
        _is_made_up,
    ),
    _shape(
        "password",
        _CHOSEN,
        _NAMED + r"['\"]?[ \t]{0,3}(?i:is|was|=|:)[ \t]{1,3}(?:(?i:now)[ \t]{1,3})?['\"`\u2018\u201c]?"
        r"([^\s'\"`\u2019\u201d,;]{8,200})(?=['\"`\u2019\u201d]?(?:[,;]|[.!?]?\s*$|[.!?]\s"
        r"|[ \t]+(?:and|but|for|on|so|while|plus|because|which)\b))",
        _is_word_chosen,
    ),
    _shape("password", _CHOSEN, _NAMED + r"['\"]?[ \t]{0,3}[:=]['\"]?([^\s'\"`,;&]{4,200})", _is_assigned),
    _shape(
        "card_number",
        "0 1 2 3 4 5 6 7 8 9",
        r"(?<![\w.+-])(?:\d[ .\u00a0\u2009\u202f\u2010-\u2013-]?){12,18}\d(?![\w-])",
        _is_card,
    ),
)


def secrets_in(text: str) -> list[Finding]:
    """Return the secrets in a text in their order; where two shapes fit one place, the first of the list above."""
    found: list[Finding] = []
    taken = bytearray(len(text))
    for each in _all(text):
        start, end = each.span
        if not any(taken[start:end]):
            taken[start:end] = b"\x01" * (end - start)
            found.append(each)
    return sorted(found, key=lambda finding: finding.span)


def _all(text: str) -> Iterator[Finding]:
    lowered = text.lower()
    for shape in _SHAPES:
        if not any(map(lowered.__contains__, shape.hints)):
            continue
        for match in shape.pattern.finditer(text):
            group = match.re.groups
            if shape.is_one(match[group]):
                yield Finding(shape.kind, match.span(group))
