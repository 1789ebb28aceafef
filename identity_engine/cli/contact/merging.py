"""Verbs that let contacts be one and take that back: contact merge|unmerge."""

from collections.abc import Sequence
from typing import Annotated, Literal

from cyclopts import Parameter

from identity_engine.application.operations.merging.merge import Merged, MergePreview
from identity_engine.application.operations.merging.unmerge import Unmerged, UnmergePreview
from identity_engine.cli.contact.profile import show_profile
from identity_engine.cli.opening import opened
from identity_engine.cli.options import Json, Lang, Store
from identity_engine.cli.terminal.output import answer, counted, language, show, show_table
from identity_engine.errors import UsageError

Ids = Annotated[Sequence[str], Parameter(name="ID", help="Two contacts or more.")]
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
MOVE = "position=contact or all=contact"


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
