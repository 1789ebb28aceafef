"""Verbs that write contacts by hand: contact edit."""

from collections.abc import Iterable
from typing import Annotated

from cyclopts import Parameter

from identity_engine.application.engine import Engine
from identity_engine.cli.contacts import Id
from identity_engine.cli.output import DryRun, EffectiveAt, Json, Store, show_done
from identity_engine.errors import UsageError

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
    id_: Id,
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
    with Engine.open(store) as engine:
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


def single(typed: Iterable[str] | None) -> dict[str, str]:
    """Return FIELD=VALUE as a dictionary.

    Raises:
        UsageError: one has no `=`, or a field is given twice.
    """
    given = several(typed)
    if twice := [name for name, values in given.items() if len(values) > 1]:
        raise UsageError(f"The field {twice[0]} is set twice.")
    return {name: value for name, (value,) in given.items()}


def several(typed: Iterable[str] | None) -> dict[str, list[str]]:
    """Return FIELD=VALUE, of which a field may come several times, as a dictionary.

    Raises:
        UsageError: one has no `=`.
    """
    given: dict[str, list[str]] = {}
    for one in typed or ():
        name, sign, value = one.partition("=")
        if not sign:
            raise UsageError("A value is given as FIELD=VALUE, for example city=Bonn.")
        given.setdefault(name.strip(), []).append(value)
    return given
