"""How good the default model and policy are on labelled streams, through the whole engine."""

from pathlib import Path

from identity_engine.application.engine import Engine
from identity_engine.bench.results import Result, at_least, reported
from identity_engine.cli.measuring import evaluate_files

LEAST_F1 = {"historical-dev": 0.80, "febrl3": 0.99, "fake1000": 0.90}
LEAST_PRECISION = 0.95


def measure_quality(data: Path, folder: Path) -> list[Result]:
    """Ingest each labelled stream of the folder into a store of its own and judge the links."""
    results = []
    for events in sorted(data.glob("*.interactions.jsonl*")):
        name = events.name.partition(".")[0]
        links = folder / f"{name}.csv"
        with Engine.open(folder / name) as engine:
            engine.ingest_file(events)
            engine.reevaluate()
            engine.export_links(links)
        quality = evaluate_files(links, data / f"{name}.truth.csv")
        if name in LEAST_F1:
            results.append(at_least(f"{name} F1", quality.f1, "", LEAST_F1[name]))
            results.append(at_least(f"{name} precision", quality.precision, "", LEAST_PRECISION))
        else:
            results.append(reported(f"{name} F1", quality.f1, ""))
            results.append(reported(f"{name} precision", quality.precision, ""))
        results.append(reported(f"{name} B-cubed F1", quality.bcubed_f1, ""))
    return results
