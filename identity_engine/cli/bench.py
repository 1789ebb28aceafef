"""The verb bench: speed and quality, measured."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from msgspec.structs import asdict

from identity_engine.cli.options import Json, NoStore
from identity_engine.cli.terminal.output import answer, show, show_table


def bench(
    *,
    interactions: int = 100_000,
    people: int = 20_000,
    contacts: Annotated[int, Parameter(help="Contacts in the large store.")] = 200_000,
    data: Annotated[Path | None, Parameter(help="Folder of labelled streams, for quality.")] = None,
    only: Annotated[
        list[str] | None,
        Parameter(
            help="Groups to run: start, ingest, growth, commands, freshness, postgres, quality."
        ),
    ] = None,
    postgres: Annotated[
        str | None,
        Parameter(help="postgresql://... of a server on which databases may be made."),
    ] = None,
    store: NoStore = None,  # noqa: ARG001
    json: Json = False,
) -> int:
    """Measure speed and quality; each speed beside a limit measured in the same run.

    Parameters
    ----------
    interactions
        Interactions of the simulated traffic.
    people
        People of the simulated traffic.
    """
    from identity_engine.bench.suite import run_suite

    results = run_suite(
        interactions=interactions,
        people=people,
        contacts=contacts,
        data=data,
        only=only,
        postgres=postgres,
        tell=lambda result: (
            None if json else show(f"  {result.name}: {result.shown} {result.unit}")
        ),
    )
    answer(
        [asdict(one) for one in results],
        lambda _: show_table(
            ("measurement", "value", "unit", "must reach", "verdict"),
            [(one.name, one.shown, one.unit, one.goal, one.verdict) for one in results],
            none="Nothing was measured.",
        ),
        json=json,
    )
    return 0 if all(one.verdict != "missed" for one in results) else 1
