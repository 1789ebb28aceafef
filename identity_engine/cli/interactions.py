"""Verbs of interactions: interaction link|unlink|create-contact|waiting."""

from typing import Annotated

from cyclopts import App, Parameter

from identity_engine.application.engine import Engine
from identity_engine.application.operations.linking import Identifiers
from identity_engine.cli.output import (
    DryRun,
    EffectiveAt,
    Json,
    Store,
    show,
    show_done,
    show_json,
    show_table,
)

interaction = App(name="interaction", help="Show interactions, and correct whom they belong to.")
Id = Annotated[str, Parameter(name="ID", help="The interaction's id.")]
Why = Annotated[str, Parameter(help="Why, for the audit.")]
Choice = Annotated[
    Identifiers,
    Parameter(
        name="--identifiers",
        help="The values that the wrong contact holds: it keeps them, they are transferred, or shared.",
    ),
]
Apart = Annotated[
    bool, Parameter(negative="", help="Also record that the two contacts are two people.")
]


@interaction.command
def link(
    id_: Id,
    contact_id: Annotated[str, Parameter(name="CONTACT", help="The right contact's id.")],
    *,
    reason: Why,
    identifiers: Choice = "keep",
    tell_apart: Apart = False,
    effective_at: EffectiveAt = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Give an interaction to a contact for good, and remember whom it was taken from."""
    with Engine.open(store) as engine:
        done = engine.desk.interactions.associate(
            id_,
            contact_id,
            reason=reason,
            identifiers=identifiers,
            tell_apart=tell_apart,
            effective_at=effective_at,
            dry_run=dry_run,
        )
    show_done(done, f"{id_} belongs to {done.contact_id}", json=json)


@interaction.command
def unlink(
    id_: Id,
    *,
    reason: Why,
    effective_at: EffectiveAt = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Take an interaction from its contact; it belongs to nobody and waits for a person."""
    with Engine.open(store) as engine:
        done = engine.desk.interactions.unlink(
            id_, reason=reason, effective_at=effective_at, dry_run=dry_run
        )
    show_done(done, f"{id_} belongs to nobody", json=json)


@interaction.command
def create_contact(
    id_: Id,
    *,
    reason: Why,
    identifiers: Choice = "keep",
    tell_apart: Apart = False,
    effective_at: EffectiveAt = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Give an interaction to a new, curated contact."""
    with Engine.open(store) as engine:
        done = engine.desk.interactions.create_contact(
            id_,
            reason=reason,
            identifiers=identifiers,
            tell_apart=tell_apart,
            effective_at=effective_at,
            dry_run=dry_run,
        )
    show_done(done, f"{id_} belongs to the new contact {done.contact_id}", json=json)


@interaction.command
def waiting(*, store: Store = None, limit: int = 100, json: Json = False) -> None:
    """List changes that came before their interaction and wait for it, the oldest first.

    Parameters
    ----------
    limit
        Show at most this many.
    """
    with Engine.open(store) as engine:
        found = engine.desk.interactions.waiting(limit)
    if json:
        show_json(found)
    elif not found:
        show("No change waits for its interaction.")
    else:
        show_table(
            ("change", "id", "waits for", "of source", "time", "received"),
            [
                (
                    one.change,
                    one.id,
                    one.interaction,
                    one.interaction_source,
                    one.time[:19],
                    one.received_at[:19],
                )
                for one in found
            ],
        )
