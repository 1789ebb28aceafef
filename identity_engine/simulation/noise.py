"""Slips of people who type: fingers, ears and the Japanese input method."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from .chance import pick
from .languages import Language

_ROWS = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")


def misspelled(text: str, language: Language, random: Random) -> str:
    """The text with one slip in it; a text of fewer than three letters only by ear or by kanji.

    The first letter is spared, as people mostly do.
    """
    if others := language.homophones.get(text):
        return pick(random, others)
    if len(text) < 3 or not text.isascii():
        return _by_ear(text, language, random) or (_dropped(text, random) if text[2:] else text)
    if random.random() < 0.3 and (heard := _by_ear(text, language, random)):
        return heard
    return pick(random, _SLIPS)(text, random)


def _by_ear(text: str, language: Language, random: Random) -> str | None:
    fitting = [pair for pair in language.phonetic if pair[0] in text[1:]]
    if not fitting:
        return None
    heard, written = pick(random, fitting)
    return text[0] + text[1:].replace(heard, written, 1)


def _neighbour_key(text: str, random: Random) -> str:
    at = _somewhere(text, random)
    near = _NEIGHBOURS.get(text[at].lower())
    return text[:at] + pick(random, near) + text[at + 1 :] if near else _dropped(text, random)


def _swapped(text: str, random: Random) -> str:
    at = min(_somewhere(text, random), len(text) - 2)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _dropped(text: str, random: Random) -> str:
    at = _somewhere(text, random)
    return text[:at] + text[at + 1 :]


def _doubled(text: str, random: Random) -> str:
    at = _somewhere(text, random)
    return text[:at] + text[at] + text[at:]


def _somewhere(text: str, random: Random) -> int:
    return 1 + int(random.random() * (len(text) - 1))


_NEIGHBOURS = {
    key: row[max(0, at - 1) : at] + row[at + 1 : at + 2]
    for row in _ROWS
    for at, key in enumerate(row)
}
_SLIPS: tuple[Callable[[str, Random], str], ...] = (_neighbour_key, _swapped, _dropped, _doubled)
