"""What people type, checked as the envelope checks it; a fault names no value."""

from collections.abc import Collection, Iterable
from typing import Annotated, Any

from pydantic import StringConstraints, TypeAdapter, ValidationError

from aggregates.values import Id
from identity_engine.errors import UsageError
from identity_engine.ingestion.wire.interaction import (
    MANY_LINES,
    ONE_LINE,
    IdentifierValue,
    Name,
    Text,
)

NAME: TypeAdapter[str] = TypeAdapter(Name)
ID: TypeAdapter[str] = TypeAdapter(Id)
VALUE: TypeAdapter[str] = TypeAdapter(IdentifierValue)
LINE: TypeAdapter[str] = TypeAdapter(
    Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=ONE_LINE)]
)
TEXT: TypeAdapter[str] = TypeAdapter(Text)
LONG_TEXT: TypeAdapter[str] = TypeAdapter(
    Annotated[str, StringConstraints(max_length=100_000, pattern=MANY_LINES)]
)
"""What a case takes: a mail, and what is written about one."""

FAULTS: dict[int, str] = {
    id(NAME): "starts with a lower-case letter and has up to 64 of a-z, 0-9 and _ . -",
    id(ID): "has 1 to 256 visible characters",
    id(VALUE): "has 1 to 512 characters, none of them a control character",
    id(LINE): "is one line of 1 to 500 characters, none of them a control character",
    id(
        LONG_TEXT
    ): "has up to 100000 characters, none of them a control character but tab and line end",
    id(TEXT): "has up to 4096 characters, none of them a control character but tab and line end",
}


def checked(kind: TypeAdapter[str], given: Any, what: str) -> str:
    """Return a text without the space around it, if it has the form of its kind.

    Args:
        kind: NAME, ID, VALUE, LINE, TEXT or LONG_TEXT.
        given: as a person typed it.
        what: what it is, as the fault calls it, such as `The type of an identifier`.

    Raises:
        UsageError: it has not; the message says which form is needed.
    """
    try:
        return kind.validate_python(given.strip() if isinstance(given, str) else given, strict=True)
    except ValidationError:
        raise UsageError(f"{what} {FAULTS[id(kind)]}.") from None


def checked_words(given: Collection[str], known: Iterable[str], what: str) -> None:
    """Refuse words of which one stands for nothing.

    Args:
        given: as a caller wrote them.
        known: those that stand for something.
        what: what one is, such as `stage`.

    Raises:
        UsageError: one is none of those; the message lists them.
    """
    known = list(known)
    unknown = [str(one) for one in given if one not in known]
    if unknown:
        raise UsageError(
            f"There is no {what} {', '.join(unknown)}. Choose one of {', '.join(known)}."
        )


def checked_text(given: str, what: str, kind: TypeAdapter[str] = TEXT) -> str:
    """Return a text that says something, without the space around it.

    Raises:
        UsageError: it is empty, too long, or has control characters.
    """
    text = checked(kind, given, what)
    if not text:
        raise UsageError(f"{what} is empty.")
    return text
