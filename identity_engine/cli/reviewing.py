"""Verbs that answer a review: review confirm|reject|defer|undo."""

from collections.abc import Callable
from typing import Annotated

from cyclopts import Parameter

from identity_engine.application.command import Done
from identity_engine.application.operations.interactions.reviewing import Reviewing
from identity_engine.cli.contacts import review as review
from identity_engine.cli.opening import opened
from identity_engine.cli.options import DryRun, Json, MaybeReason, Store
from identity_engine.cli.output import show_done

Id = Annotated[str, Parameter(name="ID", help="The interaction's id.")]


@review.command
def confirm(
    id_: Id,
    *,
    reason: MaybeReason = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Say that an interaction belongs to the contact that is proposed for it."""
    _answer(
        Reviewing.confirm,
        f"{id_} belongs to the proposed contact",
        id_,
        reason,
        store,
        dry_run=dry_run,
        json=json,
    )


@review.command
def reject(
    id_: Id,
    *,
    reason: MaybeReason = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Say that an interaction does not belong to the contact that is proposed for it."""
    _answer(
        Reviewing.reject,
        f"{id_} does not belong to the proposed contact",
        id_,
        reason,
        store,
        dry_run=dry_run,
        json=json,
    )


@review.command
def defer(
    id_: Id,
    *,
    reason: MaybeReason = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Put an interaction behind all others that wait."""
    _answer(
        Reviewing.defer,
        f"{id_} comes after all others",
        id_,
        reason,
        store,
        dry_run=dry_run,
        json=json,
    )


@review.command
def undo(
    id_: Id,
    *,
    reason: MaybeReason = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Take the last decision about an interaction back, so that it is asked again."""
    _answer(
        Reviewing.undo,
        f"{id_} is asked about again",
        id_,
        reason,
        store,
        dry_run=dry_run,
        json=json,
    )


def _answer(
    decide: Callable[..., Done],
    told: str,
    id_: str,
    reason: str | None,
    store: str | None,
    *,
    dry_run: bool,
    json: bool,
) -> None:
    with opened(store) as engine:
        done = decide(engine.desk.reviewing, id_, reason=reason, dry_run=dry_run)
    show_done(done, told, json=json)
