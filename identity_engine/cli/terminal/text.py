"""Text from outside, made harmless for a terminal: nothing in it can move the cursor or feign a line."""

import re

LINE_END = "⏎"
"""Stands for the end of a line within a value."""
UNSHOWN = "\N{REPLACEMENT CHARACTER}"
"""Stands for a character that a terminal would obey, or that cannot be written."""
_LINE_ENDS = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_OBEYED = re.compile("[\0-\x08\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but the tab, characters that turn the direction of what follows, and halves of
surrogate pairs."""
_HALVES = re.compile("[\ud800-\udfff]")


def is_text(text: str) -> bool:
    """Tell whether a text has characters only, and no halves of them."""
    return _HALVES.search(text) is None


def on_one_line(text: str) -> str:
    """Return a text as it may stand on one line of a terminal.

    Ends of lines and characters that a terminal would obey are shown as signs; all else stays.
    """
    return _OBEYED.sub(UNSHOWN, _LINE_ENDS.sub(LINE_END, text))
