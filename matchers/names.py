"""Comparison of names: by parts where both sides publish parts, else by whole words.

Parts are never guessed from a name that came whole: word order differs between cultures and
forms, so whole names are compared as words in any order.
"""

from __future__ import annotations

from typing import Final

from rapidfuzz.distance import JaroWinkler

from matchers.name_words import reading
from matchers.nicknames import is_nickname
from matchers.record import MatchRecord

NAME_LEVELS: Final = (
    "exact",
    "swapped",
    "nickname",
    "close",
    "initial",
    "near",
    "initials",
    "two_words",
    "family",
    "given",
    "one_part",
    "one_part_nickname",
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
    INITIALS,
    TWO_WORDS,
    FAMILY,
    GIVEN,
    ONE_PART,
    ONE_PART_NICKNAME,
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

_Found = tuple[int, str]
"""Level and the words agreed on, joined by spaces."""


def compare_names(one: MatchRecord, other: MatchRecord) -> _Found | None:
    """Level of two names and the words they agree on, joined by spaces.

    Names of two scripts are compared by another name of either side, then by their Latin reading
    where the script has one. Without either they are not comparable and say nothing.
    """
    name, name2 = one.name, other.name
    if not name or not name2:
        return None
    if one.given and one.family and other.given and other.family:
        found = _compare_parts(one.given, one.family, other.given, other.family)
        if found[0] > TWO_WORDS and (len(name) > 2 or len(name2) > 2):
            found = _better_by_words(found, name, name2)
    else:
        found = _compare_words(name, name2)
    return found if found[0] < DIFFERENT else _further(found, one, other)


def _further(found: _Found, one: MatchRecord, other: MatchRecord) -> _Found | None:
    """What another name or another script can still say where the names themselves differ."""
    name, name2 = one.name, other.name
    if found[0] >= DIFFERENT and (one.other_name or other.other_name):
        found = _by_other_names(found, one, other)
    if found[0] < DIFFERENT:
        return found
    if name[0].isascii() and name2[0].isascii():
        return None if found[0] == ONE_PART_DIFFERENT and _is_lone_letter(name, name2) else found
    if _scripts(name).isdisjoint(_scripts(name2)):
        return _by_reading(name, name2)
    return None if found[0] == ONE_PART_DIFFERENT and _is_lone_letter(name, name2) else found


def _better_by_words(found: _Found, ours: tuple[str, ...], theirs: tuple[str, ...]) -> _Found:
    """Parts may be cut differently (`Anna Maria | Schmidt`), so longer names are tried by words."""
    needed = 1 if found[0] in (FAMILY, GIVEN) else 0
    if len(set(ours).intersection(theirs)) <= needed and not (
        _has_initials(ours) or _has_initials(theirs)
    ):
        return found  # looking further costs more than it finds
    by_words = _compare_words(ours, theirs)
    return by_words if by_words[0] <= TWO_WORDS else found


def _has_initials(name: tuple[str, ...]) -> bool:
    return min(map(len, name)) == 1


def _by_other_names(found: _Found, one: MatchRecord, other: MatchRecord) -> _Found:
    pairs = (
        (one.other_name, other.name),
        (one.name, other.other_name),
        (one.other_name, other.other_name),
    )
    return min((found, *(_compare_words(a, b) for a, b in pairs if a and b)))


def _by_reading(ours: tuple[str, ...], theirs: tuple[str, ...]) -> _Found | None:
    read, read2 = tuple(map(reading, ours)), tuple(map(reading, theirs))
    if not _scripts(read).isdisjoint(_scripts(read2)):
        return _compare_words(read, read2)
    return None


def _scripts(name: tuple[str, ...]) -> frozenset[str]:
    return frozenset([_script(ord(word[0])) for word in name])


def _script(letter: int) -> str:
    """Script as far as it matters here; scripts that share no letters need no telling apart."""
    if letter < _END_OF_LATIN:
        return "latin"
    if letter in _KANA:
        return "kana"
    return "han" if letter in _HAN else "other"


def _is_lone_letter(ours: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    """Whether one side is a single letter that may stand for a word of the other."""
    for short, long in ((ours, theirs), (theirs, ours)):
        if len(short) == 1 == len(short[0]) and any(word[0] == short[0] for word in long):
            return True
    return False


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
    if given == family2 or family == given2:
        return _crosswise(given, family, given2, family2)
    if family_likeness < _NEAR:
        return DIFFERENT, ""
    if given_likeness >= _CLOSE and family_likeness >= _CLOSE:
        return CLOSE, ""
    if given_likeness >= _NEAR or is_nickname(given, given2):
        return NEAR, ""
    return FAMILY_NEAR, ""


def _crosswise(given: str, family: str, given2: str, family2: str) -> _Found:
    """Parts exchanged, with a slip in the one that does not agree."""
    agreed, rest, rest2 = (given, family, given2) if given == family2 else (family, given, family2)
    return (CLOSE if _similarity(rest, rest2) >= _NEAR else GIVEN), agreed


def _same_family(given: str, given2: str) -> int:
    if is_nickname(given, given2):
        return NICKNAME
    if _similarity(given, given2) >= _NEAR:
        return CLOSE
    return INITIAL if _is_initial(given, given2) else FAMILY


def _is_initial(given: str, given2: str) -> bool:
    return given[0] == given2[0] and (len(given) == 1 or len(given2) == 1)


def _compare_words(ours: tuple[str, ...], theirs: tuple[str, ...]) -> _Found:
    if len(ours) == 1 or len(theirs) == 1:
        return _compare_single(ours, theirs)
    shared = [word for word in sorted(set(ours)) if word in theirs]
    rest = [word for word in ours if word not in shared]
    rest2 = [word for word in theirs if word not in shared]
    agreed = " ".join(shared)
    if not rest or not rest2:
        return (EXACT if len(shared) > 1 else ONE_PART), agreed
    one, other = sorted(rest), sorted(rest2)
    if (len(other), other) < (len(one), one):
        one, other = other, one
    return _level_of_rest(len(shared), one, other), agreed


def _level_of_rest(shared: int, short: list[str], long: list[str]) -> int:
    """Level by the best partner of each word left over on the shorter side."""
    likeness = [max([_likeness(word, other) for other in long]) for word in short]
    least = min(likeness)
    if not shared:
        if least >= _NEAR:
            return NEAR
        return INITIALS if least > 0 and len(short) > 1 else DIFFERENT
    if least >= _NEAR:
        return NICKNAME if _NICKNAME in likeness else CLOSE
    if least > 0:
        return INITIAL
    alike = len([one for one in likeness if one >= _NEAR])
    return TWO_WORDS if shared + alike > 1 else FAMILY


_NICKNAME, _INITIAL = 2.0, 0.5


def _likeness(word: str, other: str) -> float:
    """Similarity from `_NEAR` up, 2 for a nickname, 0.5 for an initial, else 0."""
    if is_nickname(word, other):
        return _NICKNAME
    similarity = _similarity(word, other)
    if similarity >= _NEAR:
        return similarity
    return _INITIAL if _is_initial(word, other) else 0.0


def _compare_single(ours: tuple[str, ...], theirs: tuple[str, ...]) -> _Found:
    if "".join(ours) == "".join(theirs) or "".join(reversed(ours)) == "".join(reversed(theirs)):
        return (ONE_PART, ours[0]) if len(ours) == len(theirs) else (EXACT, "")
    for word in ours:
        if word in theirs:
            return ONE_PART, word
    pairs = [(word, word2) for word in ours for word2 in theirs]
    if any(is_nickname(word, word2) for word, word2 in pairs):
        return ONE_PART_NICKNAME, ""
    is_close = max([_similarity(word, word2) for word, word2 in pairs]) >= _NEAR
    return (ONE_PART_CLOSE if is_close else ONE_PART_DIFFERENT), ""
