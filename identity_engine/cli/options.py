"""Parameters that verbs share, so that they are named, told and checked in one way."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from cyclopts import Parameter, Token
from cyclopts.validators import Number

from identity_engine.application.as_of import moment_of
from identity_engine.application.explanation.sentences import Language


def typed_moment(_: object, tokens: Sequence[Token]) -> datetime:
    """Return a moment that is written down, as an option of the command line gives it.

    Raises:
        UsageError: it is no time, or has no offset.
    """
    return moment_of(tokens[0].value, tokens[0].keyword or "It")


ContactId = Annotated[str, Parameter(name="ID", help="The contact's id.")]
InteractionId = Annotated[str, Parameter(name="ID", help="The interaction's id.")]
Store = Annotated[
    str | None,
    Parameter(
        name="--store",
        help="A folder, sqlite:///FOLDER or postgresql://...; "
        "default: IDENTITY_ENGINE_STORE, else the user's own.",
    ),
]
Json = Annotated[bool, Parameter(name="--json", negative="", help="Answer with one JSON document.")]
WHY = Parameter(name="--reason", help="Why, in your words, for the audit.")
Reason = Annotated[str, WHY]
MaybeReason = Annotated[str | None, WHY]
AsOf = Annotated[
    str | None,
    Parameter(name="--as-of", help="What was known then: an ISO 8601 time, or pos:N."),
]
NoStore = Annotated[str | None, Parameter(name="--store", show=False)]
"""Of a verb that uses no store: it is taken, because `--store` may stand before every verb."""
DryRun = Annotated[
    bool, Parameter(name="--dry-run", negative="", help="Say what would be done; write nothing.")
]
NewDivision = Annotated[
    bool,
    Parameter(
        name="--new-division", negative="", help="Take a division too that nothing knows yet."
    ),
]


def at_most(order: str | None = None) -> Parameter:
    """Return what says of a number that it limits the rows, `order` which rows come first."""
    said = "Show at most this many" + (f", {order}." if order else ".")
    return Parameter(name="--limit", validator=Number(gte=1), help=said)


Limit = Annotated[int, at_most()]
EffectiveAt = Annotated[
    datetime | None,
    Parameter(
        name="--effective-at",
        converter=typed_moment,
        help="Since when it is true, with its offset: 2026-01-31T12:00:00Z; default: now.",
    ),
]
Lang = Annotated[
    Language | None,
    Parameter(name="--lang", help="Language of the sentences; default: that of LANG, else en."),
]
