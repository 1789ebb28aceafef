"""The verb rehearse: other rules over the whole history, before anything is put in force."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import orjson
from cyclopts import Parameter
from msgspec.structs import asdict

from identity_engine.application.reevaluation.rehearse import Flip, Rehearsed
from identity_engine.cli.opening import opened
from identity_engine.cli.options import Json, Store
from identity_engine.cli.terminal.output import answer, counted, counting, read_content, show
from identity_engine.errors import UsageError
from identity_engine.event_store.sqlite_files import create_private

SHOWN = 10


def rehearse(
    *,
    model: Annotated[Path | None, Parameter(help="A model file to try.")] = None,
    policy: Annotated[Path | None, Parameter(help="A policy file to try.")] = None,
    since: str | None = None,
    out: Annotated[
        Path | None, Parameter(help="Write the interactions that `reevaluate --only` takes.")
    ] = None,
    store: Store = None,
    json: Json = False,
) -> None:
    """Say which links and merges would flip under another model or policy. Nothing is written.

    Parameters
    ----------
    since
        Look at what was received after this time or `pos:N` only, and at what belongs with it.
    """
    if model is None and policy is None:
        raise UsageError("Give --model FILE, --policy FILE, or both.")
    with opened(store) as engine:
        waiting = engine.reevaluation.waiting()
        with counting("rehearse", None) as add:
            result = engine.rehearse(
                policy=read_content(policy) if policy is not None else None,
                model=read_content(model) if model is not None else None,
                since=since,
                progress=add,
            )
    if out is not None:
        create_private(out)
        out.write_bytes(orjson.dumps(sorted(result.interaction_ids)))
    answer(_numbers(result), lambda _: _tell(result, waiting, out), json=json)


def _numbers(result: Rehearsed) -> dict[str, object]:
    counts = Counter(flip.kind for flip in result.flips)
    return {
        "evaluated": result.changes.evaluated,
        "merges": counts["merge"],
        "unmerges": counts["unmerge"],
        "moves": counts["move"],
        "shared": result.changes.shared,
        "flips": [asdict(flip) for flip in result.flips],
        "interactions": sorted(result.interaction_ids),
    }


def _tell(result: Rehearsed, waiting: int, out: Path | None) -> None:
    counts = Counter(flip.kind for flip in result.flips)
    if waiting:
        wait = counted(waiting, "interaction waits", "interactions wait")
        show(f"{wait} for `reevaluate`; what it would change counts here too.")
    show(
        f"{counted(result.changes.evaluated, 'interaction')} evaluated: "
        f"{counted(counts['merge'], 'merge')}, {counted(counts['unmerge'], 'unmerge')} and "
        f"{counted(counts['move'], 'moved link')} would follow; "
        f"{counted(result.changes.shared, 'more value')} would be shared. Nothing was written."
    )
    for flip in result.flips[:SHOWN]:
        show(f"  {_sentence(flip)}")
    if len(result.flips) > SHOWN:
        show(f"  ... and {len(result.flips) - SHOWN} more (--json lists all).")
    if out is not None:
        show(f"After activation: identity-engine reevaluate --only {out}")


def _sentence(flip: Flip) -> str:
    because = f" by {flip.rule} ({flip.bits:.1f} bits)" if flip.rule is not None else ""
    match flip.kind:
        case "merge":
            return f"merge {flip.one} and {flip.other}{because}"
        case "unmerge":
            return f"unmerge {flip.one} and {flip.other}"
        case _:
            return f"move {flip.interaction_id} from {flip.one} to {flip.other}{because}"
