"""The verb search: contacts by words."""

from collections.abc import Sequence
from typing import Annotated, Literal

from cyclopts import Parameter

from identity_engine.application.operations.reading import LIVE, LIVE_STAGES
from identity_engine.cli.opening import opened
from identity_engine.cli.options import Json, Store, at_most
from identity_engine.cli.terminal.output import (
    answer_rows,
)

Stage = Literal["ephemeral", "identified", "curated"]
Presence = Literal["live", "expired", "deleted"]


def search(
    text: Annotated[Sequence[str], Parameter(help="Words, or parts of words.")],
    *,
    store: Store = None,
    field: str | None = None,
    stage: Sequence[Stage] = (),
    presence: Sequence[Presence] = (),
    limit: Annotated[int, at_most("whole matches first")] = 20,
    json: Json = False,
) -> None:
    """Find contacts in which every word occurs.

    Parameters
    ----------
    field
        Look in this field or identifier type only, for example family_name or phone; note: in notes.
    stage
        Show contacts of this stage only; may be given several times.
    presence
        Show live contacts (the default), expired or deleted ones; may be given several times.
    """
    with opened(store) as engine:
        found = engine.search(
            " ".join(text),
            field=field,
            stages=stage or LIVE_STAGES,
            presences=presence or LIVE,
            limit=limit,
        )
    answer_rows(
        found,
        ("contact", "stage", "matched"),
        lambda one: (
            one.contact_id,
            one.stage if one.presence == "live" else f"{one.stage}, {one.presence}",
            ", ".join(f"{name}: {text}" for name, text in one.matched),
        ),
        none="Nothing found.",
        json=json,
    )
