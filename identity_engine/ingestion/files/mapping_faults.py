"""What is wrong with a mapping of CSV columns, each fault as a sentence with its fix."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

_SENTENCES: Final = {
    "missing": "The field is required; add it.",
    "extra_forbidden": "The field is not known here; remove it.",
    "string_type": "The value is no text; write it in quotes.",
    "string_too_short": "The text is empty; write something.",
    "string_too_long": "The text is too long; shorten it.",
    "bool_type": "The value is neither true nor false; write one of them.",
    "tuple_type": "The value is no list; write [...].",
    "dict_type": "The value is no object; write {...}.",
    "model_type": "The value is no object; write {...}.",
}
_IN_A_NAME: Final = "A name is a lower-case letter and then at most 63 of a-z, 0-9, _ . -"
_HIDDEN: Final = "The text has a control or invisible character; remove it."
_NO_COLUMN: Final = "The value is no column; write its name in quotes, or an object."
_TEXT, _FIXED = "constrained-str", "Fixed"
_WAYS: Final = (_TEXT, _FIXED, "Column", "TimeColumn")
"""How validation names the ways to write a value: a text, a fixed value, a column."""
_AT: Final = re.compile(r"line \d+ column \d+")


def sentences(refused: ValidationError, text: bytes) -> list[str]:
    """Return each fault that validation found in a mapping file: its place, and a sentence."""
    errors = refused.errors(include_url=False, include_input=False)
    if errors[0]["type"] == "json_invalid":
        at = _AT.search(errors[0]["msg"])
        return [f"It is no valid JSON{f' at {at[0]}' if at else ''}."]
    said = [f"{place}: {one}" if place else one for place, one in _told(errors, json.loads(text))]
    return list(dict.fromkeys(said))


def _told(errors: list[ErrorDetails], document: Any) -> Iterator[tuple[str, str]]:
    """Yield place and sentence of each fault; of a value that may be written in several ways, of the
    way that was meant."""
    ways = {error["loc"][:2] for error in errors if _way(error) is not None}
    for error in errors:
        way, field = _way(error), error["loc"][0] if error["loc"] else ""
        if way is None:
            yield _place(error), _sentence(error)
        elif not isinstance(given := document[field], str | dict):
            yield str(field), _NO_COLUMN
        elif way in _meant(given, has_fixed=(field, _FIXED) in ways):
            yield _place(error), _sentence(error)


def _way(error: ErrorDetails) -> str | None:
    steps = error["loc"]
    is_choice = len(steps) > 1 and steps[0] not in ("identifiers", "profile", "attributes")
    return str(steps[1]) if is_choice and steps[1] in _WAYS else None


def _meant(given: str | dict[str, Any], *, has_fixed: bool) -> Sequence[str]:
    if isinstance(given, str):
        return (_TEXT,)
    is_fixed = has_fixed and "value" in given and "column" not in given
    return (_FIXED,) if is_fixed else _WAYS[2:]


def _place(error: ErrorDetails) -> str:
    steps = error["loc"]
    if _way(error) is not None:
        steps = (steps[0], *steps[2:])
    return ".".join(str(step) for step in steps if step != "[key]")


def _sentence(error: ErrorDetails) -> str:
    what = error["type"]
    if what == "value_error":
        said = error["msg"].removeprefix("Value error, ")
        return f"{said[0].upper()}{said[1:]}."
    if what == "literal_error":
        return f"The value is not known; write {error['ctx']['expected']}."
    if what == "string_pattern_mismatch":
        return _IN_A_NAME if error["loc"][-1] in ("type", "[key]") else _HIDDEN
    return _SENTENCES.get(what, f"{error['msg']}.")
