"""Verbs about the matching model: model show|activate|train|evaluate."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from msgspec.structs import asdict

from identity_engine.application.rules import read_model
from identity_engine.cli.activation import Shipped, in_order, put_in_force, rules_shown
from identity_engine.cli.group import group
from identity_engine.cli.opening import opened
from identity_engine.cli.options import DryRun, Json, NoStore, Store
from identity_engine.cli.terminal.output import answer, counted, show, show_lines, show_table
from identity_engine.cli.usage import not_both
from identity_engine.errors import UsageError
from matchers.evaluation import Interaction
from matchers.model import Model, canonical_json, model_version, parse_model

Truth = Annotated[Path, Parameter(help="CSV: source,interaction_id,person.")]


def show_(*, shipped: Shipped = False, store: Store = None, json: Json = False) -> None:
    """Show the model in force: its thresholds and how much each level weighs, in bits."""
    rules = rules_shown(store, shipped=shipped)
    answer(
        {"version": rules.model_version, "model": in_order(rules.model_content, Model)},
        lambda _: _show_model(rules.model, rules.model_version),
        json=json,
    )


def activate(
    file: Annotated[Path, Parameter(help="A model file, as `model train` writes it.")],
    *,
    store: Store = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Put a model in force for decisions from now on. It is an event; old decisions keep theirs."""
    put_in_force("model", file, store=store, dry_run=dry_run, json=json)


def train(
    streams: Annotated[
        list[Path] | None,
        Parameter(
            help="Events, CloudEvents JSON lines, plain or gzip; none: learn from the store."
        ),
    ] = None,
    /,
    *,
    out: Annotated[Path, Parameter(help="The model file to write.")],
    truth: Annotated[
        list[Path] | None,
        Parameter(help="CSV: source,interaction_id,person. It may name some of the interactions."),
    ] = None,
    start: Annotated[
        str | None,
        Parameter(help="Model to start from: a file, or `person` or `seed`, which ship."),
    ] = None,
    name: str = "trained",
    store: Store = None,
    json: Json = False,
) -> None:
    """Train a model from streams, or from the store and what people decided in it.

    Parameters
    ----------
    name
        Name of the new model, for people.
    """
    from identity_engine.adapters.clock import World
    from identity_engine.application.link_quality import read_truth
    from identity_engine.application.rules import default_policy
    from identity_engine.application.training import tables_of_files, train_from

    if truth and not streams:
        raise UsageError(
            "--truth needs streams: what is learned from the store is labelled by its people."
        )
    known = _merged([read_truth(path) for path in truth or ()])
    if streams:
        tables = tables_of_files(streams, known, default_policy(), World().now())
        believed = _model(start or "person")
    else:
        with opened(store) as engine:
            tables = [engine.desk.administration.training_table()]
            believed = _model(start) if start else engine.policies.rules.model
    trained = train_from(tables, believed, name)
    out.write_bytes(canonical_json(trained) + b"\n")
    records = sum(len(table.records) for table in tables)
    labelled = sum(len(table.people) for table in tables)
    version = model_version(trained)
    said = (
        f"model {version} written to {out}.\n"
        f"Learned from {counted(records, 'record')}, {labelled} of them labelled."
    )
    trained_on = {"version": version, "records": records, "labelled": labelled}
    answer(trained_on, lambda _: show_lines(said), json=json)


def evaluate(
    stream: Annotated[Path, Parameter(help="Events, CloudEvents JSON lines, plain or gzip.")],
    truth: Truth,
    *,
    model: Annotated[
        str | None, Parameter(help="A model file, or `person` or `seed`; default: `person`.")
    ] = None,
    blocking: Annotated[
        bool,
        Parameter(negative="", help="Measure instead what the block keys bring together."),
    ] = False,
    store: NoStore = None,  # noqa: ARG001
    json: Json = False,
) -> None:
    """Link a labelled stream in memory, one interaction at a time, and judge the links.

    No store is touched. With `--blocking`, the share of the true pairs that have a block key in
    common: no model finds more.
    """
    from identity_engine.application.link_quality import read_truth
    from identity_engine.bench.ceiling import ceilings
    from identity_engine.bench.quality import judge_online
    from identity_engine.cli.evaluate import show_quality

    not_both(blocking=blocking, model=model)
    known = read_truth(truth)
    if blocking:
        from identity_engine.adapters.clock import World
        from identity_engine.application.rules import default_policy
        from identity_engine.application.streams import read_records

        policy = default_policy()
        read = read_records(stream, policy, World().now())
        measured = ceilings(read, known, policy.block_cap)
        answer(
            [asdict(one) for one in measured],
            lambda _: _show_ceilings([asdict(one) for one in measured]),
            json=json,
        )
        return
    quality = judge_online(stream, known, canonical_json(_model(model or "person")))
    answer(asdict(quality), lambda _: show_quality(quality), json=json)


def _merged(truths: Sequence[Mapping[Interaction, str]]) -> dict[Interaction, str]:
    """Put several truth tables together; one interaction cannot be two people."""
    merged: dict[Interaction, str] = {}
    for truth in truths:
        for interaction, person in truth.items():
            if merged.setdefault(interaction, person) != person:
                raise UsageError(
                    "Two truth files name one interaction differently: their streams share sources "
                    "and ids. Train on one after the other, with --start."
                )
    return merged


def _model(name: str) -> Model:
    from matchers.models import SHIPPED, shipped_model

    if name in SHIPPED:
        return parse_model(shipped_model(name))
    path = Path(name)
    if not path.is_file():
        raise UsageError(f"There is no model file {name}; {' and '.join(SHIPPED)} ship.")
    return read_model(path.read_bytes())


def _show_model(shown: Model, version: str) -> None:
    from math import log2

    thresholds = shown.thresholds
    show(f"model {shown.name} {version}")
    show(f"attach {thresholds.attach:g}, review {thresholds.review:g}, merge {thresholds.merge:g}")
    show_table(
        ("comparison", "level", "bits", "among sharers"),
        [
            (
                comparison.name if number == 0 else "",
                level.name,
                f"{comparison.scale * log2(level.m / level.u):+.1f}",
                "" if level.shared is None else f"{log2(level.m / level.shared):+.1f}",
            )
            for comparison in shown.comparisons
            for number, level in enumerate(comparison.levels)
        ],
        none="It compares nothing.",
    )


def _show_ceilings(measured: Sequence[dict[str, object]]) -> None:
    show_table(
        ("keys", "direct", "closure", "keys a record", "pairs a record"),
        [
            (
                one["keys"],
                f"{one['direct_recall']:.4f}",
                f"{one['closure_recall']:.4f}",
                f"{one['keys_a_record']:.1f}",
                f"{one['pairs_a_record']:.1f}",
            )
            for one in measured
        ],
        none="There are no keys to measure.",
    )


model = group(
    "model", "The matching model: train, measure, put in force.", show_, activate, train, evaluate
)
