"""The verb simulate: traffic that is made up, with the truth about it."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from msgspec.structs import asdict

from identity_engine.cli.options import Json, NoStore
from identity_engine.cli.terminal.output import answer, counted, progress, show


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
