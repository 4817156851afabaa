"""What kind of question it is, by the words it is made of: a table of forms, the first that fits.

English only: of another language everything is a question for facts, which is answered by meaning and words. A form that is
not certain is left to the plain search; what no memory can answer is told apart, so that nobody has to guess.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from backend.extraction.lexicon import BASE_OF
from backend.index.text import STOP_WORDS, query_stems, stems
from backend.retrieval.reading import LONGEST_READ


class Route(StrEnum):
    """How a question is answered."""

    FACTS = "facts"
    PREFERENCES = "preferences"
    EPISODES = "episodes"
    TIMELINE = "timeline"
    ENTITY = "entity"
    COUNT = "count"
    LIST = "list"
    DECISION = "decision"
    DATES = "dates"
    NONE = "none"
    """Not at all: it is no question to memories."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A question's route, the form that told it, in words, and whom or what it is about where the form says so."""

    route: Route
    reason: str
    about: str | None = None


_UNIT = r"(?:days?|weeks?|months?|years?|nights?)"
_KNOWN = r"(?:memor(?:y|ies)|notes?|entries|facts|preferences|decisions|episodes|events|procedures|emotions|statements)"
_WHEN = "(?:in|on|during|between|since|last|this|yesterday|today|ago|weekend|week|month|year)"
_SETTLED = r"(?:agreed?|settled?|choose|chosen|pick(?:ed)?|opt(?:ed)?|concluded?|go with|gone with|end up with|commit to)"
_TOLD = "(?:tell me|knows?|remember|have|is there|is known|information|info|learned?|told you)"
_ASKED_OF = r"^(?:please |can you |could you )*"
_SO = r"^(?:so |and )?"
_HOW_LONG = rf"{_SO}how (?:long|many {_UNIT}|much time)"
_FORMS: tuple[tuple[Route, str, tuple[str, ...]], ...] = (
    (
        Route.NONE,
        "It tells somebody to do something, and this route only reads.",
        (
            rf"{_ASKED_OF}(?:delete|forget|remove|erase|add|store|save|update|change|write|draft|translate|generate)\b",
            rf"{_ASKED_OF}(?:book|send|order|play|schedule|cancel|remember (?:that|to|this|my)|remind me)\b",
        ),
    ),
    (
        Route.NONE,
        "It asks what is going to happen or for a judgement, which no memory holds.",
        (r"^(?:will it|is it going to|do you think|what do you think|what will happen|am i going to|are we going to)\b",),
    ),
    (
        Route.NONE,
        "It needs a sum or a mean of values, and values are not reckoned with here.",
        (
            r"\b(?:in total|altogether|on average|average|sum of|total (?:amount|cost|price|sum|number of hours))\b",
            r"^(?:what is|what was) (?:the|my|our) total\b",
        ),
    ),
    (
        Route.DATES,
        "It asks for a span of time or a date that is reckoned from another.",
        (
            rf"{_HOW_LONG} ago\b",
            rf"{_HOW_LONG}\b.*\b(?:since|until|till|between)\b",
            rf"{_HOW_LONG} (?:before|after) .+ (?:did|was|were|had|do|does|is|will)\b",
            rf"{_HOW_LONG}(?: \w+){{0,2}} from .+ (?:to|until) ",
            rf"^(?:the )?(?:number of )?{_UNIT} between .+ and ",
            rf"^(?:(?:what|which) (?:date|day)|when|what)\b.*\b(?:\d+|[a-z]+) {_UNIT} (?:before|after|from) ",
        ),
    ),
    (
        Route.COUNT,
        "It asks how many there are of something that happened or is remembered.",
        (
            rf"^(?:so )?how many (?:of my |of the |of our )?{_KNOWN}\b",
            r"\bhow many times\b|^how often (?:did|have|has|had)\b|^count\b",
            r"^how many\b.* (?:did|have|has|had) (?:i|we|you|they|he|she) (?!have$|has$|had$|own$)\w+",
            rf"\bnumber of (?:times|{_KNOWN})\b",
        ),
    ),
    (
        Route.TIMELINE,
        "It asks for what happened in the order of time.",
        (
            r"\btimelines?\b|\bchronolog|\bsequence of events\b|\bhistory of\b",
            r"\bin (?:the )?order (?:of time|they happened|it happened)",
            r"\bhow (?:did|has|have)\b.* (?:evolv|develop|unfold|progress|chang)\w*\b",
            r"\bover (?:time|the (?:last |past )?(?:\w+ )?(?:years|months|weeks|days))\b",
            r"\bfrom (?:the )?(?:beginning|start)\b",
            rf"^what (?:has |have |all )?(?:happened|went on|(?:been|was) going on|has been happening)\b.*\b{_WHEN}\b",
            rf"^what (?:did (?:\w+ ){{1,3}}?do|was i doing|were we doing|have (?:i|we) been doing)\b.*\b{_WHEN}\b",
        ),
    ),
    (
        Route.LIST,
        "It asks for all of something.",
        (
            rf"{_ASKED_OF}(?:list|enumerate|itemi[sz]e)\b",
            rf"{_ASKED_OF}(?:show|give|tell) me (?:a list|all|every|the list)\b",
            r"^(?:show|name) (?:all|every)\b|^what (?:are|were) all\b",
            r"\ball (?:of )?(?:my|our|the|his|her|their) \w+|\bevery (?:single )?\w+ (?:that )?(?:i|we)\b",
        ),
    ),
    (
        Route.DECISION,
        "It asks what was decided, or why.",
        (
            r"\bdecid(?:e|ed|ing)\b|\bdecisions?\b|\bverdict\b|\bconclusion\b",
            rf"\b(?:did|have|had|do) (?:\w+ ){{1,3}}?{_SETTLED}\b",
            r"\bwas (?:\w+ ){0,3}(?:agreed|chosen|settled)",
            r"\bwhy (?:did|do|are|have) (?:\w+ ){1,2}(?:use|using|drop|dropped|switch|move|reject)\b",
        ),
    ),
    (
        Route.PREFERENCES,
        "It asks what somebody likes, or for advice that rests on it.",
        (
            r"\bfavou?rites?\b|\bprefer\w*\b|^would .*\brather\b|\b(?:dis)?likes and (?:dis)?likes\b",
            r"\b(?:do|does|did|would|don't|doesn't) (?:[\w'-]+ ){1,3}?(?<!look )(?:like|love|hate|enjoy|dislike|loathe)\b",
            r"\b(?:fond of|fan of|taste in|tastes?|in the mood for)\b",
            r"\b(?:recommend|suggest)\w*\b.* (?:me|for me|to me|i)\b|\brecommend(?:ation)?s? for (?:me|us)\b",
            r"^(?:what|which|where) (?:\w+ )?should (?:i|we)\b",
            r"\bhow (?:do|does) (?:\w+ ){1,2}(?:take|like) (?:my|his|her|their)\b",
        ),
    ),
    (
        Route.ENTITY,
        "It asks for all that is known of somebody or something.",
        (
            rf"\b{_TOLD}(?: \w+){{0,3}}? (?:about|on) (?!me$|myself$)(?P<about>.+)$",
            r"^describe (?P<described>.+)$|^(?:everything|anything|all|more) (?:about|on) (?P<concerned>.+)$",
        ),
    ),
    (
        Route.EPISODES,
        "It asks for something that happened, or when.",
        (
            rf"{_SO}(?:on |at )?(?:when|what (?:date|day|time))\b",
            r"^(?:did|have|had|has) (?:i|we|he|she|they|you|it|my|our|\w+) |\bhave (?:i|we) ever\b",
            r"\b(?:last|first|previous|most recent) time\b",
            rf"{_SO}(?:\w+ )?(?:what|where|who|whom|which|how(?! many| much| long| far)|why)(?: \w+){{0,2}} did\b",
            r"^(?:what|who|where) (?:was|were) (?:\w+ ){1,3}?\w+ing\b|^who \w+ed\b",
            r"^(?:what|which)(?: \w+){0,3} (?:has|have|had) \w+ \w+",
        ),
    ),
)
_TABLE = tuple((route, reason, re.compile("|".join(patterns))) for route, reason, patterns in _FORMS)
_WHO_IS = re.compile(r"^\W*[Ww]ho(?:'s| is| was| are| were) (?P<about>(?:[Tt]he )?[A-Z][^?]*)")
_WORD = re.compile(r"[^\W_]+")
_BLANKS = re.compile(r"\s+")

_FORM_WORDS = (
    "many much often times time number count list show give tell all every each single long ago since until till "
    "between before after happen happened happening timeline chronological order history sequence event events "
    "evolve develop change progress unfold memory memories note notes entries fact facts preference preferences "
    "decision decisions episode episodes statement statements decide decided choose chose chosen agree agreed know "
    "known remember everything anything something about please ever have been there going stored told said say "
    "enumerate itemize beginning start last past recent latest first next upcoming previous most now today me us i "
    "over during go went gone get got make made take took mention mentioned day days week weeks month months year "
    "years night nights date conclusion verdict did do does done"
)
_OF_FORM = frozenset(stems(_FORM_WORDS))
"""Stems that make a question's form, and say nothing of what it is about."""


def normalised(text: str) -> str:
    """Return the beginning of a question in small letters, with single spaces and straight quotes, without its end mark."""
    plain = text[:LONGEST_READ].replace("\u2019", "'").lower()
    return _BLANKS.sub(" ", plain).strip(" \t\n.?!")


def kind_of(text: str) -> Kind:
    """Return what kind of question it is."""
    if not telling(text) and not _OF_FORM & set(query_stems(text)):
        return Kind(Route.NONE, "It has no word that tells what it is about.")
    words = normalised(text)
    named = _WHO_IS.match(text.strip())
    for route, reason, pattern in _TABLE:
        if route is Route.ENTITY and named:
            return Kind(route, reason, named["about"].strip())
        found = pattern.search(words)
        if found:
            about = next((each for each in found.groupdict().values() if each), None)
            return Kind(route, reason, about)
    return Kind(Route.FACTS, "It has no form that asks for anything more particular.")


def telling(text: str) -> tuple[str, ...]:
    """Return the distinct stems of what a question is about: without stop words and the words of its form."""
    if all(word in STOP_WORDS for word in _WORD.findall(text.lower())):
        return ()
    return tuple(each for each in dict.fromkeys(query_stems(_based(text))) if each not in _OF_FORM)


def said(text: str) -> frozenset[str]:
    """Return the stems of a memory's text, to be held against what `telling` returns."""
    return frozenset(stems(_based(text)))


def _based(text: str) -> str:
    return _WORD.sub(lambda word: BASE_OF.get(word[0].lower(), word[0]), text)


MEMORY_TYPES = {
    "preference": ("preference",),
    "fact": ("fact",),
    "episode": ("episode",),
    "event": ("event",),
    "procedure": ("procedure",),
    "emotion": ("emotion",),
}
"""Words of a count or list that name a type of memory."""


def types_named(text: str) -> tuple[str, ...]:
    """Return the types of memory that a count or list names."""
    words = re.findall(r"[a-z]+", text.lower())
    return tuple(dict.fromkeys(each for word in words for each in MEMORY_TYPES.get(word.removesuffix("s"), ())))


DECIDED = re.compile(
    r"\b(?:decid|decision|agreed|chose|chosen|settled|opted|picked|concluded|going with|went with|will use|committed to"
    r"|switched to|selected|resolved to)",
    re.IGNORECASE,
)
"""How a memory tells of a decision."""
