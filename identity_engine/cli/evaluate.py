"""The verb evaluate: links held against the truth."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from msgspec.structs import asdict

from identity_engine.application.link_quality import evaluate_files
from identity_engine.cli.options import Json, NoStore
from identity_engine.cli.terminal.output import answer, counted, show, show_table
from matchers.evaluation import Quality


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
