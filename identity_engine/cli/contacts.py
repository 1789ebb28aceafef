"""Verbs that ask about contacts: contact show|history|why|how, why-not, search, review, export."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from identity_engine.application.explanation.sentences import sentences_in
from identity_engine.application.operations.reading import LIVE, LIVE_STAGES
from identity_engine.cli.opening import opened
from identity_engine.cli.options import AsOf, ContactId, Json, Lang, Limit, Store, at_most
from identity_engine.cli.output import (
    answer,
    answer_rows,
    counted,
    counting,
    day,
    language,
    show,
    show_table,
    timestamp,
)
from identity_engine.cli.waterfall import show_explanations, show_steps, show_why_not
from matchers.scoring import MILLIBITS
from projections.profile.query import HeldClaim, Profile

contact = App(
    name="contact", help="Contacts: show, explain, enter, change, merge, part, take away."
)
review = App(name="review", help="What waits for a person's decision, and what the rules refuse.")
export = App(name="export", help="Write results to files.")
Stage = Literal["ephemeral", "identified", "curated"]
Presence = Literal["live", "expired", "deleted"]
AnyId = Annotated[str, Parameter(name="ID", help="A contact's or an interaction's id.")]


@contact.command(name="show")
def show_contact(
    id_: ContactId, *, store: Store = None, as_of: AsOf = None, json: Json = False
) -> None:
    """Show the single view of a contact: its values, identifiers and interactions."""
    with opened(store) as engine:
        profile = engine.profile(id_, as_of)
    answer(profile, show_profile, json=json)


@contact.command
def history(
    id_: ContactId,
    *,
    store: Store = None,
    as_of: AsOf = None,
    lang: Lang = None,
    json: Json = False,
) -> None:
    """Show every event of a contact in the order in which it was recorded."""
    with opened(store) as engine:
        entries = engine.history(id_, as_of, language(lang))
    answer_rows(
        entries,
        ("position", "true from", "recorded", "event", "what"),
        lambda e: (
            e.position,
            timestamp(e.valid_from),
            timestamp(e.recorded_at),
            e.topic,
            e.summary,
        ),
        none="Nothing that you may see has happened.",
        json=json,
    )


@contact.command
def why(id_: AnyId, *, store: Store = None, lang: Lang = None, json: Json = False) -> None:
    """Say why an interaction belongs to its contact; of a contact, why it has what it has.

    Of a contact every link is explained, every merge in force, and who entered it by hand.
    """
    with opened(store) as engine:
        explanations = engine.why(id_, language(lang))
    say = sentences_in(language(lang))
    answer(explanations, lambda found: show_explanations(found, say), json=json)


@contact.command
def how(
    id_: ContactId,
    *,
    store: Store = None,
    as_of: AsOf = None,
    lang: Lang = None,
    json: Json = False,
) -> None:
    """Tell how a contact came to be what it is, step by step from its first event."""
    with opened(store) as engine:
        steps = engine.how(id_, as_of, language(lang))
    answer(steps, lambda steps: show_steps(steps, sentences_in(language(lang))), json=json)


def why_not(
    one: Annotated[str, Parameter(name="ONE", help="A contact's or an interaction's id.")],
    other: Annotated[str, Parameter(name="OTHER", help="Another one's id.")],
    *,
    store: Store = None,
    lang: Lang = None,
    json: Json = False,
) -> None:
    """Say why two contacts, or two interactions, are not one, and what would tip it."""
    with opened(store) as engine:
        found = engine.why_not(one, other, language(lang))
    answer(found, lambda found: show_why_not(found, sentences_in(language(lang))), json=json)


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


@review.command(name="list")
def list_(*, store: Store = None, limit: Limit = 50, json: Json = False) -> None:
    """List what a person should decide: interactions in doubt, and merges that the rules leave open.

    The most likely pairs come first.
    """
    with opened(store) as engine:
        items = engine.review(limit)
    answer_rows(
        items,
        ("bits", "kind", "interaction or contact", "proposed contact", "guard"),
        lambda one: (
            one.weight / MILLIBITS,
            one.kind,
            one.interaction_id or one.contact_id,
            one.proposed,
            one.guard or "",
        ),
        none="Nothing waits for review.",
        json=json,
    )


@review.command
def refused(
    *,
    store: Store = None,
    limit: Annotated[int, at_most("the strongest first")] = 50,
    json: Json = False,
) -> None:
    """List contacts that are strong enough to be one, and the guard that keeps them apart."""
    with opened(store) as engine:
        merges = engine.refused_merges(limit)
    answer_rows(
        merges,
        ("bits", "guard", "contact", "other contact", "by"),
        lambda one: (one.weight / MILLIBITS, one.guard, one.one, one.other, one.rule),
        none="No merge is refused.",
        json=json,
    )


@review.command
def shared(
    *,
    store: Store = None,
    limit: Annotated[int, at_most("those with most merges first")] = 100,
    json: Json = False,
) -> None:
    """List values that stopped linking by themselves, and the merges that had rested on them."""
    with opened(store) as engine:
        values = engine.shared_values(limit)
    answer_rows(
        values,
        ("identifier", "by", "people", "merges in force", "undone"),
        lambda one: (one.identifier_id, one.by, one.people, len(one.merges), len(one.undone)),
        none="No value is shared.",
        json=json,
    )


@export.command(name="links")
def links(
    *,
    out: Annotated[Path, Parameter(help="The CSV file to write.")],
    store: Store = None,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Write every link as CSV: source, interaction_id, contact_id, stage, decision, weight."""
    with opened(store) as engine, counting("replay", engine.store.head()) as add:
        count = engine.export_links(out, as_of, add)
    answer(
        {"links": count, "out": str(out)},
        lambda _: show(f"{counted(count, 'link')} written to {out}."),
        json=json,
    )


def _called(one: HeldClaim) -> str:
    return ", ".join(filter(None, (one.label, "primary" if one.primary else "")))


def show_profile(profile: Profile) -> None:
    """Write a profile for people."""
    show(f"Contact {profile.contact_id}", "bold")
    known = "" if profile.revision is None else f", revision {profile.revision}"
    since = timestamp(profile.first_seen)
    show(f"{profile.stage}, division {profile.division}, first seen {since}{known}")
    if profile.since is not None:
        show(
            f"This contact is {profile.presence} since {timestamp(profile.since)}. Its history stays."
        )
        if profile.is_restorable:
            show(f"To bring it back: contact restore {profile.contact_id}")
        elif profile.is_restorable is not None:
            show("It was gone for too long to be brought back.")
        return
    if profile.cases:
        show(f"cases {', '.join(profile.cases)}")
    if profile.fields:
        show()
        show_table(
            ("field", "value", "from", "as of", "also"),
            [
                (
                    name,
                    values[0].value,
                    values[0].origins[0].source or f"by hand, {values[0].origins[0].actor}",
                    day(values[0].origins[0].time),
                    ", ".join(other.value for other in values[1:]),
                )
                for name, values in profile.fields.items()
            ],
            none="",
        )
    if profile.identifiers:
        show()
        called = any(one.label or one.primary for one in profile.identifiers)
        show_table(
            ("identifier", "value", "verified", "held from", "until", *(["called"] * called)),
            [
                (
                    one.type,
                    one.value,
                    "yes" if one.verified else "no",
                    day(one.valid_from),
                    day(one.valid_to) if one.valid_to else ("shared" if one.shared else ""),
                    *([_called(one)] * called),
                )
                for one in profile.identifiers
            ],
            none="",
        )
    show()
    show_table(
        ("interaction", "channel", "time", "linked by", "bits"),
        [
            (
                one.interaction_id,
                one.channel,
                timestamp(one.time),
                one.decision,
                one.weight / MILLIBITS if one.weight else None,
            )
            for one in profile.interactions
        ],
        none="No interactions.",
    )
