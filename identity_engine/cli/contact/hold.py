"""Verbs of a legal hold: contact hold set|lift."""

from identity_engine.cli.group import group
from identity_engine.cli.opening import opened
from identity_engine.cli.options import ContactId, DryRun, Json, Reason, Store
from identity_engine.cli.terminal.output import show_done


def set_(
    id_: ContactId,
    *,
    reason: Reason,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Set a legal hold on a contact; it keeps all that is merged with it."""
    with opened(store) as engine:
        done = engine.desk.lifecycle.set_hold(id_, reason=reason, dry_run=dry_run)
    show_done(done, f"A legal hold keeps {done.contact_id}", json=json)


def lift(
    id_: ContactId,
    *,
    reason: Reason,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Lift the legal hold that names a contact."""
    with opened(store) as engine:
        done = engine.desk.lifecycle.lift_hold(id_, reason=reason, dry_run=dry_run)
    show_done(done, f"The legal hold on {done.contact_id} is lifted", json=json)


hold = group("hold", "Keep a contact for a matter of law: not deleted, not expired.", set_, lift)
