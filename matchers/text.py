"""Folding of text, so that two spellings of one value compare equal.

Latin letters lose case and accents, katakana becomes hiragana, variant kanji become the common
form, Arabic loses vowel marks and the forms of its letters, and digits of every script are the ones
that dates and numbers are read in. Everything else keeps its native form: a transliteration would make
different people equal. Words of names have `matchers.name_words`.
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
_ARABIC_AND_CYRILLIC = str.maketrans(
    {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "ؤ": "و"}
    | {"ئ": "ي", "ـ": None, "ё": "е"}
)
"""Letters that writers use for one another: forms of alef, yeh, kaf and waw, the stretching mark,
and the Russian letter that is mostly printed without its dots."""
_MARKS = frozenset(
    (
        *range(0x0300, 0x0370),
        *range(0x064B, 0x0653),
        *range(0x1AB0, 0x1B00),
        *range(0x1DC0, 0x1E00),
        *range(0x20D0, 0x2100),
        *range(0xFE00, 0xFE10),
        *range(0xFE20, 0xFE30),
        *range(0xE0100, 0xE01F0),
    )
)
"""Marks that leave the letter what it is where Unicode composes no letter of the two: accents of no one
script, Arabic vowels, and selectors of a variant of form."""
_LENGTH_MARK = "ー"
_JOINING_MARKS = "'’‘`´ʼ"
_ASCII_WORDS = {ord(mark): None for mark in _JOINING_MARKS} | {
    code: " " for code in range(128) if not chr(code).isalnum() and chr(code) not in _JOINING_MARKS
}


class _Letters(dict[int, str]):
    """A letter -> what it is folded to, found out when it first comes: one look-up for each letter."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _folded(chr(code))
        return folded


def _folded(letter: str) -> str:
    if letter.isascii():
        return letter
    if letter.isdecimal():
        return str(unicodedata.decimal(letter))
    if ord(letter) in _MARKS or unicodedata.category(letter) in ("Cc", "Cf", "Cs"):
        return ""
    base = unicodedata.normalize("NFD", letter)[0]
    plain = base if base.isascii() else letter
    plain = plain.translate(_LATIN_LETTERS).translate(_KATAKANA_TO_HIRAGANA)
    return plain.translate(_VARIANT_KANJI).translate(_ARABIC_AND_CYRILLIC)


_LETTERS = _Letters()


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
    return " ".join(composed.translate(_LETTERS).split())


@lru_cache(maxsize=20_000)
def words(text: str) -> tuple[str, ...]:
    """Folded words of a text: letters, marks and digits; the rest separates, apostrophes join.

    Cached: names and places come again and again.
    """
    folded = fold(text).translate(_ASCII_WORDS)
    if folded.isascii():
        return tuple(folded.split())
    split = "".join(map(_letter_or_space, folded)).split()
    return tuple(word for word in map(_from_first_letter, split) if word)


def _from_first_letter(word: str) -> str:
    """Leave away marks that stand on nothing: joined to another word they would change its letter, and
    a length mark alone is a dash, which has no reading."""
    while word and (word[0] == _LENGTH_MARK or unicodedata.category(word[0])[0] == "M"):
        word = word[1:]
    return word


def _letter_or_space(letter: str) -> str:
    return letter if letter.isalnum() or unicodedata.category(letter)[0] == "M" else " "
