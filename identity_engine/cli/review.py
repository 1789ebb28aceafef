"""Verbs of what waits for a person: review list|refused|shared|confirm|reject|defer|undo."""

from collections.abc import Callable
from typing import Annotated

from identity_engine.application.command import Done
from identity_engine.application.operations.interactions.reviewing import Reviewing
from identity_engine.cli.group import group
from identity_engine.cli.opening import opened
from identity_engine.cli.options import (
    DryRun,
    InteractionId,
    Json,
    Limit,
    MaybeReason,
    Store,
    at_most,
)
from identity_engine.cli.terminal.output import answer_rows, show_done
from matchers.scoring import MILLIBITS


def list_(*, store: Store = None, limit: Limit = 50, json: Json = False) -> None:
    """List what a person should decide: interactions in doubt, and merges that the rules leave open.

    The most likely pairs come first.
    """
    with opened(store) as engine:
        items = engine.review(limit)
    answer_rows(
        items,
        ("bits", "kind", "interaction or contact", "proposed contact", "guard"),
        lambda one: (
            one.weight / MILLIBITS,
            one.kind,
            one.interaction_id or one.contact_id,
            one.proposed,
            one.guard or "",
        ),
        none="Nothing waits for review.",
        json=json,
    )


def refused(
    *,
    store: Store = None,
    limit: Annotated[int, at_most("the strongest first")] = 50,
    json: Json = False,
) -> None:
    """List contacts that are strong enough to be one, and the guard that keeps them apart."""
    with opened(store) as engine:
        merges = engine.refused_merges(limit)
    answer_rows(
        merges,
        ("bits", "guard", "contact", "other contact", "by"),
        lambda one: (one.weight / MILLIBITS, one.guard, one.one, one.other, one.rule),
        none="No merge is refused.",
        json=json,
    )


def shared(
    *,
    store: Store = None,
    limit: Annotated[int, at_most("those with most merges first")] = 100,
    json: Json = False,
) -> None:
    """List values that stopped linking by themselves, and the merges that had rested on them."""
    with opened(store) as engine:
        values = engine.shared_values(limit)
    answer_rows(
        values,
        ("identifier", "by", "people", "merges in force", "undone"),
        lambda one: (one.identifier_id, one.by, one.people, len(one.merges), len(one.undone)),
        none="No value is shared.",
        json=json,
    )


def confirm(
    id_: InteractionId,
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


def reject(
    id_: InteractionId,
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


def defer(
    id_: InteractionId,
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


def undo(
    id_: InteractionId,
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


review = group(
    "review",
    "What waits for a person's decision, and what the rules refuse.",
    list_,
    refused,
    shared,
    confirm,
    reject,
    defer,
    undo,
)
