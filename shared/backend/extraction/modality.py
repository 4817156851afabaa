"""Whether a sentence states something, and how surely: questions, wishes, small talk, faults of the moment, hearsay."""

from __future__ import annotations

import re
from collections.abc import Sequence

from backend.extraction.lexicon import EVALUATIONS, FAULTS, FILLERS, FINITE, KIN, REPORTS, SMALL_TALK, SUBORDINATORS, SYSTEMS
from backend.extraction.model import Guarded, Refusal
from backend.extraction.words import QUOTED, tokens

_LEAD = r"^(?:(?:so|and|but|well|ok|okay|hey|oh|also|anyway|btw|then|now)[, ]+)*"
_ASKED = r"(?:i|you|he|she|it|we|they|there|this|that|these|those|your|my|the|our|his|her|their|anyone|anybody|someone)"
_SUBJECT = r"(?:i|you|he|she|it|we|they)"
_AUXILIARY = r"(?:is|are|was|were|do|does|did|can|could|will|would|should|has|have|had|am)"
_QUESTION = re.compile(
    rf"{_LEAD}(?:(?:who|what|when|where|why|how|which|whose)(?: (?!{_ASKED}\b)[\w-]+){{0,2}}"
    rf" {_AUXILIARY}(?: not)? (?:{_ASKED}|[\w-]+)\b"
    rf"|(?:do|does|did|is|are|was|were|can|could|will|would|should|shall|has|am)(?: not)? {_ASKED}\b"
    rf"|(?:have|had)(?: not)? {_SUBJECT}\b"
    r"|(?:how|what) about\b|any (?:ideas?|chance|news|thoughts|plans|tips|advice|suggestions?|recommendations?)\b|what (?:if|else"
    r"|up)\b|guess what)"
)
_INVERTED = re.compile(
    r"(?:(?:can|could|will|would) (?:you|u|someone|anyone|somebody|anybody)"
    rf"|(?:what|why|how)(?: [\w-]+){{0,3}}? {_AUXILIARY}(?: not)? {_ASKED}"
    rf"|(?:who|when|where|which|whose)(?: [\w-]+){{0,3}}? {_AUXILIARY}(?: not)? {_SUBJECT}) [\w'-]+"
)
_OPENED = re.compile(r"(?:what|how|why)\b|which (?P<noun>[\w-]+) [\w-]+")
_RELATIVE = re.compile(rf"(?:which|who|where|when|whose) {_AUXILIARY}(?: not)? (?!{_SUBJECT}\b)")
_STATEMENT_AFTER_ALL = re.compile(
    rf"{_LEAD}(?:what|who|where|how|when|whatever|whenever) {_ASKED} [\w' -]+ (?:is|are|was|were)\b"
)
_HYPOTHETICAL = re.compile(
    rf"{_LEAD}(?:imagine|suppose|supposing|assume|assuming|pretend|let us (?:say|assume|pretend)|what if|if only|hypothetically"
    r"|in theory|say for example)\b"
    r"|\bif\b.*\b(?:would|could|might|were (?:i|to|a|the)|had been)\b|\b(?:would|could|might)\b.*\bif\b"
    r"|\bif (?:i|we|he|she|they|it|you) (?:were|had|was)\b"
    r"|\b(?:would|could|should|might) (?:not )?have (?!to\b)\w+"
    r"|\b(?:i|we|he|she|they) (?:really |just |so )?wish(?:es|ed)?\b(?! (?:to|you|him|her|them|us)\b)"
)
_NO_CONDITION = re.compile(r"\bas if\b|\bask(?:s|ed|ing)?(?: \w+){0,2} if\b")
_REQUEST = re.compile(
    rf"{_LEAD}(?:please (?!remember|note|call me|always|never|use|do not)|help me\b|tell me\b|show me\b|give me\b"
    rf"|let me know\b|send me\b"
    r"|explain\b(?! .* is\b)|let me (?:see|think|check|ask|know)\b|feel free\b|go ahead\b|hold on\b|wait\b[,.! ]*"
    r"|hang on\b|never mind\b|look at\b)"
)
_POLITE = re.compile(
    r"i (?:am |was )(?:just |also |still )*(?:wondering|curious|asking)\b|i (?:just |also |still )*wonder\b"
    r"|i would (?:like|love) to (?:know|ask|hear)\b|i (?:just |also )?(?:want|need)(?:ed)? to (?:know|ask)"
    r" (?:what|how|why|who|where|when|which|if|whether|you)\b"
    r"|i would (?:really |also |very much )?(?:like|love|appreciate) (?:to get )?(?:(?:some|any|your|a bit of|more) )?"
    r"(?:help|guidance|advice|feedback|input|suggestions?|tips|ideas|it if)\b"
)

_MOMENTARY = re.compile(
    r"\b(?:i|we) (?:am|are) (?:just |still |so |really |very |a bit |not )*"
    r"(?:on (?:my|our|the) way|about to|in (?:a|the) (?:meeting|car|middle|queue|line)|running late|almost (?:there|done|home)"
    r"|heading (?:out|home|back|over)|back (?:now|in (?:an?|\d+|two|five|ten|twenty) )"
    r"|(?:(?:in|on|at) (?:an?|the|my) )?[\w-]+ right now|here now)\b"
    r"|^(?:brb|gtg|ttyl|afk)\b|\b(?:be right back|talk later)\b"
    r"|^(?:\w+[, ]+)?(?:(?:i|we) )?(?:have (?:got )?|got )to (?:go|run)\b(?! \w)"
)
_WORKS = (
    r"(?:work|start|stop|load|open|close|connect|respond|boot|run|print|compile|build|play|sync|charge|launch|turn (?:on|off)"
    r"|log (?:me )?in|let (?:me|us) (?:log )?in|come (?:up|back))"
)
_FAULT = re.compile(
    rf"\b(?:is|are|was|were|keeps?|seems?|looks?|got|still|again)\b(?: \w+){{0,2}} (?:{FAULTS})\b|\b(?:{FAULTS}) (?:again"
    rf"|right now|today)\b"
    rf"|\b(?:(?:will|would|do|does|did|can|could) not|cannot|refuses? to|fails? to)(?: \w+ly| even)? {_WORKS}\b"
    r"(?=[.! ]*$| (?:again|today|now|yet|right now|just now|at (?:the|this) moment|for the moment|as we speak)\b)"
)
_AT_PRESENT = re.compile(r"\b(?:right now|at the moment|at this moment|just now|for the moment|as we speak)\b")
_OF_PEOPLE = re.compile(rf"{_LEAD}(?:i|we|you|he|she|they|(?:my|our|his|her|their) (?:\w+ )?(?:{'|'.join(sorted(KIN))}))\b")
_LASTING = re.compile(r"\b(?:always|every|usually|often|never|since|each|for (?:months|years|weeks)|tends?|known)\b")
_BOILERPLATE = re.compile(
    r"^(?:sent from my\b|get outlook for\b|unsubscribe\b|all rights reserved|copyright\b|\u00a9|click here\b"
    r"|view (?:this email )?in (?:your )?browser"
    r"|this (?:e-?mail|message)(?: and any attachments?)? (?:is|are|may be) (?:confidential|intended)|do not reply to this"
    r"|(?:best|kind|warm)?(?: |-)?regards\b|sincerely\b|yours (?:truly|sincerely|faithfully)|as an ai\b|i am an ai\b"
    r"|i hope this (?:helps|email finds)"
    r"|is there anything else\b|happy to help\b|no reply needed|terms (?:of service|and conditions) apply|page \d+ of \d+$)"
)
_PRAISE = re.compile(
    rf"^(?:(?:oh|wow|aww?|yeah|yes|ha|hey|omg)[,! ]+)*(?:(?:that|this|it|they|those|these|you|he|she)"
    r" (?:is|are|was|were|sounds?|looks?|must be|must have been|has been|seems?|would be) )?"
    rf"(?:(?:like|much|so|really|very|pretty|such|an?|quite|super|absolutely|totally|how|just|too|truly"
    rf"|not) )*(?:{'|'.join(sorted(EVALUATIONS))})"
    r"(?: (?:to (?:hear|see|know|meet you)|idea|news|job|one|work|thing|point|question|stuff|for you|of you|choice"
    r"|way to go|indeed))?[.! ]*$"
)
_FAREWELL = re.compile(
    r"^(?:see|catch|talk to|speak to) (?:you|ya|u)(?: \w+){0,3}[.! ]*$|^take care\b(?: \w+){0,5}[.! ]*$|^(?:talk"
    r"|speak) (?:soon|later)\b"
    r"|^(?:have|enjoy) (?:an? |the |your )?(?:\w+ ){0,2}(?:day|evening|night|weekend|week|trip|holidays?|one|time"
    r"|meal)[.! ]*$|^good luck\b"
)
_HEDGES = re.compile(
    r"\b(?:maybe|perhaps|probably|possibly|might|may|could|seems?|seemed|i (?:think|guess|believe|suppose|assume|imagine)"
    r"|not sure|kind of"
    r"|sort of|apparently|likely|would|should be|looks like|as far as i (?:know|can tell)|if i remember)\b"
)
_NO_HEDGE = re.compile(
    r"\bwould (?:rather|prefer|always|never)\b|\b(?:in|of|by|on|since|until|till|before|after|during|from|last|next|this|every"
    r"|early|late|mid) may\b|\bmay \d|\b\d{1,2}(?:st|nd|rd|th)? may\b"
)
_HEARSAY = re.compile(
    rf"^(?:(?:so|and|but|well|also|yesterday|today|apparently|recently|earlier)[, ]+)*(?!i\b|we\b)(?P<who>(?:my|our|his"
    rf"|her|their|the|a|an) (?:[\w'-]+ ){{1,3}}|(?:[\w'-]+ ){{1,2}})"
    rf"(?:(?:just|also|always|once|never|has|have|had) )*(?:{'|'.join(sorted(REPORTS))})\b(?! (?:about|of)\b)"
    r"(?= (?:that\b|me\b|us\b|him\b|her\b|them\b|to\b|i\b|we\b|he\b|she\b|they\b|it\b|there\b|the\b|my\b|his\b|their\b"
    r"|our\b|everyone\b|quotedspeech|[\w'-]+ (?:is|are|was|were|will|would|has|had|have)\b)|[,:])"
)
_TELLER = r"(?!(?:i|we)\b)(?:(?:my|our|his|her|their|the|an?) (?:[\w'-]+ ){0,2}?[\w'-]+|[\w'-]+(?: [\w'-]+)??)"
_SAID = rf"(?:(?:just|also|always|once|has|have|had|later|then) )*(?:{'|'.join(sorted(REPORTS))})"
_TO_WHOM = (
    r"(?: (?:me|us|him|her|them|so|again|later|once|yesterday|today|recently|earlier|last \w+))*(?: (?:to|in|on) [\w' -]+)?"
)
_TRAILING = re.compile(
    rf"(?:, ?|[!?\u2014] ?| - |{QUOTED} [,.!?]? ?)(?:as )?"
    rf"(?:(?P<who>{_TELLER}) {_SAID}|{_SAID} (?P<inverted>{_TELLER})){_TO_WHOM}[.! ]*$"
)
"""Who says it may be told behind it: "I live in Paris, Tom said." """

_BEFORE_TELLER = re.compile("[,!?\u2014]| - ")
_SUBORDINATE = re.compile(rf"(?:{'|'.join(sorted(SUBORDINATORS))})\b")
_HEARD = re.compile(
    r"^(?:\w+[, ]+){0,2}(?:i|we) (?:just |also |was |were )*(?:heard|read|told|hear)\b(?: (?:somewhere|once|yesterday"
    r"|today))?(?: that\b| the\b| \w+ (?:is|are|was|will)\b)|^according to\b|^(?:rumou?r has it|people|they) (?:say|says"
    r"|said)\b"
)
_HABIT = re.compile(
    r"\b(?:usually|always|often|mostly|typically|normally|tends? to|generally|every (?:time|morning|day|week|weekend"
    r"|evening|night))\b"
)

_DAYTIMES = frozenset({"afternoon", "evening", "morning", "night"})
_SHORT_WORD = 4
_AROUND = " \t\n\r\"'\u201c\u201d\u2018\u2019()[]*_.,;:!?\u2026-"
_AT = frozenset({"at", "by", "each", "every", "one", "the"})
"""Before a time of the day no greeting: "at night", "in the morning"."""


def refusal(words: str) -> Refusal | None:
    """Return why a sentence of plain words states nothing to keep, None when it does."""
    found = tokens(words)
    rules = (
        ("no_content", not found),
        ("quoted", found == (QUOTED,) or words.startswith(">")),
        ("small_talk", _is_small_talk(found) or _FAREWELL.match(words) is not None),
        ("boilerplate", _BOILERPLATE.search(words) is not None),
        ("question", asks(words)),
        ("hypothetical", _imagines(words)),
        ("praise", _PRAISE.match(words) is not None),
        ("request", _REQUEST.match(words) is not None or asks_politely(words)),
    )
    for rule, applies in rules:
        if applies:
            return Refusal(Guarded.LOW_SIGNAL, rule)
    if not _LASTING.search(words):
        if _MOMENTARY.search(words):
            return Refusal(Guarded.TRANSIENT, "momentary")
        if _FAULT.search(words) and (not SYSTEMS.isdisjoint(found) or _is_of_now(words)):
            return Refusal(Guarded.TRANSIENT, "fault")
    return None


def _imagines(words: str) -> bool:
    """Tell whether it is only supposed: not what somebody asked "if", nor what was "as if"."""
    return _HYPOTHETICAL.search(words) is not None and _HYPOTHETICAL.search(_NO_CONDITION.sub("whether", words)) is not None


def _is_of_now(words: str) -> bool:
    """Tell whether a fault is one of this moment, and of a thing: "I am not working at the moment" lasts."""
    return _AT_PRESENT.search(words) is not None and not _OF_PEOPLE.match(words)


def says_too_little(said: str) -> bool:
    """Tell whether what nothing else stands beside is too short to say anything: one word of up to four letters, such as "asdf".

    A name has a capital ("Rex"), a code digits ("4471"). In scripts without capitals a word of one character says enough.
    """
    written = said.strip(_AROUND)
    if len(written) <= 1:
        return written.isascii() or _has_case(written)
    return len(written) <= _SHORT_WORD and written.isalpha() and written == written.lower() and all(map(_has_case, written))


def _has_case(character: str) -> bool:
    return character.lower() != character.upper()


def is_hedged(words: str) -> bool:
    """Tell whether the speaker is not sure."""
    return _HEDGES.search(words) is not None and _HEDGES.search(_NO_HEDGE.sub("", words)) is not None


def is_habit(words: str) -> bool:
    """Tell whether it is said to happen again and again."""
    return _HABIT.search(words) is not None


def reported_by(words: str) -> str | None:
    """Return whom the sentence has its news from, when that is not the speaker; empty when it does not say."""
    match = _HEARSAY.match(words)
    if match:
        who = match["who"].removeprefix(QUOTED).strip()
        return None if who in {"i", "we"} else who
    if (_BEFORE_TELLER.search(words) or QUOTED in words) and not _SUBORDINATE.match(words):
        trailing = _TRAILING.search(words)
        if trailing:
            return (trailing["who"] or trailing["inverted"]).strip()
    return "" if _HEARD.match(words) else None


def is_asked(words: str) -> bool:
    """Tell whether a sentence ends with the sign of a question."""
    return words.rstrip(" )\"'!.").endswith("?")


def asks_by_order(words: str) -> bool:
    """Tell whether a sentence with the sign of a question asks from these plain words on: a relative clause does not."""
    opened = _OPENED.match(words)
    if _INVERTED.match(words) or (opened and opened["noun"] not in FINITE):
        return True
    return _QUESTION.match(words) is not None and not _RELATIVE.match(words)


def asks_unsigned(words: str) -> bool:
    """Tell whether plain words ask though no sign says so: "what should I eat", "can you name a gym"."""
    return _INVERTED.match(words) is not None


def asks_politely(words: str) -> bool:
    """Tell whether plain words only wonder, or say that help would be welcome."""
    return _POLITE.match(words) is not None


def demands(words: str) -> bool:
    """Tell whether plain words tell somebody to do something for the speaker."""
    return _REQUEST.match(words) is not None


def asks(words: str) -> bool:
    """Tell whether a sentence asks, by its sign or by its order."""
    if is_asked(words):
        return True
    return _QUESTION.match(words) is not None and not _STATEMENT_AFTER_ALL.match(words)


def _is_small_talk(found: Sequence[str]) -> bool:
    """Tell whether there is nothing but greetings and thanks, with at most two other words: a name."""
    before = ["", *found]
    core = sum(each in SMALL_TALK and not (each in _DAYTIMES and before[place] in _AT) for place, each in enumerate(found))
    others = sum(each not in SMALL_TALK and each not in FILLERS for each in found)
    return core > 0 and others <= min(2, core) and len(found) - others <= 12  # noqa: PLR2004 - longer ones say something
