"""Folding of text, so that two spellings of one value compare equal.

Latin letters lose case and accents, katakana becomes hiragana, variant kanji become the common
form. Everything else keeps its native form: a transliteration would make different people equal.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_LATIN_LETTERS = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}
)
_KATAKANA_TO_HIRAGANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
_VARIANT_KANJI = str.maketrans(
    "髙﨑邊邉齋齊斎澤濵濱櫻廣國眞惠嶋嶌龍藏瀧﨟桒冨淵渕德榮壽實條礒",
    "高崎辺辺斉斉斉沢浜浜桜広国真恵島島竜蔵滝﨟桑富渕渕徳栄寿実条磯",
)
_JOINING_MARKS = "'’‘`´ʼ"
_ASCII_WORDS = {ord(mark): None for mark in _JOINING_MARKS} | {
    code: " " for code in range(128) if not chr(code).isalnum() and chr(code) not in _JOINING_MARKS
}


def fold(text: str) -> str:
    """Fold one value to the form in which it is compared.

    Why NFKC twice: casefolding can undo the composition (for example of U+0345).
    The result is stable: folding a folded text changes nothing.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    return _fold_unicode(text)


@lru_cache(maxsize=20_000)
def _fold_unicode(text: str) -> str:
    folded = _fold_once(text)
    while (again := _fold_once(folded)) != folded:
        folded = again
    return folded


def _fold_once(text: str) -> str:
    composed = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    plain = "".join(map(_without_accents, composed))
    plain = plain.translate(_LATIN_LETTERS).translate(_KATAKANA_TO_HIRAGANA)
    return " ".join(plain.translate(_VARIANT_KANJI).split())


def _without_accents(letter: str) -> str:
    if letter.isascii():
        return letter
    if unicodedata.category(letter) in ("Cc", "Cf", "Cs"):
        return ""
    base = unicodedata.normalize("NFD", letter)[0]
    return base if base.isascii() else letter


@lru_cache(maxsize=20_000)
def words(text: str) -> tuple[str, ...]:
    """Folded words of a text: letters, marks and digits; the rest separates, apostrophes join.

    Cached: names and places come again and again.
    """
    folded = fold(text).translate(_ASCII_WORDS)
    if not folded.isascii():
        folded = "".join(map(_letter_or_space, folded))
    return tuple(folded.split())


def _letter_or_space(letter: str) -> str:
    if letter.isalnum() or unicodedata.category(letter)[0] == "M":
        return letter
    return letter if letter == "ー" else " "


_TITLES = frozenset(
    (
        *("mr", "mrs", "ms", "miss", "mx", "dr", "prof", "rev", "esq"),
        *("sir", "dame", "lord", "lady", "baronet", "madam"),
        *("herr", "frau", "fraulein", "mme", "mlle", "monsieur", "madame", "mademoiselle"),
    )
)
_TITLE_ENDINGS = ("様", "さま", "さん", "氏", "殿")


def name_words(text: str) -> tuple[str, ...]:
    """Folded words of a name without forms of address, which say nothing about who it is."""
    if not text:
        return ()
    named = (_without_ending(word) for word in words(text) if word not in _TITLES)
    return tuple(filter(None, named))


def _without_ending(word: str) -> str:
    for ending in _TITLE_ENDINGS:
        if word.endswith(ending):
            return word.removesuffix(ending)
    return word
