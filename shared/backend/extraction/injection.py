"""Finds text that is written for a language model and not for a memory: orders to drop its rules, forged roles, hidden text.

What is found is kept for review and not remembered. The rules go by what is asked for (to drop instructions, to tell them,
to hide something from the user), not by phrases: "from now on answer in French" is a wish, and stays one.
"""

from __future__ import annotations

import re
import unicodedata

_LOOKALIKES = {
    0x0430: "a", 0x0435: "e", 0x043E: "o", 0x0440: "p", 0x0441: "c", 0x0443: "y", 0x0445: "x", 0x0456: "i", 0x0455: "s",
    0x0501: "d", 0x0261: "g", 0x04CF: "l",
}  # fmt: skip
"""Cyrillic and other small letters that nobody can tell from Latin ones."""

_DROP = r"""(?:ignore|disregard|forget|override|bypass|discard|neglect|skip|drop|delete|erase|violate|disobey|stop\ following
    |(?:do\ not|don't)\ (?:follow|obey))"""
_BEFORE = r"(?:previous|prior|above|earlier|preceding|initial|original|system|existing|current|former|foregoing|developer|your)"
"""Words that say whose orders they are: those that the reader has been given."""

_ANY = r"(?:those|these|the|all|any|every|of|other)"
_ORDERS = r"(?:instructions?|prompts?|rules?|guidelines?|directives?|programming|guardrails|restrictions)"
_LOOSELY = r"(?:commands?|safety|training|orders)"
"""Also what is cancelled, skipped or bought: orders to the reader only where that is said."""

_OF_THEIR_OWN = r"""(?!\s+(?:of|for|from|in|on|at|about)\s+(?!th(?:is|ese|ose)\b|you\b|your\b|my\b|me\b|it\b|every|any|all\b
    |(?:the\s+)?(?:system|developer|user|assistant|model|conversation|chat|prompt|context|operator|ai|llm|past|beginning)\b))"""
"""Behind rules that are of something else: "the rules of tennis"."""

_TOLD = r"""(?:told|asked|advised|taught|ordered|reminded|instructed|persuaded|convinced|begged|forced|trained|encouraged|warned
    |urged|expected|wanted|tempted|allowed|tells?|asks?|advises?|teaches|teach|wants?)"""
_NARRATED = re.compile(
    rf"""(?:\b{_TOLD}\s+(?!(?:the\s+|an?\s+|every\s+|any\s+)?(?:you|assistants?|ais?|models?|llms?|agents?|bots?|chatbots?|system)\b)
        (?:(?:my|our|his|her|their|the|an?|every|any)\s+)?(?!you\b)[\w'-]+(?:\s+(?!you\b)(?:and\s+)?[\w'-]+)?\s+(?:not\s+)?to
    |(?:^|[.!?;,:\n]|\b(?:and|but|so|because|that|when|if|which|who))\s*(?:i|we|he|she|they|people|everybody|everyone|nobody)
        (?:\s+(?:can|could|cannot|did|do|does|would|will|might|may|had|have|has|tend|tends|tried|try|tries|decided|chose|refused|used
        |like|likes|love|loves|to|not|always|often|never|just|simply|usually|sometimes|really|also|still|then|even))*
    )\s*$""",
    re.VERBOSE,
)
"""What stands before the verb where it tells what somebody does, or was told to do, and orders nobody who reads it."""


def _rule(name: str, hints: str, pattern: str) -> tuple[str, tuple[str, ...], re.Pattern[str]]:
    """`hints`: one of them stands in every text that breaks the rule. Looking for them is much faster."""
    return name, tuple(hints.split()), re.compile(pattern, re.VERBOSE | re.MULTILINE)


_RULES = (
    _rule(
        "drops_instructions",
        "instruct prompt rule guideline directive programming guardrail restriction command safety training orders",
        rf"\b{_DROP}(?:\s+{_ANY}){{0,4}}\s+{_BEFORE}(?:\s+(?:{_ANY}|{_BEFORE})){{0,4}}\s+(?:{_ORDERS}|{_LOOSELY})\b",
    ),
    _rule(
        "drops_instructions",
        "instruct prompt rule guideline directive programming guardrail restriction",
        rf"\b{_DROP}(?:\s+{_ANY}){{1,5}}\s+{_ORDERS}\b{_OF_THEIR_OWN}",
    ),
    _rule(
        "drops_instructions",
        "command safety training orders",
        rf"\b(?:ignore|disregard|override|bypass|disobey|violate)\s+(?:all|any|every)(?:\s+{_ANY}){{0,3}}\s+{_LOOSELY}\b{_OF_THEIR_OWN}",
    ),
    _rule(
        "drops_instructions",
        "everything anything all",
        rf"""\b{_DROP}\s+(?:everything|anything|all)\s+(?:\w+\s+){{0,4}}
        (?:above|before|previously|earlier|said\ so\ far|were\ told)\b""",
    ),
    _rule(
        "drops_instructions",
        "ignor oubli vergiss missachte olvida descarta dimentica",
        r"""\b(?:ignorez|ignore|oubliez|oublie)\s+(?:toutes?\s+)?(?:les|tes|vos)\s+(?:\w+\s+){0,2}
        (?:instructions|consignes|regles)
        |\b(?:ignoriere?n?|vergiss|missachte)\s+(?:sie\s+)?(?:alle\s+)?(?:\w+\s+){0,3}(?:anweisungen|instruktionen|regeln|vorgaben)
        |\b(?:ignora|olvida|descarta)\s+(?:todas?\s+)?(?:las|tus|sus)\s+(?:\w+\s+){0,2}(?:instrucciones|reglas|ordenes)
        |\b(?:ignora|dimentica)\s+(?:tutte\s+)?(?:le|tue)\s+(?:\w+\s+){0,2}(?:istruzioni|regole)""",
    ),
    _rule(
        "tells_instructions",
        "prompt message instruction rules",
        r"""\b(?:reveal|show|print|repeat|output|tell|display|leak|expose|share|give|recite|dump)\b[^.?!\n]{0,40}
        \b(?:system|hidden|secret|initial|original|developer)\s+(?:prompt|message|instructions?|rules)\b""",
    ),
    _rule(
        "hides_from_user",
        "user human operator",
        r"""\b(?:do\ not|don't|never|without)\s+(?:tell|inform|mention|reveal|show|alert)(?:ing)?\s+(?:\w+\s+){0,3}?(?:to\s+)?
        the\s+(?:user|human|operator)\b""",
    ),
    _rule(
        "new_role",
        "you",
        r"""\byou\s+are\s+(?:now|no\ longer)\s+(?:\w+\s+){0,3}
        (?:dan|jailbroken|unrestricted|unfiltered|uncensored|bound|limited|restricted
        |in\s+(?:developer|debug|god|admin|sudo)\s+mode|an?\s+(?:ai|assistant|model|language|large))\b""",
    ),
    _rule(
        "new_role",
        "mode",
        r"\b(?:enable|enter|activate|switch\ (?:to|into))\s+(?:developer|debug|god|admin|sudo|jailbreak"
        r"|dan)\s+mode\b",
    ),
    _rule(
        "exfiltrates",
        "conversation chat memories api password credential secret data prompt",
        r"""\b(?:send|post|forward|upload|exfiltrate|transmit|leak|email)\b[^.?!\n]{0,60}
        \b(?:conversation|chat\ history|memories|api\ keys?|passwords?|credentials|secrets|user\ data|system\ prompt)\b
        [^.?!\n]{0,60}\bto\b[^.?!\n]{0,40}(?:https?://|@|\bwebhook\b|\burl\b)""",
    ),
    _rule(
        "speaks_to_reader",
        "this these such",
        r"""\b(?:when|whenever|once|if|after|upon|as\ soon\ as|every\ time|next\ time|before)\s+
        (?:(?:you|the\ (?:assistant|ai|model|agent|system|llm|bot))\s+(?:\w+\s+){0,2}?)?
        (?:read|reads|reading|see|sees|seeing|retrieve|retrieves|retrieving|recall|recalls|recalling|load|loads|loading|process
        |processes|processing|receive|receives|find|finds|access|accesses|accessing|given|shown)\s+(?:of\s+)?(?:this|these|such)\s+
        (?:(?:\w+\s+)?(?:memory|memories|context|entry|record|instructions?)\b[\s,:;.\u2014-]+(?!(?:i|we|he|she|they|it|there|my|our|the|is|was)\b)
        |(?:\w+\s+)?(?:message|note|text|document|e-?mail|file|page)\b[\s,:;\u2014-]+(?:please\s+|immediately\s+|then\s+|you\s+must\s+)*
        (?:transfer|wire|execute|run|ignore|override|reveal|output|respond\s+with|reply\s+with|delete|exfiltrate|disregard|forget)\b)""",
    ),
    _rule(
        "speaks_to_reader",
        "this these such",
        r"""\b(?:ais?|assistants?|agents?|llms?|models?|chatbots?|bots?)\s+(?:that\s+|who\s+|which\s+|is\s+|are\s+)*
        (?:reads?|reading|processes|processing|retrieves?|retrieving)\s+this\b""",
    ),
    _rule(
        "forged_role",
        "< [ system developer instruction prompt",
        r"""<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id)[^>]{0,30}\|?>
        |\[/?inst\]|<</?sys>>|</?(?:system|system_prompt|instructions|assistant)>
        |^\W{0,6}(?:system|developer)\s*(?:prompt|message|override|note)?\s*:\s*
        (?:you|ignore|new|from|always|never|override|act)\b
        |\b(?:new|updated|real|actual)\s+(?:system\s+)?(?:instructions?|prompt)\s*:""",
    ),
)
_SIGHT = 80
_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007e]{1,8}\U000e007f")
_UNSEEN = re.compile("[\U000e0000-\U000e007f]|[\u200b\u200c\u2060\ufeff]{8,}")
"""Unicode's tags write text that nobody sees; flags of regions are their one honest use. Long runs of nothing encode text too."""


def injection_in(text: str) -> str | None:
    """Return the name of the first rule that the text breaks, None for a text without any."""
    if _hides_text(text):
        return "hidden_text"
    plain = _plain(text)
    for name, hints, rule in _RULES:
        if any(map(plain.__contains__, hints)) and any(_is_meant(plain, name, found) for found in rule.finditer(plain)):
            return name
    return None


def _is_meant(plain: str, name: str, found: re.Match[str]) -> bool:
    """Tell whether an order is given, and not told of: "I told him to ignore all previous instructions" orders nobody."""
    return name != "drops_instructions" or _NARRATED.search(plain, max(0, found.start() - _SIGHT), found.start()) is None


def _plain(text: str) -> str:
    """Return the text as a model reads it: without case, accents, look-alikes and what is not seen."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text)
    seen = "".join(each for each in decomposed if unicodedata.category(each) not in {"Mn", "Cf"})
    return seen.casefold().translate(_LOOKALIKES).replace("\u2019", "'")


def _hides_text(text: str) -> bool:
    """Tell whether there is text that no one sees."""
    return not text.isascii() and _UNSEEN.search(_FLAG.sub("", text)) is not None
