"""Whether a statement says what it quotes: its words, its numbers, its names, and neither more nor the opposite."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from backend.extraction.extracted_key import extracted_key
from backend.extraction.lexicon import (
    ADVERBS,
    AUXILIARIES,
    BASE_OF,
    DETERMINERS,
    FINITE,
    OBJECT_PRONOUNS,
    PREPOSITIONS,
    SUBJECT_PRONOUNS,
    SUBORDINATORS,
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


WORDS_OF_ITS_OWN = 0.5
"""At most this part of a statement's words with a meaning may stand nowhere in what it quotes, and less of those that are no
verbs: to like tea and to enjoy it is much the same, to like tea and to like coffee is not."""

_SHORT = 4
"""A word of fewer letters is looked for as a word, a longer one by its beginning."""

_ENDING = 3
"""Letters by which forms of a word differ at their end."""

_TOKEN = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_NUMBER = re.compile(r"\d+")
_NEGATORS = _words("barely cannot hardly neither never no nobody none nor not nothing without")
_NEGATORS_ELSEWHERE = _words(
    """
    aldrig geen ikke inte jamais jam\u00e1s kein keine keinem keinen keiner n\u00e3o nicht nie niemals niet nooit nunca pas
    \u043d\u0435 \u043d\u0435\u0442 \u043d\u0438\u043a\u043e\u0433\u0434\u0430
    """
)
_SHORT_NEGATIONS = _words("arent cant couldnt didnt doesnt dont hasnt havent isnt shouldnt wasnt werent wont wouldnt")
_AGAINST = _words(
    """
    against allergic avoid avoided avoids dislike disliked dislikes ended fail failed fails former formerly gave hate hated hates
    instead lack lacks left loathe longer lost moved quit rarely refuse refused refuses seldom stop stopped stops unable used
    """
)
"""Words that say by themselves that something is not so, or is so no more."""

_FUNCTION_WORDS = (
    ADVERBS
    | AUXILIARIES
    | DETERMINERS
    | OBJECT_PRONOUNS
    | PREPOSITIONS
    | SUBJECT_PRONOUNS
    | SUBORDINATORS
    | _NEGATORS
    | _SHORT_NEGATIONS
    | _words("and be been being but i'd i'll i'm i've mine or so than then there what which who yours")
) - {"one", "three", "two"}
_THIRD_PERSON = _words("he her hers herself him himself his it its she their theirs them themselves they who")
_BORDER = re.compile(
    r"[;:.!?\n]+|\b(?:but|because|although|though|while|whereas|so)\b"
    r"|(?:,|\band\b|,\s*and\b)\s+(?=(?:i|we|you|he|she|they|it|my|our|his|her|their|there)\b)"
)
_NO_NEGATION = re.compile(
    r"\bnot (?:only|just|merely)\b|\b(?:no|without) (?:doubt|problem|wonder|matter)\b"
    r"|\bno(?=\s*,|\s+(?:i|we|he|she|they|it|my)\b)"
    r"|\b(?:cannot|can not|can't|cant|could not|couldn't)(?= (?:wait|help|stop|believe|get enough|live without|do without))"
    r"|\b(?:live|do) without\b|\b(?:not|n't) (?:forget|mind)\b|\bnothing (?:beats|like|better)\b|\bwhy not\b"
)


def is_grounded(text: str, quote: str, around: str = "", named: str = "") -> bool:
    """Tell whether a statement is made of what it quotes: all its numbers, most of its words with a meaning, nothing denied.

    `around` is the text in which the quote stands, as far as a negation reaches: its sentences. `named` is where a name may come
    from that the quote only points at ("she").
    """
    said, claimed = _folded(quote), _folded(text)
    numbers = {*_NUMBER.findall(said), *_NUMBER.findall(extracted_key(quote))}
    if not numbers.issuperset(_NUMBER.findall(claimed)):
        return False
    words = _content(claimed)
    pointed_at = {name for name in _names(text) if _stands(name, _folded(named))}
    missing = [word for word in words if word not in pointed_at and not _stands(word, said)]
    things = [word for word in missing if word not in FINITE]
    if len(missing) > len(words) * WORDS_OF_ITS_OWN or (things and len(things) >= len(words) * WORDS_OF_ITS_OWN):
        return False
    return not _is_opposite(claimed, _folded(around or quote), words, missing)


def names_are_said(text: str, around: str) -> bool:
    """Tell whether all names in a statement stand in the text around what it quotes.

    A name is a word with a capital; the first word of a sentence is taken for one where a verb follows it.
    """
    said = _folded(around)
    return all(_stands(name, said) for name in _names(text))


def points_elsewhere(words: str) -> bool:
    """Tell whether what is said is said of somebody who was named before: then the name may stand further away."""
    return not _THIRD_PERSON.isdisjoint(_TOKEN.findall(_folded(words)))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'").replace("\u02bc", "'")


def _content(folded: str) -> list[str]:
    found = (each.removesuffix("'s") for each in _TOKEN.findall(folded))
    return [each for each in found if each not in _FUNCTION_WORDS and not _NUMBER.fullmatch(each) and not each.endswith("n't")]


def _names(text: str) -> Iterator[str]:
    found = _TOKEN.findall(unicodedata.normalize("NFKC", text).replace("\u2019", "'"))
    for place, each in enumerate(found):
        word = each.casefold().removesuffix("'s")
        if not each[0].isupper() or word in _FUNCTION_WORDS or word.split("'")[0] in _FUNCTION_WORDS:
            continue
        following = found[place + 1].casefold() if place + 1 < len(found) else ""
        if place or following in AUXILIARIES or following.endswith(("s", "ed")) or each.endswith("'s"):
            yield word


def _stands(word: str, folded: str) -> bool:
    """Tell whether a word, or another form of it, stands in a text."""
    if not word.isascii():
        # Not every script puts spaces between its words, or ends them as English does.
        return word[: max(2, len(word) - _ENDING)] in folded
    if len(word) >= _SHORT and word[: max(_SHORT, len(word) - _ENDING)] in folded:
        return True
    forms = {word, BASE_OF.get(word, word)}
    for each in _TOKEN.findall(folded):
        bare = each.removesuffix("'s")
        if bare in forms or BASE_OF.get(bare, bare) in forms:
            return True
        if len(word) < _SHORT and bare.startswith(word) and len(bare) - len(word) <= _ENDING and len(word) > 1:
            return True
    return False


def _is_opposite(claimed: str, said: str, words: list[str], missing: list[str]) -> bool:
    """Tell whether a statement leaves out that what it quotes is denied, or denies what it quotes."""
    allowed, denied = _sides(said)
    negates = bool(_sides(claimed)[1])
    turned = any(each in _AGAINST and not _stands(each, denied) for each in _TOKEN.findall(claimed))
    if not negates and not turned:
        return any(_stands(word, denied) and not _stands(word, allowed) for word in words)
    return negates and not missing and not denied and _AGAINST.isdisjoint(_TOKEN.findall(said))


def _sides(folded: str) -> tuple[str, str]:
    """Return what a text says, and what it says with a negation before it, or, not in English, beside it."""
    allowed: list[str] = []
    denied: list[str] = []
    for segment in _BORDER.split(_NO_NEGATION.sub(" ", folded)):
        tokens = _TOKEN.findall(segment)
        place = next((number for number, each in enumerate(tokens) if _is_negator(each)), len(tokens))
        if not _NEGATORS_ELSEWHERE.isdisjoint(tokens):
            place = 0
        allowed += tokens[:place]
        denied += tokens[place:]
    return " ".join(allowed), " ".join(denied)


def _is_negator(word: str) -> bool:
    return word in _NEGATORS or word in _SHORT_NEGATIONS or word.endswith("n't")
