"""Verbs that take a contact away, bring it back and keep it: contact sweep|delete|restore|hold."""

from collections.abc import Sequence

from cyclopts import App

from identity_engine.application.operations.contacts.expiry import Swept
from identity_engine.application.operations.contacts.presence import HeldElsewhere
from identity_engine.cli.opening import opened
from identity_engine.cli.options import ContactId, DryRun, Json, MaybeReason, Reason, Store
from identity_engine.cli.output import answer, counted, counting, show, show_done, show_table

hold = App(name="hold", help="Keep a contact for a matter of law: not deleted, not expired.")


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
        done = engine.desk.lifecycle.delete(id_, reason, dry_run=dry_run)
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
        restored = engine.desk.lifecycle.restore(id_, reason, dry_run=dry_run)
    done = restored.done
    show_done(done, f"{done.contact_id} is back", whole=restored, json=json)
    if not json:
        show_elsewhere(restored.elsewhere)


@hold.command(name="set")
def set_hold(
    id_: ContactId,
    *,
    reason: Reason,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Set a legal hold on a contact; it keeps all that is merged with it."""
    with opened(store) as engine:
        done = engine.desk.lifecycle.set_hold(id_, reason, dry_run=dry_run)
    show_done(done, f"A legal hold keeps {done.contact_id}", json=json)


@hold.command(name="lift")
def lift_hold(
    id_: ContactId,
    *,
    reason: Reason,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Lift the legal hold that names a contact."""
    with opened(store) as engine:
        done = engine.desk.lifecycle.lift_hold(id_, reason, dry_run=dry_run)
    show_done(done, f"The legal hold on {done.contact_id} is lifted", json=json)


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
