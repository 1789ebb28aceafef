"""Verbs that ask about a contact: contact show|history|why|how|duplicates|lineage."""

from collections.abc import Iterable, Iterator
from typing import Annotated

from cyclopts import Parameter

from identity_engine.application.explanation.sentences import sentences_in
from identity_engine.application.explanation.waterfall import Part
from identity_engine.application.operations.reading import Lineage
from identity_engine.cli.contact.profile import show_profile
from identity_engine.cli.opening import opened
from identity_engine.cli.options import AsOf, ContactId, Json, Lang, Store, at_most
from identity_engine.cli.terminal.output import (
    answer,
    answer_rows,
    language,
    show,
    timestamp,
)
from identity_engine.cli.terminal.waterfall import show_explanations, show_steps

AnyId = Annotated[str, Parameter(name="ID", help="A contact's or an interaction's id.")]


def show_(id_: ContactId, *, store: Store = None, as_of: AsOf = None, json: Json = False) -> None:
    """Show the single view of a contact: its values, identifiers and interactions."""
    with opened(store) as engine:
        profile = engine.profile(id_, as_of)
    answer(profile, show_profile, json=json)


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


def why(id_: AnyId, *, store: Store = None, lang: Lang = None, json: Json = False) -> None:
    """Say why an interaction belongs to its contact; of a contact, why it has what it has.

    Of a contact every link is explained, every merge in force, and who entered it by hand.
    """
    with opened(store) as engine:
        explanations = engine.why(id_, language(lang))
    say = sentences_in(language(lang))
    answer(explanations, lambda found: show_explanations(found, say), json=json)


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


def duplicates(
    id_: ContactId,
    *,
    store: Store = None,
    limit: Annotated[int, at_most("the most likely first")] = 10,
    json: Json = False,
) -> None:
    """Show who may be the same person as a contact, and on what evidence."""
    with opened(store) as engine:
        found = engine.desk.reading.duplicates(id_, limit)
    answer_rows(
        found,
        ("contact", "stage", "bits", "values in common", "alike in"),
        lambda one: (
            one.contact_id,
            one.stage,
            one.bits,
            ", ".join(v.identifier_class + " (shared)" * v.shared for v in one.in_common),
            ", ".join(f"{name} {bits:+.1f}" for name, bits in _alike_in(one.parts)),
        ),
        none="Nobody known is likely to be the same person.",
        json=json,
    )


def _alike_in(parts: Iterable[Part]) -> Iterator[tuple[str, float]]:
    """Yield what speaks for two contacts, each comparison once: its rarity is added to its level."""
    bits: dict[str, float] = {}
    for part in parts:
        bits[part.name] = bits.get(part.name, 0.0) + part.bits
    return ((name, weight) for name, weight in bits.items() if weight > 0)


def lineage(
    id_: Annotated[str, Parameter(name="ID", help="Any id that was ever issued.")],
    *,
    store: Store = None,
    json: Json = False,
) -> None:
    """Show which ids a contact was merged with: when, by whom, and when that was undone."""
    with opened(store) as engine:
        found = engine.desk.reading.lineage(id_)
    answer(found, _show_lineage, json=json)


def _show_lineage(found: Lineage) -> None:
    show(f"{found.asked} is answered by {found.contact_id}, members: {len(found.members)}.")
    for edge in found.merges:
        show()
        show(f"Merge {edge.merge_id}", "bold")
        show(f"  {edge.one} and {edge.other}")
        show(f"  merged {timestamp(edge.made_at)} by {edge.made_by}")
        if edge.undone_at is not None:
            show(f"  undone {timestamp(edge.undone_at)} by {edge.undone_by}")
