"""Verbs that take a contact away and bring it back: contact sweep|delete|restore|move."""

from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter

from identity_engine.application.operations.contacts.expiry import Swept
from identity_engine.application.operations.contacts.presence import HeldElsewhere
from identity_engine.cli.opening import opened
from identity_engine.cli.options import (
    ContactId,
    DryRun,
    Json,
    MaybeReason,
    NewDivision,
    Reason,
    Store,
)
from identity_engine.cli.terminal.output import (
    answer,
    counted,
    counting,
    show,
    show_done,
    show_table,
)


def sweep(*, store: Store = None, dry_run: DryRun = False, json: Json = False) -> None:
    """Let ephemeral and identified contacts expire that nothing meaningful came of for long."""
    with opened(store) as engine, counting("contacts", None) as add:
        swept = engine.desk.lifecycle.sweep(dry_run=dry_run, progress=add)
    answer(swept, lambda swept: _show_swept(swept, dry_run=dry_run), json=json)


def _show_swept(swept: Swept, *, dry_run: bool) -> None:
    gone = f"{counted(swept.expired, 'contact')} {'would expire' if dry_run else 'expired'}"
    show(f"{gone}, {swept.contacts} with all that were merged.")
    for reason, count in sorted(swept.held_off.items()):
        show(f"  Held off by {reason.replace('_', ' ')}: {count}")


def delete(
    id_: ContactId,
    *,
    reason: Reason,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Delete a contact with all that is merged with it; it can be restored for some time."""
    with opened(store) as engine:
        done = engine.desk.lifecycle.delete(id_, reason=reason, dry_run=dry_run)
    show_done(done, f"{done.contact_id} is deleted", json=json)


def restore(
    id_: ContactId,
    *,
    reason: MaybeReason = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Bring back a contact that expired or was deleted, with the identifiers that are still free."""
    with opened(store) as engine:
        restored = engine.desk.lifecycle.restore(id_, reason=reason, dry_run=dry_run)
    done = restored.done
    show_done(done, f"{done.contact_id} is back", whole=restored, json=json)
    if not json:
        show_elsewhere(restored.elsewhere)


def move(
    id_: ContactId,
    *,
    to: Annotated[str, Parameter(name="--to", help="The division it moves to.")],
    reason: Reason,
    new_division: NewDivision = False,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Move a contact, with all that is merged with it, to another division."""
    with opened(store) as engine:
        moved = engine.desk.divisions.move(
            id_, to, reason=reason, new_division=new_division, dry_run=dry_run
        )
    show_done(moved.done, f"{moved.done.contact_id} is in {to} now", whole=moved, json=json)
    if not json:
        show_elsewhere(moved.elsewhere)


def show_elsewhere(elsewhere: Sequence[HeldElsewhere]) -> None:
    """List the identifiers that a contact did not get."""
    if elsewhere:
        show("Others hold these identifiers now:")
        show_table(
            ("identifier", "value", "held by"),
            [
                (one.type, one.value, ", ".join(one.holders) or "a contact that you do not see")
                for one in elsewhere
            ],
            none="",
        )
