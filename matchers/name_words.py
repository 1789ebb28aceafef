"""Words of a name as they are compared: without forms of address, particles and spelling habits.

A name is written in many ways that say nothing about who it is: `von der Heide` and `Heide`,
`Le Gall` and `LeGall`, `Müller` and `Mueller`, `Frau Dr.`. What is left is what two records of one
person have in common.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from anyascii import anyascii

from matchers.text import words

_TITLES = frozenset(
    (
        *("mr", "mrs", "ms", "miss", "mx", "dr", "prof", "professor", "rev", "reverend", "esq"),
        *("sir", "dame", "lord", "lady", "baronet", "madam", "hon", "rt", "capt", "captain"),
        *("herr", "frau", "fraulein", "mme", "mlle", "monsieur", "madame", "mademoiselle"),
        *("doktor", "docteur", "maitre", "sr", "sra", "srta", "senor", "senora", "dhr", "mevr"),
        *("signor", "signora", "г-н", "г-жа", "господин", "госпожа", "السيد", "السيده", "دكتور"),
    )
)
_TITLE_ENDINGS = ("様", "さま", "さん", "氏", "殿", "くん", "ちゃん")
_DROPPED_PARTICLES = frozenset(
    ("von", "vom", "der", "den", "dem", "zu", "zum", "zur", "van", "ten", "ter", "of", "the", "und")
)
"""Written or not, as one likes: `von der Heide` signs as Heide."""
_JOINED_PARTICLES = frozenset(
    (
        *("le", "la", "les", "de", "du", "des", "del", "della", "di", "da", "dos", "das"),
        *("mc", "bin", "ibn", "abu"),
    )
)
"""Written together or apart: `Le Gall` and `LeGall`, `De Souza` and `DeSouza`."""
_LIKE_SOUNDS = str.maketrans("cqzvwjgdby", "kksffkktpi")
_SILENT = "aeiouh"
_SOUND_LENGTH = 4
_ORDINAL = re.compile(r"\d+(?:st|nd|rd|th)")
_SPELLED_OUT = re.compile(r"a[ae]+|oe+|ue+")
_ARABIC_ARTICLE = "ال"
_LONG_VOWELS = re.compile(r"ou|oo|uu")
_READABLE = (range(0x0370, 0x0530), range(0x3040, 0x3100))
"""Greek, Cyrillic and kana: scripts of letters, which have one reading. Han has many, so none."""


@lru_cache(maxsize=50_000)
def name_words(text: str, *, is_family: bool = False) -> tuple[str, ...]:
    """Folded words of a name, each in the spelling that all its usual spellings have in common.

    Args:
        text: a whole name or a part of one.
        is_family: whether it is a family name, in which a particle may stand first; as the first
            word of a whole name it may be a given name (`Di`, `Le`).

    Umlauts spelled out become the plain letter (`mueller`, `muller`), which also joins names that
    were never written with one (`manuel`, `manul`): harmless, as both sides are treated alike. A
    word that would leave nothing is kept, so that a person named `De` still has a name.

    Why again until nothing changes: words that are joined can be a particle (`de l`), or a spelling
    habit (`la a`). The result is stable: its words have themselves as words.
    """
    said = list(words(text))
    while (named := _named(said, is_family)) != said:
        said = named
    return tuple(said)


def _named(said: Sequence[str], is_family: bool) -> list[str]:
    spelled = [_without_ending(word) for word in said]
    named = [word for word in map(spell, spelled) if word and word not in _TITLES]
    return _joined(_without_particles(named), is_family)


def spell(word: str) -> str:
    """Give a folded word the spelling under which umlauts spelled out and plain ones are equal."""
    return _SPELLED_OUT.sub(_first_letter, word)


@lru_cache(maxsize=50_000)
def sound(word: str) -> str:
    """How a word sounds, roughly: its first letter and the next consonants, like sounds as one.

    For block keys: slips in vowels, doubled letters and spelling by ear leave it as it is. Words of
    other scripts than Latin give their first letters.
    """
    if not word.isascii():
        return word[:_SOUND_LENGTH]
    alike = word.translate(_LIKE_SOUNDS)
    kept = alike[:1]
    for letter in alike[1:]:
        if letter not in _SILENT and letter != kept[-1]:
            kept += letter
    return kept[:_SOUND_LENGTH]


@lru_cache(maxsize=50_000)
def reading(word: str) -> str:
    """Latin reading of a folded word in kana, Cyrillic or Greek; any other word as it is.

    Why only there: letters have one reading, within the habits folded here (`satou`, `sato`). Han
    has many, and Arabic leaves vowels out. No word has an empty reading.
    """
    if word.isascii() or not all(any(ord(x) in r for r in _READABLE) for x in word):
        return word
    return spell(_LONG_VOWELS.sub(_first_letter, anyascii(word).lower())) or word


def _first_letter(found: re.Match[str]) -> str:
    return found[0][0]


def _without_ending(word: str) -> str:
    for ending in _TITLE_ENDINGS:
        if len(word) > len(ending) and word.endswith(ending):
            return word.removesuffix(ending)
    if word.startswith(_ARABIC_ARTICLE) and len(word) > len(_ARABIC_ARTICLE) + 2:
        return word.removeprefix(_ARABIC_ARTICLE)
    return "" if word in _TITLE_ENDINGS else word


def _without_particles(named: list[str]) -> list[str]:
    kept = [w for w in named if w not in _DROPPED_PARTICLES and not _ORDINAL.fullmatch(w)]
    return kept or named


def _joined(named: list[str], is_family: bool) -> list[str]:
    """Join a particle to the word that follows; one at the end stands for itself."""
    joined: list[str] = []
    prefix = ""
    for word in named:
        if word in _JOINED_PARTICLES and (joined or is_family):
            prefix += word
        else:
            joined.append(prefix + word)
            prefix = ""
    return [*joined, prefix] if prefix else joined
