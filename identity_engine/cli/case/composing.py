"""Verbs of being busy outside an interaction: case compose|discard|busy."""

from typing import Annotated

from cyclopts import Parameter

from identity_engine.cli.opening import opened
from identity_engine.cli.options import DryRun, Json, Store
from identity_engine.cli.terminal.output import (
    DRY_RUN,
    answer,
    answer_rows,
    show,
    show_done,
    timestamp,
)


def compose(
    *,
    mode: Annotated[str, Parameter(help="A word for it, such as preview.")] = "compose",
    of: Annotated[str | None, Parameter(help="The case that it is about, if there is one.")] = None,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Be busy outside an interaction; answers what names this when it is saved or discarded."""
    with opened(store) as engine:
        composition = engine.desk.cases.compose(mode=mode, case=of, dry_run=dry_run)
    said = composition or f"{DRY_RUN}You are busy."
    answer({"composition": composition}, lambda _: show(said), json=json)


def discard(
    composition: Annotated[str, Parameter(name="COMPOSITION", help="What case compose answered.")],
    *,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Throw away what you were composing and be free: nothing is left of it."""
    with opened(store) as engine:
        done = engine.desk.cases.discard(composition, dry_run=dry_run)
    show_done(done, "Discarded; you are free", json=json)


def busy(*, store: Store = None, json: Json = False) -> None:
    """List the agents who are composing outside an interaction."""
    with opened(store) as engine:
        found = engine.desk.reading_cases.busy()
    answer_rows(
        found,
        ("agent", "mode", "since", "composition"),
        lambda one: (one.agent, one.mode, timestamp(one.since), one.composition_id),
        none="Nobody is composing.",
        json=json,
    )
