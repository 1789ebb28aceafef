"""How good a model is on labelled streams, through the whole engine, one interaction at a time."""

import csv
import tempfile
from collections.abc import Mapping
from pathlib import Path

from identity_engine.application.engine import Engine
from identity_engine.application.link_quality import read_truth
from identity_engine.application.streams import NoInteractions
from identity_engine.bench.results import Result, at_least, reported
from matchers.evaluation import Interaction, Quality, evaluate

LEAST_F1 = {"historical-dev": 0.80, "febrl3": 0.99, "fake1000": 0.90}
LEAST_PRECISION = 0.95


def measure_quality(data: Path, folder: Path) -> list[Result]:
    """Ingest each labelled stream of the folder into a store of its own and judge the links."""
    results = []
    for events in sorted(data.glob("*.interactions.jsonl*")):
        name = events.name.partition(".")[0]
        with Engine.open(folder / name) as engine:
            quality = _judge(engine, events, read_truth(data / f"{name}.truth.csv"), folder)
        if name in LEAST_F1:
            results.append(at_least(f"{name} F1", quality.f1, "", LEAST_F1[name]))
            results.append(at_least(f"{name} precision", quality.precision, "", LEAST_PRECISION))
        else:
            results.append(reported(f"{name} F1", quality.f1, ""))
            results.append(reported(f"{name} precision", quality.precision, ""))
        results.append(reported(f"{name} B-cubed F1", quality.bcubed_f1, ""))
    return results


def judge_online(events: Path, truth: Mapping[Interaction, str], model: bytes) -> Quality:
    """Link a labelled stream in memory under a model and judge the links.

    Args:
        events: CloudEvents JSON lines, plain or gzip.
        truth: interaction -> person.
        model: JSON of the model; the policy is the shipped one.

    Raises:
        InvalidModel: the model is not valid.
        SourceError: the stream cannot be read, or holds no interactions.
    """
    with tempfile.TemporaryDirectory() as folder, Engine.in_memory() as engine:
        engine.policies.activate({"model": model})
        return _judge(engine, events, truth, Path(folder))


def _judge(engine: Engine, events: Path, truth: Mapping[Interaction, str], folder: Path) -> Quality:
    summary = engine.ingest_file(events)
    if not summary.accepted:
        raise NoInteractions(events)
    engine.reevaluate()
    exported = folder / f"{events.name}.links.csv"
    engine.export_links(exported)
    with exported.open(encoding="utf-8", newline="") as rows:
        links = {
            (row["source"], row["interaction_id"]): row["contact_id"]
            for row in csv.DictReader(rows)
        }
    return evaluate(links, truth)
