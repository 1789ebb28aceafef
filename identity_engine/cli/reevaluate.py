"""The verb reevaluate: provisional links are made final."""

from pathlib import Path
from typing import Annotated

import orjson
from cyclopts import Parameter
from msgspec.structs import asdict

from identity_engine.application.engine import Engine
from identity_engine.application.reevaluation.outcome import Reevaluated
from identity_engine.cli.opening import opened
from identity_engine.cli.options import Json, Store
from identity_engine.cli.terminal.output import (
    counted,
    counting,
    read_content,
    show,
    show_json_line,
)
from identity_engine.cli.usage import not_both
from identity_engine.errors import UsageError
from identity_engine.observing.logbook import logged
from projections.base import ID


def reevaluate(
    *,
    only: Annotated[
        Path | None, Parameter(help="Queue the interactions of this file, from `rehearse --out`.")
    ] = None,
    all: bool = False,  # noqa: A002 - the word users know
    store: Store = None,
    json: Json = False,
) -> None:
    """Make provisional links final: the same clusters whatever order the interactions came in.

    Parameters
    ----------
    all
        Queue every interaction again first, for example after other rules were put in force.
    """
    not_both(all=all, only=only)
    with logged("reevaluate"), opened(store) as engine:
        if all or only is not None:
            engine.request_reevaluation(None if only is None else _ids(only))
        final = make_final(engine)
    if json:
        show_json_line(asdict(final))
    else:
        show_final(final)


def make_final(engine: Engine) -> Reevaluated:
    """Re-evaluate what waits, behind a bar."""
    with counting("re-evaluate", engine.reevaluation.waiting()) as add:
        return engine.reevaluate(add)


def show_final(final: Reevaluated) -> None:
    """Say what became of it."""
    show(
        f"Re-evaluated {counted(final.evaluated, 'interaction')}: "
        f"{counted(final.merged, 'merge')}, {counted(final.unmerged, 'unmerge')}, "
        f"{counted(final.moved, 'link')} moved, "
        f"{counted(final.shared, 'shared value')} found."
    )
    if final.across:
        show(f"Likeness over divisions: {counted(final.across, 'change')}.")


def _ids(path: Path) -> list[str]:
    try:
        ids = orjson.loads(read_content(path))
    except orjson.JSONDecodeError:
        ids = None
    if not isinstance(ids, list) or not all(
        isinstance(one, str) and ID.fullmatch(one) for one in ids
    ):
        raise UsageError(f"{path} is no file that `rehearse --out` has written.")
    return ids
