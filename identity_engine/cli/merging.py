"""Verbs about who is one with whom: contact merge, unmerge, tell-apart, duplicates and more."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Annotated, Literal

from cyclopts import App, Parameter

from identity_engine.application.explanation.waterfall import Part
from identity_engine.application.operations.merging.merge import Merged, MergePreview
from identity_engine.application.operations.merging.unmerge import Unmerged, UnmergePreview
from identity_engine.application.operations.reading import Lineage
from identity_engine.cli.contacts import show_profile
from identity_engine.cli.opening import opened
from identity_engine.cli.options import (
    ContactId,
    DryRun,
    Json,
    Lang,
    Reason,
    Store,
    at_most,
    typed_moment,
)
from identity_engine.cli.output import (
    answer,
    answer_rows,
    counted,
    language,
    show,
    show_done,
    show_table,
    timestamp,
)
from identity_engine.errors import UsageError

Ids = Annotated[Sequence[str], Parameter(name="ID", help="Two contacts or more.")]
One = Annotated[str, Parameter(name="ONE", help="A contact's id.")]
Other = Annotated[str, Parameter(name="OTHER", help="Another contact's id.")]
WhyUnlessDry = Annotated[
    str | None,
    Parameter(name="--reason", help="Why, in your words, for the audit; needed but in a dry run."),
]
Preview = Annotated[
    bool,
    Parameter(name="--dry-run", negative="", help="Show what it would make; write nothing."),
]
Token = Annotated[
    str | None,
    Parameter(name="--token", help="Of the preview: refuse if anything changed since."),
]


def add_to(contact: App) -> None:
    """Add the verbs to those about contacts."""
    contact.command(merge)
    contact.command(unmerge)
    contact.command(tell_apart, name="tell-apart")
    contact.command(lift_apart, name="lift-apart")
    contact.command(duplicates)
    contact.command(lineage)


def merge(
    ids: Ids,
    *,
    store: Store = None,
    survivor: str | None = None,
    choose: Sequence[str] = (),
    reason: WhyUnlessDry = None,
    confirm: Annotated[bool, Parameter(negative="")] = False,
    dry_run: Preview = False,
    token: Token = None,
    json: Json = False,
) -> int:
    """Let contacts be one person. Nothing moves, so it can be undone at any time.

    Parameters
    ----------
    survivor
        The contact that is to stand for the result; default: curated before identified before
        ephemeral, then the earliest.
    choose
        field=value to prefer while the merge is in force; may be given several times.
    confirm
        Merge also where several of them are curated.
    """
    choices = dict(_pair(one, "field=value") for one in choose)
    with opened(store) as engine:
        merging = engine.desk.merging
        if dry_run:
            foreseen = merging.preview(ids, survivor=survivor, choices=choices)
            answer(foreseen, _show_preview, json=json)
            return 1 if foreseen.objections else 0
        done = merging.merge(
            ids,
            survivor=survivor,
            choices=choices,
            reason=_why(reason),
            confirmed=confirm,
            token=token,
        )
    answer(done, _show_merged, json=json)
    return 0


def _show_merged(done: Merged) -> None:
    show(f"Merged: {done.done.contact_id} now stands for {counted(len(done.members), 'contact')}.")
    show(f"To undo it: contact unmerge {done.merge_id}")


def unmerge(
    merge_id: Annotated[str, Parameter(name="MERGE", help="The id of the merge.")],
    *,
    store: Store = None,
    member: str | None = None,
    reason: WhyUnlessDry = None,
    decline_told_apart: Annotated[bool, Parameter(negative="")] = False,
    move: Sequence[str] = (),
    dry_run: Preview = False,
    token: Token = None,
    lang: Lang = None,
    json: Json = False,
) -> None:
    """Undo a merge, whole or for one member: each contact has again what it had.

    Parameters
    ----------
    member
        Take only this contact out; the others stay one.
    decline_told_apart
        Do not record that they are different people, so that the rules may join them again.
    move
        position=contact: give what was written on the survivor meanwhile to this member; may be given
        several times. The preview lists the positions; all=contact gives it whatever is not named.
    """
    moved = {_position(place): target for place, target in (_pair(one, MOVE) for one in move)}
    with opened(store) as engine:
        unmerging, told_apart = engine.desk.unmerging, not decline_told_apart
        if dry_run:
            foreseen = unmerging.preview(
                merge_id, member=member, told_apart=told_apart, move=moved, language=language(lang)
            )
            answer(foreseen, _show_unmerge_preview, json=json)
            return
        done = unmerging.unmerge(
            merge_id,
            member=member,
            reason=_why(reason),
            told_apart=told_apart,
            move=moved,
            token=token,
        )
    answer(done, _show_unmerged, json=json)


def _show_unmerged(done: Unmerged) -> None:
    show(f"Undone: there are {counted(len(done.parts), 'contact')} now.")
    for part in done.parts:
        show(f"  {part}")
    if done.told_apart:
        show("They were told apart: no rule joins them again. To lift it: contact lift-apart")


def tell_apart(
    one: One,
    other: Other,
    *,
    reason: Reason,
    store: Store = None,
    until: Annotated[datetime | None, Parameter(converter=typed_moment)] = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Say that two contacts are two people, so that nothing joins them until that is lifted.

    Parameters
    ----------
    until
        The time from which it holds no longer: 2027-01-01T00:00:00Z; default: until it is lifted.
    """
    with opened(store) as engine:
        done = engine.desk.telling_apart.tell(
            one, other, reason=reason, until=until, dry_run=dry_run
        )
    show_done(done, "They are two people", json=json)


def lift_apart(
    one: One,
    other: Other,
    *,
    reason: Reason,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Let two contacts that were told apart be merged again."""
    with opened(store) as engine:
        done = engine.desk.telling_apart.lift(one, other, reason=reason, dry_run=dry_run)
    show_done(done, "They may be merged again", json=json)


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


def _show_preview(preview: MergePreview) -> None:
    """Show what a merge would make, or everything that speaks against it."""
    if preview.profile is None:
        show("This merge would be refused:", "bold")
        for one in preview.objections:
            show(f"  {one.message}")
    else:
        show_profile(preview.profile)
        if preview.conflicts:
            show()
            show_table(
                ("field", "contact", "says", "the result says"),
                [
                    (conflict.field, contact, value, conflict.survives)
                    for conflict in preview.conflicts
                    for contact, value in conflict.values.items()
                ],
                none="",
            )
        show()
        if preview.needs_confirmation:
            show("Several of them are curated: this merge needs --confirm.")
        show(f"Nothing was written. To make exactly this: --token {preview.token}")


def _show_unmerge_preview(preview: UnmergePreview) -> None:
    for part in preview.parts:
        show_profile(part)
        show()
    if preview.meanwhile:
        show("Written on the survivor meanwhile; it stays there unless you move it:", "bold")
        show_table(
            ("position", "by", "can be moved", "what"),
            [
                (one.position, one.actor, "yes" if one.is_movable else "no", one.sentence)
                for one in preview.meanwhile
            ],
            none="",
        )
        show()
    show(f"Nothing was written. To make exactly this: --token {preview.token}")


def _why(reason: str | None) -> str:
    if reason is None:
        raise UsageError("It needs a reason: give it with --reason. --dry-run needs none.")
    return reason


MOVE = "position=contact or all=contact"


def _pair(text: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise UsageError(f"Give it as {form}.")
    return name, value


def _position(text: str) -> int | Literal["all"]:
    if text == "all":
        return "all"
    if not text.isdecimal():
        raise UsageError(f"Give it as {MOVE}; the preview lists the positions.")
    return int(text)
