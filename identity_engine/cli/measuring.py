"""Verbs that measure: simulate, evaluate, bench."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from msgspec.structs import asdict

from identity_engine.application.link_quality import evaluate_files
from identity_engine.cli.options import Json, NoStore
from identity_engine.cli.output import answer, counted, progress, show, show_table
from matchers.evaluation import Quality


def simulate(
    *,
    out: Annotated[Path, Parameter(help="Events, CloudEvents JSON lines; .gz compresses.")],
    truth: Annotated[Path, Parameter(help="CSV: source,interaction_id,person.")],
    people: int = 1_000,
    interactions: int = 5_000,
    seed: int = 1,
    store: NoStore = None,  # noqa: ARG001
    json: Json = False,
) -> None:
    """Write contact-centre traffic in ja, fr, de and en, with the truth about who it was.

    Parameters
    ----------
    people
        How many people there are.
    interactions
        How many interactions they have.
    seed
        The same numbers and seed give the same traffic.
    """
    from identity_engine.simulation import write_simulation

    with progress("simulate", interactions) as move:
        summary = write_simulation(people, interactions, seed, out, truth, move)
    whose = counted(summary.people, "person", "people")
    said = f"{counted(summary.interactions, 'interaction')} of {whose} written to {out}."
    answer(asdict(summary), lambda _: show(said), json=json)


def evaluate(
    links: Annotated[Path, Parameter(help="CSV of export links.")],
    truth: Annotated[Path, Parameter(help="CSV: source,interaction_id,person.")],
    *,
    store: NoStore = None,  # noqa: ARG001
    json: Json = False,
) -> None:
    """Compare links with the truth: pairwise precision, recall, F1, and B-cubed."""
    quality = evaluate_files(links, truth)
    answer(asdict(quality), lambda _: show_quality(quality), json=json)


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


def show_quality(quality: Quality) -> None:
    """Write precision, recall and F1, pairwise and B-cubed."""
    show_table(
        ("", "precision", "recall", "F1"),
        [
            ("pairs", *(f"{v:.4f}" for v in (quality.precision, quality.recall, quality.f1))),
            (
                "B-cubed",
                *(
                    f"{v:.4f}"
                    for v in (
                        quality.bcubed_precision,
                        quality.bcubed_recall,
                        quality.bcubed_f1,
                    )
                ),
            ),
        ],
        none="",
    )
    show(
        f"{counted(quality.interactions, 'interaction')}, {counted(quality.clusters, 'contact')}, "
        f"{counted(quality.people, 'person', 'people')}."
    )
