"""Verbs about a store as a whole: store migrate|copy|verify."""

from typing import Annotated

from cyclopts import App, Parameter

from identity_engine.application.copying import Fingerprint, copy_store, fingerprint
from identity_engine.application.engine import Engine
from identity_engine.bootstrap import place_of
from identity_engine.cli.output import Json, Store, counting, show, show_json, show_table
from identity_engine.errors import UsageError
from identity_engine.observing.logbook import logged
from identity_engine.settings import is_postgres

store = App(name="store", help="A store as a whole: its schema, a copy elsewhere, proof.")


@store.command
def migrate(*, store: Store = None, json: Json = False) -> None:
    """Make the schema of a store on PostgreSQL, or bring it to this version."""
    address = is_postgres(store)
    if address is None:
        raise UsageError("Only a store on PostgreSQL has a schema to migrate. Give --store URL.")
    from identity_engine.event_store.postgres import Server
    from identity_engine.event_store.postgres_schema import migrate as apply

    connection = Server(address, None).connect()
    try:
        with logged("store migrate"):
            made = apply(connection)
    finally:
        connection.close()
    if json:
        show_json({"applied": [f"{one.number:04d}_{one.name}" for one in made]})
    elif made:
        show("Applied " + ", ".join(f"{one.number:04d} {one.name}" for one in made) + ".")
    else:
        show("The schema is that of this version; nothing was to do.")


@store.command
def copy(source: str, target: str, *, json: Json = False) -> int:
    """Copy a whole store into an empty place, and compare the hashes of both.

    Both use the same master key: let IDENTITY_ENGINE_MASTER_KEY name it where one is on PostgreSQL.
    Nobody can write to the source meanwhile. Exit code 1 if the copy is not the same.

    Parameters
    ----------
    source
        A folder, sqlite:///FOLDER or postgresql://...
    target
        Where it goes; on PostgreSQL run `store migrate` first.
    """
    with Engine.open(source) as engine:
        with counting("copy", engine.store.head()) as add:
            copied = copy_store(engine, place_of(target), progress=add)
        ours = fingerprint(engine)
    with Engine.open(target) as engine:
        theirs = fingerprint(engine)
    if json:
        show_json({"events": copied, "same": ours == theirs})
    elif ours == theirs:
        show(f"Copied {copied} events. Log, match index and all views are the same.")
    else:
        show(f"Copied {copied} events, but the copy is not the same. See: store verify")
    return 0 if ours == theirs else 1


@store.command
def verify(
    *,
    against: Annotated[str | None, Parameter(help="Another store that should be a copy.")] = None,
    store: Store = None,
    json: Json = False,
) -> int:
    """Show the hashes of all that a store holds. Exit code 1 if another one, given, differs."""
    found = [_fingerprint(one) for one in (store, *([against] if against is not None else []))]
    is_same = all(one == found[0] for one in found)
    if json:
        show_json({"same": is_same, "stores": found})
    else:
        rows = [_hashes(one) for one in found]
        titles = ("part", "hash") if against is None else ("part", "hash", "of the other")
        show_table(
            titles,
            [(name, *(row[name][:16] for row in rows)) for name in rows[0]],
            none="There is nothing to hash.",
        )
    return 0 if is_same else 1


def _fingerprint(store: str | None) -> Fingerprint:
    with Engine.open(store) as engine, counting("hash", 2 * engine.store.head()) as add:
        return fingerprint(engine, add)


def _hashes(found: Fingerprint) -> dict[str, str]:
    return {"events": str(found.head), "log": found.log, "match index": found.index, **found.views}
