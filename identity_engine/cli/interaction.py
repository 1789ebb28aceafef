"""Verbs of interactions: interaction show|list|card|link|unlink|create-contact|waiting."""

from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter

from identity_engine.application.operations.interactions.conversations import Card
from identity_engine.application.operations.interactions.linking import Identifiers
from identity_engine.cli.group import group
from identity_engine.cli.opening import opened
from identity_engine.cli.options import (
    DryRun,
    EffectiveAt,
    InteractionId,
    Json,
    Limit,
    Reason,
    Store,
)
from identity_engine.cli.terminal.output import (
    answer,
    answer_rows,
    show,
    show_done,
    show_table,
    timestamp,
)
from identity_engine.cli.usage import not_both
from projections.journey.query import InteractionView

WITHOUT_CARD = {
    "not_enabled": "No card: the administrator has not enabled cards (settings, conversations.card).",
    "no_contact": "No card: the interaction belongs to no contact.",
}
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
Own = Annotated[
    bool,
    Parameter(negative="", help="Only what the actor accepted or was given; needs less rights."),
]


def show_(id_: InteractionId, *, own: Own = False, store: Store = None, json: Json = False) -> None:
    """Show an interaction and how it went on."""
    with opened(store) as engine:
        desk = engine.desk.conversations
        found = desk.show_own(id_) if own else desk.show(id_)
    answer(found, _show, json=json)


def list_(
    *,
    own: Own = False,
    all: Annotated[bool, Parameter(negative="", help="Of all divisions.")] = False,  # noqa: A002
    store: Store = None,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """List interactions of the divisions that the actor sees, the newest first."""
    not_both(own=own, all=all)
    with opened(store) as engine:
        desk = engine.desk.conversations
        listed = desk.own if own else desk.everywhere if all else desk.in_divisions
        found = listed(limit)
    answer(found, _show_list, json=json)


def card(id_: InteractionId, *, store: Store = None, json: Json = False) -> int:
    """Show the customer card of an interaction: it, its contact, and what else the contact has.

    Exit code 1 if there is none, because cards are not enabled or the interaction has no contact.
    """
    with opened(store) as engine:
        found = engine.desk.conversations.card(id_)
    answer(found, _show_card, json=json)
    return 0 if found.reason is None else 1


def _show_card(found: Card) -> None:
    if found.reason is not None:
        show(WITHOUT_CARD[found.reason])
        return
    assert found.current is not None
    show("Current interaction", "bold")
    _show(found.current)
    show()
    show("Related interactions", "bold")
    _show_list(found.related)


def _show(found: InteractionView) -> None:
    show(f"Interaction {found.interaction_id} ({found.source} {found.id})")
    agent = f", with {found.agent}" if found.agent is not None else ""
    show(f"{found.channel}, {found.direction}, {timestamp(found.time)}, {found.state}{agent}")
    show(f"contact {found.contact_id}" if found.contact_id else "belongs to no contact")
    if found.changes:
        show_table(
            ("time", "change", "agent", "to"),
            [
                (timestamp(one.time), one.kind, one.agent, one.to_agent or one.to_queue)
                for one in found.changes
            ],
            none="",
        )


def _show_list(found: Sequence[InteractionView]) -> None:
    show_table(
        ("interaction", "channel", "time", "state", "agent", "contact"),
        [
            (
                one.interaction_id,
                one.channel,
                timestamp(one.time),
                one.state,
                one.agent,
                one.contact_id,
            )
            for one in found
        ],
        none="There are no interactions to show.",
    )


def link(
    id_: InteractionId,
    contact_id: Annotated[str, Parameter(name="CONTACT", help="The right contact's id.")],
    *,
    reason: Reason,
    identifiers: Choice = "keep",
    tell_apart: Apart = False,
    effective_at: EffectiveAt = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Give an interaction to a contact for good, and remember whom it was taken from."""
    with opened(store) as engine:
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


def unlink(
    id_: InteractionId,
    *,
    reason: Reason,
    effective_at: EffectiveAt = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Take an interaction from its contact; it belongs to nobody and waits for a person."""
    with opened(store) as engine:
        done = engine.desk.interactions.unlink(
            id_, reason=reason, effective_at=effective_at, dry_run=dry_run
        )
    show_done(done, f"{id_} belongs to nobody", json=json)


def create_contact(
    id_: InteractionId,
    *,
    reason: Reason,
    identifiers: Choice = "keep",
    tell_apart: Apart = False,
    effective_at: EffectiveAt = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Give an interaction to a new, curated contact."""
    with opened(store) as engine:
        done = engine.desk.interactions.create_contact(
            id_,
            reason=reason,
            identifiers=identifiers,
            tell_apart=tell_apart,
            effective_at=effective_at,
            dry_run=dry_run,
        )
    whose = f"its own contact {done.contact_id}"
    if "contact.created" in done.written:
        # A dry run makes none, so that there is no id yet that anyone could use.
        whose = f"the new contact {done.contact_id}" if done.position else "a new contact"
    show_done(done, f"{id_} belongs to {whose}", json=json)


def waiting(*, store: Store = None, limit: Limit = 100, json: Json = False) -> None:
    """List changes that came before their interaction and wait for it, the oldest first."""
    with opened(store) as engine:
        found = engine.desk.interactions.waiting(limit)
    answer_rows(
        found,
        ("change", "id", "waits for", "of source", "time", "received"),
        lambda one: (
            one.change,
            one.id,
            one.interaction,
            one.interaction_source,
            timestamp(one.time),
            timestamp(one.received_at),
        ),
        none="No change waits for its interaction.",
        json=json,
    )


interaction = group(
    "interaction",
    "Show interactions, and correct whom they belong to.",
    show_,
    list_,
    card,
    link,
    unlink,
    create_contact,
    waiting,
)
