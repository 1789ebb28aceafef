"""Comparison of names: by parts where both sides publish parts, else by whole words.

Parts are never guessed from a name that came whole: word order differs between cultures and
forms, so whole names are compared as words in any order.
"""

from __future__ import annotations

from typing import Final

from rapidfuzz.distance import JaroWinkler

from matchers.nicknames import is_nickname
from matchers.record import MatchRecord

NAME_LEVELS: Final = (
    "exact",
    "swapped",
    "nickname",
    "close",
    "initial",
    "near",
    "family",
    "given",
    "one_part",
    "one_part_close",
    "family_near",
    "different",
    "one_part_different",
)
(
    EXACT,
    SWAPPED,
    NICKNAME,
    CLOSE,
    INITIAL,
    NEAR,
    FAMILY,
    GIVEN,
    ONE_PART,
    ONE_PART_CLOSE,
    FAMILY_NEAR,
    DIFFERENT,
    ONE_PART_DIFFERENT,
) = range(len(NAME_LEVELS))

_CLOSE = 0.92
_NEAR = 0.85
_END_OF_LATIN = 0x0250
_KANA = range(0x3040, 0x3100)
_HAN = range(0x3400, 0xA000)
_similarity = JaroWinkler.similarity


def compare_names(one: MatchRecord, other: MatchRecord) -> tuple[int, str] | None:
    """Level of two names and the words they agree on, joined by spaces.

    Names of two scripts that have no word in common are not comparable: a reading of one cannot
    be told from the other.
    """
    if not one.name or not other.name:
        return None
    if one.given and one.family and other.given and other.family:
        found = _compare_parts(one.given, one.family, other.given, other.family)
    else:
        found = _compare_words(one.name, other.name)
    if found[0] >= DIFFERENT and _scripts(one.name).isdisjoint(_scripts(other.name)):
        return None
    return found


def _scripts(name: tuple[str, ...]) -> frozenset[str]:
    return frozenset(_script(ord(word[0])) for word in name)


def _script(letter: int) -> str:
    """Script as far as it matters here; scripts that share no letters need no telling apart."""
    if letter < _END_OF_LATIN:
        return "latin"
    if letter in _KANA:
        return "kana"
    return "han" if letter in _HAN else "other"


def _compare_parts(given: str, family: str, given2: str, family2: str) -> tuple[int, str]:
    if family == family2:
        if given == given2:
            return EXACT, f"{given} {family}"
        return _same_family(given, given2), family
    if given == family2 and family == given2:
        return SWAPPED, f"{given} {family}"
    family_likeness = _similarity(family, family2)
    given_likeness = _similarity(given, given2)
    if given == given2:
        return (CLOSE, given) if family_likeness >= _NEAR else (GIVEN, given)
    if family_likeness < _NEAR:
        return DIFFERENT, ""
    if given_likeness >= _CLOSE and family_likeness >= _CLOSE:
        return CLOSE, ""
    if given_likeness >= _NEAR or is_nickname(given, given2):
        return NEAR, ""
    return FAMILY_NEAR, ""


def _same_family(given: str, given2: str) -> int:
    if is_nickname(given, given2):
        return NICKNAME
    if _similarity(given, given2) >= _NEAR:
        return CLOSE
    return INITIAL if _is_initial(given, given2) else FAMILY


def _is_initial(given: str, given2: str) -> bool:
    return given[0] == given2[0] and (len(given) == 1 or len(given2) == 1)


def _compare_words(ours: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[int, str]:
    if len(ours) == 1 or len(theirs) == 1:
        return _compare_single(ours, theirs)
    shared = [word for word in sorted(set(ours)) if word in theirs]
    rest = [word for word in ours if word not in shared]
    rest2 = [word for word in theirs if word not in shared]
    if not rest or not rest2:
        return (EXACT, " ".join(shared)) if len(shared) > 1 else (ONE_PART, shared[0])
    if not shared:
        return (NEAR if _align(rest, rest2) >= _NEAR else DIFFERENT), ""
    agreed = " ".join(shared)
    if any(is_nickname(word, word2) for word in rest for word2 in rest2):
        return NICKNAME, agreed
    if _align(rest, rest2) >= _NEAR:
        return CLOSE, agreed
    if any(_is_initial(word, word2) for word in rest for word2 in rest2):
        return INITIAL, agreed
    return FAMILY if len(shared) == 1 else CLOSE, agreed


def _compare_single(ours: tuple[str, ...], theirs: tuple[str, ...]) -> tuple[int, str]:
    if "".join(ours) == "".join(theirs) or "".join(reversed(ours)) == "".join(reversed(theirs)):
        return (ONE_PART, ours[0]) if len(ours) == len(theirs) else (EXACT, "")
    for word in ours:
        if word in theirs:
            return ONE_PART, word
    if max(_similarity(word, word2) for word in ours for word2 in theirs) >= _NEAR:
        return ONE_PART_CLOSE, ""
    return ONE_PART_DIFFERENT, ""


def _align(ours: list[str], theirs: list[str]) -> float:
    """Likeness of the least alike word of the shorter side with its best partner."""
    short, long = sorted((sorted(ours), sorted(theirs)), key=lambda words: (len(words), words))
    return min(max(_similarity(word, word2) for word2 in long) for word in short)
