"""What explanations say, in words: one file of templates for each language, under the same keys.

A template holds placeholders for ids, rules, levels and bits, never for a value of a person.
"""

from functools import cache
from importlib import resources
from typing import Literal, get_args

import orjson

from identity_engine.application.input_text import checked_words

Language = Literal["en", "fr", "de", "ja"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
DEFAULT: Language = "en"


class Sentences:
    """The templates of one language.

    Args:
        templates: key -> text with placeholders in braces.
    """

    def __init__(self, templates: dict[str, str]) -> None:
        self.templates = templates

    def say(self, key: str, **values: str | float) -> str:
        """Return a sentence, filled in; a float is shown with one decimal, as the language writes it.

        Raises:
            KeyError: there is no such template.
        """
        told = {
            name: self.number(value) if isinstance(value, float) else value
            for name, value in values.items()
        }
        return self.templates[key].format(**told)

    def number(self, value: float, form: str = ".1f") -> str:
        """Return a number as the language writes it."""
        return format(value, form).replace(".", self.templates["decimal_sign"])

    def joined(self, *sentences: str) -> str:
        """Return sentences one after the other, with a space where the language writes one."""
        return self.templates["between_sentences"].join(sentences)

    def knows(self, key: str) -> bool:
        """Tell whether there is a template under a key."""
        return key in self.templates

    def part(self, prefix: str) -> dict[str, str]:
        """Return the templates under `prefix.`, by the rest of their keys."""
        return {
            key.removeprefix(f"{prefix}."): text
            for key, text in self.templates.items()
            if key.startswith(f"{prefix}.")
        }


@cache
def sentences_in(language: Language = DEFAULT) -> Sentences:
    """Return the templates of a language.

    Raises:
        UsageError: there are none.
    """
    checked_words([language], LANGUAGES, "language")
    content = resources.files(__name__).joinpath(f"{language}.json").read_bytes()
    return Sentences(orjson.loads(content))


def language_of(locale: str | None) -> Language:
    """Return the language of a locale such as `de_CH.UTF-8`, English where there are no sentences."""
    code = (locale or "").partition("_")[0].partition(".")[0].lower()
    return next((language for language in LANGUAGES if language == code), DEFAULT)
