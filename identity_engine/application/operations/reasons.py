"""The one rule of reasons: what joins, parts, moves, gives away or takes away contacts, identifiers and
links needs one, and so does taking that back; elsewhere one may be given. One that is given says
something. It is personal."""

from aggregates.contact import ReasonPersonal
from identity_engine.application.input_text import checked_text

WHAT = "The reason"


def needed(reason: str) -> str:
    """Return the reason of what needs one.

    Raises:
        UsageError: it is empty, too long, or has control characters.
    """
    return checked_text(reason, WHAT)


def if_given(reason: str | None) -> str | None:
    """Return the reason of what needs none, None where none is given.

    Raises:
        UsageError: it is given and empty, too long, or has control characters.
    """
    return None if reason is None else needed(reason)


def said(reason: str | None) -> ReasonPersonal | None:
    """Return a person's words as a fact holds them."""
    return None if reason is None else ReasonPersonal(reason=reason)
