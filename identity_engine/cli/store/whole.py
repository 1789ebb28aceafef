"""Verbs about a store as a whole: store copy|verify."""

from collections.abc import Sequence
from typing import Annotated

from cyclopts import Parameter

from identity_engine.application.copying import Fingerprint, copy_store, fingerprint
from identity_engine.bootstrap import place_of
from identity_engine.cli.opening import opened
from identity_engine.cli.options import Json, Store
from identity_engine.cli.terminal.output import answer, counting, show, show_table


def copy(source: str, target: str, *, json: Json = False) -> int:
    """Copy a whole store into an empty place, and compare the hashes of both.

    Both use the same master key: let IDENTITY_ENGINE_MASTER_KEY name it where one is on PostgreSQL.
    Nobody can write to the source meanwhile. A target that holds anything is refused and left as it
    is. Exit code 1 then, and if the copy is not the same.

    Parameters
    ----------
    source
        A folder, sqlite:///FOLDER or postgresql://...
    target
        Where it goes; on PostgreSQL run `store migrate` first.
    """
    with opened(source) as engine:
        with counting("copy", engine.store.head()) as add:
            copied = copy_store(engine, place_of(target), progress=add)
        ours = fingerprint(engine)
    with opened(target, make=True) as engine:
        theirs = fingerprint(engine)
    is_same = ours == theirs
    said = (
        f"Copied {copied} events. Log, match index and all views are the same."
        if is_same
        else f"Copied {copied} events, but the copy is not the same. See: store verify"
    )
    answer({"events": copied, "same": is_same}, lambda _: show(said), json=json)
    return 0 if is_same else 1


def verify(
    *,
    against: Annotated[str | None, Parameter(help="Another store that should be a copy.")] = None,
    store: Store = None,
    json: Json = False,
) -> int:
    """Show the hashes of all that a store holds. Exit code 1 if another one, given, differs."""
    found = [_fingerprint(one) for one in (store, *([against] if against is not None else []))]
    is_same = all(one == found[0] for one in found)
    answer({"same": is_same, "stores": found}, lambda _: _show_hashes(found), json=json)
    return 0 if is_same else 1


def _show_hashes(found: Sequence[Fingerprint]) -> None:
    rows = [_hashes(one) for one in found]
    show_table(
        ("part", "hash", "of the other")[: 1 + len(rows)],
        [(name, *(row[name][:16] for row in rows)) for name in rows[0]],
        none="There is nothing to hash.",
    )


def _fingerprint(store: str | None) -> Fingerprint:
    with opened(store) as engine, counting("hash", 2 * engine.store.head()) as add:
        return fingerprint(engine, add)


def _hashes(found: Fingerprint) -> dict[str, str]:
    return {"events": str(found.head), "log": found.log, "match index": found.index, **found.views}
