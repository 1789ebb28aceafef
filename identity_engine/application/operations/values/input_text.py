"""What people type, checked as the envelope checks it; a fault names no value."""

from typing import Any

from pydantic import TypeAdapter, ValidationError

from identity_engine.errors import UsageError
from identity_engine.ingestion.wire.interaction import Id, IdentifierValue, Name, Text

NAME: TypeAdapter[str] = TypeAdapter(Name)
ID: TypeAdapter[str] = TypeAdapter(Id)
VALUE: TypeAdapter[str] = TypeAdapter(IdentifierValue)
TEXT: TypeAdapter[str] = TypeAdapter(Text)

FAULTS: dict[int, str] = {
    id(NAME): "starts with a lower-case letter and has up to 64 of a-z, 0-9 and _ . -",
    id(ID): "has 1 to 256 visible characters",
    id(VALUE): "has 1 to 512 characters, none of them a control character",
    id(TEXT): "has up to 4096 characters, none of them a control character but tab and line end",
}


def checked(kind: TypeAdapter[str], given: Any, what: str) -> str:
    """Return a text without the space around it, if it has the form of its kind.

    Args:
        kind: NAME, ID, VALUE or TEXT.
        given: as a person typed it.
        what: what it is, as the fault calls it, such as `The type of an identifier`.

    Raises:
        UsageError: it has not; the message says which form is needed.
    """
    try:
        return kind.validate_python(given.strip() if isinstance(given, str) else given, strict=True)
    except ValidationError:
        raise UsageError(f"{what} {FAULTS[id(kind)]}.") from None


def checked_text(given: str, what: str) -> str:
    """Return a text that says something.

    Raises:
        UsageError: it is empty, too long, or has control characters.
    """
    text = checked(TEXT, given, what)
    if not text:
        raise UsageError(f"{what} is empty.")
    return text
