"""Verbs that write results to files: export links."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from identity_engine.cli.group import group
from identity_engine.cli.opening import opened
from identity_engine.cli.options import AsOf, Json, Store
from identity_engine.cli.terminal.output import answer, counted, counting, show


def links(
    *,
    out: Annotated[Path, Parameter(help="The CSV file to write.")],
    store: Store = None,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Write every link, of expired and deleted contacts too, as CSV: source, interaction_id, contact_id,
    stage, decision, weight.

    Which contacts are gone is said by `contact show`, and by `presence` in the views for SQL; `stage` is
    the one that they had.
    """
    with opened(store) as engine, counting("replay", engine.store.head()) as add:
        count = engine.export_links(out, as_of, add)
    answer(
        {"links": count, "out": str(out)},
        lambda _: show(f"{counted(count, 'link')} written to {out}."),
        json=json,
    )


export = group("export", "Write results to files.", links)
