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
_WHOSE = r"""(?:previous|prior|above|earlier|preceding|initial|original|system|existing|current|former|foregoing|developer|your
    |those|these|the|all|any|every|of|other)"""
_ORDERS = r"""(?:instructions?|prompts?|rules?|guidelines?|directives?|commands?|programming|guardrails|restrictions|safety
    |training|orders)"""


def _rule(name: str, pattern: str) -> tuple[str, re.Pattern[str]]:
    return name, re.compile(pattern, re.VERBOSE | re.MULTILINE)


_RULES = (
    _rule("drops_instructions", rf"\b{_DROP}(?:\s+{_WHOSE}){{1,5}}\s+{_ORDERS}\b"),
    _rule(
        "drops_instructions",
        rf"""\b{_DROP}\s+(?:everything|anything|all)\s+(?:\w+\s+){{0,4}}
        (?:above|before|previously|earlier|said\ so\ far|were\ told)\b""",
    ),
    _rule(
        "drops_instructions",
        r"""\b(?:ignorez|ignore|oubliez|oublie)\s+(?:toutes?\s+)?(?:les|tes|vos)\s+(?:\w+\s+){0,2}
        (?:instructions|consignes|regles)
        |\b(?:ignoriere?n?|vergiss|missachte)\s+(?:sie\s+)?(?:alle\s+)?(?:\w+\s+){0,3}(?:anweisungen|instruktionen|regeln|vorgaben)
        |\b(?:ignora|olvida|descarta)\s+(?:todas?\s+)?(?:las|tus|sus)\s+(?:\w+\s+){0,2}(?:instrucciones|reglas|ordenes)
        |\b(?:ignora|dimentica)\s+(?:tutte\s+)?(?:le|tue)\s+(?:\w+\s+){0,2}(?:istruzioni|regole)""",
    ),
    _rule(
        "tells_instructions",
        r"""\b(?:reveal|show|print|repeat|output|tell|display|leak|expose|share|give|recite|dump)\b[^.?!\n]{0,40}
        \b(?:system|hidden|secret|initial|original|developer)\s+(?:prompt|message|instructions?|rules)\b""",
    ),
    _rule(
        "hides_from_user",
        r"""\b(?:do\ not|don't|never|without)\s+(?:tell|inform|mention|reveal|show|alert)(?:ing)?\s+(?:\w+\s+){0,3}?(?:to\s+)?
        the\s+(?:user|human|operator)\b""",
    ),
    _rule(
        "new_role",
        r"""\byou\s+are\s+(?:now|no\ longer)\s+(?:\w+\s+){0,3}
        (?:dan|jailbroken|unrestricted|unfiltered|uncensored|bound|limited|restricted
        |in\s+(?:developer|debug|god|admin|sudo)\s+mode|an?\s+(?:ai|assistant|model|language|large))\b""",
    ),
    _rule(
        "new_role",
        r"\b(?:enable|enter|activate|switch\ (?:to|into))\s+(?:developer|debug|god|admin|sudo|jailbreak"
        r"|dan)\s+mode\b",
    ),
    _rule(
        "exfiltrates",
        r"""\b(?:send|post|forward|upload|exfiltrate|transmit|leak|email)\b[^.?!\n]{0,60}
        \b(?:conversation|chat\ history|memories|api\ keys?|passwords?|credentials|secrets|user\ data|system\ prompt)\b
        [^.?!\n]{0,60}\bto\b[^.?!\n]{0,40}(?:https?://|@|\bwebhook\b|\burl\b)""",
    ),
    _rule(
        "forged_role",
        r"""<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id)[^>]{0,30}\|?>
        |\[/?inst\]|<</?sys>>|</?(?:system|system_prompt|instructions|assistant)>
        |^\W{0,6}(?:system|developer)\s*(?:prompt|message|override|note)?\s*:\s*
        (?:you|ignore|new|from|always|never|override|act)\b
        |\b(?:new|updated|real|actual)\s+(?:system\s+)?(?:instructions?|prompt)\s*:""",
    ),
)
_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007e]{1,8}\U000e007f")
_UNSEEN = re.compile("[\U000e0000-\U000e007f]|[\u200b\u200c\u2060\ufeff]{8,}")
"""Unicode's tags write text that nobody sees; flags of regions are their one honest use. Long runs of nothing encode text too."""


def injection_in(text: str) -> str | None:
    """Return the name of the first rule that the text breaks, None for a text without any."""
    if _hides_text(text):
        return "hidden_text"
    plain = _plain(text)
    return next((name for name, rule in _RULES if rule.search(plain)), None)


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
