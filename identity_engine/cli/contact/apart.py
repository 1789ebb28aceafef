"""Verbs about who is not one with whom: contact tell-apart|lift-apart."""

from datetime import datetime
from typing import Annotated

from cyclopts import Parameter

from identity_engine.cli.opening import opened
from identity_engine.cli.options import DryRun, Json, Reason, Store, typed_moment
from identity_engine.cli.terminal.output import show_done

One = Annotated[str, Parameter(name="ONE", help="A contact's id.")]
Other = Annotated[str, Parameter(name="OTHER", help="Another contact's id.")]


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
