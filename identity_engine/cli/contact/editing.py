"""Verbs that write contacts by hand: contact create|edit|promote."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

from cyclopts import Parameter

from identity_engine.application.operations.contacts.editing import Created, NewIdentifier
from identity_engine.application.operations.values.claiming import Value
from identity_engine.cli.opening import opened, opened_or_begun
from identity_engine.cli.options import ContactId, DryRun, EffectiveAt, Json, NewDivision, Store
from identity_engine.cli.terminal.output import answer, show, show_done, show_json, show_table
from identity_engine.cli.usage import several, single
from identity_engine.errors import Stale, UsageError

Set = Annotated[
    list[str] | None,
    Parameter(name="--set", help="FIELD=VALUE: the value it has from now on; may be repeated."),
]
Add = Annotated[
    list[str] | None,
    Parameter(name="--add", help="FIELD=VALUE: a further value of a field that takes several."),
]
Remove = Annotated[
    list[str] | None,
    Parameter(name="--remove", help="FIELD=VALUE: a value that is wrong; it is shown no longer."),
]
Revision = Annotated[
    int | None,
    Parameter(help="That of contact show; refused if the contact has changed since."),
]


def edit(
    id_: ContactId,
    *,
    set_: Set = None,
    add: Add = None,
    remove: Remove = None,
    revision: Revision = None,
    effective_at: EffectiveAt = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Save values of a contact: all or nothing, one event, none without a change."""
    with opened(store) as engine, telling_what_moved(json=json):
        done = engine.desk.contacts.edit(
            id_,
            set=single(set_),
            add=several(add),
            remove=several(remove),
            revision=revision,
            effective_at=effective_at,
            dry_run=dry_run,
        )
    show_done(done, f"{done.contact_id} is saved, revision {done.revision}", json=json)


@contextmanager
def telling_what_moved(*, json: bool) -> Iterator[None]:
    """Show what moved in a contact meanwhile, where a save of it is refused as stale."""
    try:
        yield
    except Stale as stale:
        if json:
            said = {"revision": stale.revision, "difference": stale.difference}
            show_json({"error": "stale", "message": str(stale), **said, "changes": stale.changes})
        else:
            show_table(
                ("what", "was", "is now"),
                [(one.name, "; ".join(one.before), "; ".join(one.now)) for one in stale.difference],
                none="",
            )
        raise


def create(
    *,
    set_: Set = None,
    add: Add = None,
    identifier: Annotated[
        list[str] | None,
        Parameter(help="TYPE=VALUE, such as email=a@b.org; verified with a + before the type."),
    ] = None,
    division: Annotated[
        str | None, Parameter(help="Where it belongs; default: the policy's.")
    ] = None,
    new_division: NewDivision = False,
    despite_duplicates: Annotated[
        bool, Parameter(negative="", help="Save although there are possible duplicates.")
    ] = False,
    effective_at: EffectiveAt = None,
    store: Store = None,
    dry_run: Annotated[
        bool,
        Parameter(negative="", help="Show possible duplicates only; write nothing."),
    ] = False,
    json: Json = False,
) -> int:
    """Enter a contact by hand. Exit code 1 if there are possible duplicates and nothing is saved."""
    given = [
        NewIdentifier(Value(type_.removeprefix("+"), value), verified=type_.startswith("+"))
        for type_, values in several(
            identifier, "An identifier", "TYPE=VALUE", "email=a@b.org"
        ).items()
        for value in values
    ]
    with opened_or_begun(store, dry_run=dry_run) as engine:
        created = engine.desk.contacts.create(
            set=single(set_),
            add=several(add),
            identifiers=given,
            division=division,
            new_division=new_division,
            despite_duplicates=despite_duplicates,
            effective_at=effective_at,
            dry_run=dry_run,
        )
    answer(created, lambda created: _show_created(created, given), json=json)
    return 0 if created.done.written or dry_run else 1


def _show_created(created: Created, given: Sequence[NewIdentifier]) -> None:
    if created.duplicates:
        show_table(
            ("possible duplicate", "stage", "bits", "identifiers", "because of"),
            [
                (
                    one.contact_id,
                    one.stage,
                    one.bits or None,
                    len(one.identifiers),
                    ", ".join(dict.fromkeys(part.name for part in one.parts if part.bits > 0)),
                )
                for one in created.duplicates
            ],
            none="",
        )
    if not created.done.written:
        show("Nothing is saved. If it is none of them, add --despite-duplicates.")
        return
    if created.done.position is None and not created.duplicates:
        show("No possible duplicates.")
    if created.done.position is not None:
        show(f"Contact {created.done.contact_id} is entered.")
        for place in created.not_claimed:
            kind = given[place].value.type
            show(f"The {kind} is held by an ephemeral contact; merge the two to have it.")


def promote(
    id_: ContactId,
    *,
    undo: Annotated[bool, Parameter(negative="", help="Take a promotion back instead.")] = False,
    reason: Annotated[
        str | None, Parameter(help="Why it is taken back, in your words, for the audit.")
    ] = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Vouch for a contact: it is curated from now on, and never expires."""
    if reason is not None and not undo:
        raise UsageError(
            "A promotion keeps no reason. Leave --reason out, or write a contact note."
        )
    with opened(store) as engine:
        contacts = engine.desk.contacts
        if undo:
            done = contacts.undo_promotion(id_, reason=reason, dry_run=dry_run)
        else:
            done = contacts.promote(id_, dry_run=dry_run)
    whose = done.contact_id
    said = f"The promotion of {whose} is undone" if undo else f"{whose} is curated"
    show_done(done, said, json=json)
