"""What a clause claims of a subject that can be true of one value at a time, so that a later claim contradicts it.

Closed on purpose: two likes, two visits, two colours of the sky contradict nothing. A claim is only read where the attribute
is one of those below, the subject is named (no "she", whom another sentence names, and no bare "the"), and the value is of
the attribute's kind (`values.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from backend.extraction.lexicon import KIN
from backend.extraction.model import Claimed
from backend.extraction.values import NOUNS, fits, is_name, is_post, is_who
from backend.extraction.words import tokens

_WHO = r"(?P<who>i|we|(?:my|our|the) (?:[\w'-]+ ){0,2}[\w'-]+|[\w'-]+)"
_NOW = r"(?: (?:now|currently|still|just|recently|have|has|had|also|finally|already|actually|officially))*"
_WHEN = (
    r"(?: now| again| today| yesterday| already| currently| these days| nowadays| at last| for good| (?:last|this|next) \w+"
    r"| since .+| (?:in|as of|until) (?:early |mid |late )?(?:january|february|march|april|may|june|july|august|september|october"
    r"|november|december|\d{4})(?: \d{4})?| (?:\w+ ){1,3}(?:weeks?|months?|years?) ago| because .+| where .+"
    r"| (?:with|near) (?:my|our|his|her|their|two|three|four|an?) .+| from (?:\w+ )?(?:now|today|tomorrow|\w+day)(?: on)?"
    r"| for (?:(?:about |over |almost )?[\w-]+ (?:years|months|weeks)|ages|work|love|school|college|university|an? (?:new )?job)"
    r"(?: now)?)*"
)
_VALUE = r"(?P<value>[^;!?]{1,80}?)"
_STATE = r"(?P<value>married|single|divorced|engaged|widowed|separated)"
_Fits = Callable[[str, str], bool]


def _anything(_value: str, _written: str) -> bool:
    return True


def _rule(attribute: str, verb: str, value: str, is_one: _Fits) -> tuple[str, re.Pattern[str], _Fits]:
    return attribute, re.compile(rf"^{_WHO}{_NOW} (?:{verb}) {value}$"), is_one


_RULES: tuple[tuple[str, re.Pattern[str], _Fits], ...] = (
    _rule(
        "live in",
        "(?:live|lives|reside|resides|am based|is based|are based|am living|is living|are living) (?:in|at)",
        _VALUE + _WHEN,
        is_who,
    ),
    _rule(
        "live in",
        r"(?:moved|relocated|am moving|is moving) (?:back |over |house |home |away )?(?:from [\w' -]{1,40}? )?to",
        _VALUE + _WHEN,
        is_who,
    ),
    _rule("work at", "(?:work|works|am working|is working|am employed|is employed) (?:at|for|by)", _VALUE + _WHEN, is_name),
    _rule(
        "work at", "(?:started (?:working )?|(?:started|got) (?:a|my|her|his) (?:new )?job )(?:at|for)", _VALUE + _WHEN, is_name
    ),
    _rule("work at", "joined", rf"{_VALUE} as (?:an?|the|their) [\w -]+", is_name),
    _rule("work as", "(?:work|works|am working|is working) as", _VALUE + _WHEN, is_post),
    _rule("be called", "am called|is called|go by|goes by", _VALUE + _WHEN, is_who),
    _rule("be married", "am|is|are|got", rf"{_STATE}(?: to (?:him|her|an? [\w' -]+|(?P<spouse>[\w' -]+?)))?{_WHEN}", _anything),
    _rule("be years old", "am|is|are|turned", rf"(?P<value>\d{{1,3}}) years? old{_WHEN}", _anything),
    _rule("be years old", "turned", rf"(?P<value>\d{{1,3}}){_WHEN}", _anything),
    _rule("be years old", "am|is", r"(?P<value>\d{1,3})(?P<bare>)(?: now| today| already)?", _anything),
)
_VERB = re.compile(
    r" (?:live|lives|reside|resides|based|living|moved|relocated|moving|work|works|working|employed|started|got|joined|called"
    r"|go|goes|married|single|divorced|engaged|widowed|separated|old|turned|(?:am|is)(?: \w+)? \d{1,3}) ?"
)
"""In every clause that one of the rules fits. Most clauses are none, and are known for it by one search."""

_FAVOURITE = r"favou?rite [\w-]+(?: [\w-]+)?"
_NAMED = (
    re.compile(
        rf"^(?P<whose>my|our|the|[\w'-]+(?:'s|s')) (?:new |current )?(?P<noun>{_FAVOURITE}|{NOUNS})"
        r"(?P<of> (?:of|for) (?:the |our |my )?[\w' -]{1,40}?)?"
        r" (?:is|(?<=headquarters )are|was changed to|was moved to|has changed to|has moved to|moved to|changed to|will be"
        rf"|has been (?:moved|changed|set) to|is set to|is now) (?:now |at |on |called |about |around )?{_VALUE}{_WHEN}$"
    ),
    re.compile(
        rf"^(?P<value>[\w' -]{{1,60}}?) is (?:now )?(?P<whose>my|our) (?:new |current )?(?P<noun>{_FAVOURITE}|{NOUNS})(?P<of>)$"
    ),
)
_ATTRIBUTE = re.compile(rf"\b(?:favou?rite|{NOUNS})\b")
_CALL_ME = re.compile(rf"^(?:please |just )?call (?P<who>me) {_VALUE}$")
_DENIED = re.compile(r"\b(?:not|never|no longer|n't|used to)\b|\bany ?more\b|\bno more\b")
_ARTICLES = re.compile(r"^(?:the|a|an) ")
_OWNERS = {"my": "i", "our": "we"}
_BRITISH = re.compile(r"\b(\w*[aeiouy]\w*[^\Waeiou_])our(?=(?:s|ed|ing|ite|ites|able|ful|hood|ly)?\b)")
"""The -our of colour and neighbour; not that of hour, four or flour, which have no vowel before it."""

_UNNAMED = frozenset({"it", "this", "that", "these", "those", "he", "she", "they", "you", "one", "everyone", "nobody"})


def claim_of(words: str, written: str = "") -> Claimed | None:
    """Return what a clause claims, None where nothing contradicts it.

    `words` are the clause's plain words without the sign at its end, `written` is the clause as it was written: names are
    known by their capitals, and without `written` none is.
    """
    if _ATTRIBUTE.search(words) and not _DENIED.search(words):
        found = next((claim for claim in (_named(match, written) for match in _matches(words)) if claim), None)
        if found:
            return found
    if call := _CALL_ME.match(words):
        return _claimed("i", "be called", call["value"]) if is_who(call["value"], written) else None
    if not _VERB.search(words) or _DENIED.search(words):
        return None
    for attribute, pattern, is_one in _RULES:
        match = pattern.match(words)
        if match and _is_said_of(match, written) and is_one(match["value"], written):
            return _claimed(match["who"], attribute, match["value"])
    return None


def _matches(words: str) -> list[re.Match[str]]:
    return [match for match in (pattern.match(words) for pattern in _NAMED) if match]


def _named(match: re.Match[str], written: str) -> Claimed | None:
    """Return what is claimed of an attribute that is called by its noun: "my boss", "the deadline of the report"."""
    noun, owner = match["noun"], match["whose"]
    of = " ".join((match["of"] or "").split()[1:])
    if owner == "the" and (not of or of in _UNNAMED):
        return None
    if owner not in {"my", "our", "the"} and not is_name(owner.removesuffix("'s").removesuffix("'"), written):
        return None
    if not fits(noun, match["value"], written):
        return None
    name = _OWNERS.get(owner, owner.removesuffix("'s").removesuffix("'"))
    return _claimed(of if owner == "the" else f"{name} {of}".rstrip(), noun, match["value"])


def _is_said_of(match: re.Match[str], written: str) -> bool:
    """Tell whether the subject is named, and such that the rest can be said of it."""
    who, rest = match["who"], match.groupdict()
    if rest.get("bare") is not None and who != "i":
        # "My son is nine." is his age, "The price is nine." is none.
        return who.startswith("my ") and not KIN.isdisjoint(who.split())
    if rest.get("spouse") and not is_name(rest["spouse"], written):
        return False
    return who in {"i", "we"} or who.startswith(("my ", "our ", "the ")) or is_name(who, written)


def _claimed(subject: str, attribute: str, value: str) -> Claimed | None:
    plain_value = _ARTICLES.sub("", " ".join(tokens(value)))
    return Claimed(_spelled(subject), _spelled(attribute), plain_value) if plain_value else None


def _spelled(words: str) -> str:
    """Return the words as one spelling of English has them: colour and color are one attribute, neighbours one subject."""
    return _BRITISH.sub(r"\1or", " ".join(tokens(words)))
