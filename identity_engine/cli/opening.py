"""How a verb comes to the store that it works on."""

from identity_engine.application.engine import Engine
from identity_engine.cli.terminal.output import remark
from identity_engine.event_store.sqlite.folder import is_store
from identity_engine.settings import is_postgres, store_folder


def opened(store: str | None, *, make: bool = False) -> Engine:
    """Open a store that is there.

    A name with a typing error would else become a folder with a master key of its own, in which nobody
    is found.

    Args:
        store: as for `Engine.open`.
        make: make it if it is not there: for verbs by which a store is usually begun.

    Raises:
        ConfigurationError: it is not there and is not to be made, or cannot be opened as it is.
    """
    return Engine.open(store, make=make)


def opened_or_begun(store: str | None, *, dry_run: bool) -> Engine:
    """Open a store, and where it is not there begin it and say so: for verbs that may come first in the
    life of a store, and mostly do not.

    Args:
        store: as for `Engine.open`.
        dry_run: begin none.

    Raises:
        ConfigurationError: as for `opened`.
    """
    folder = None if is_postgres(store) else store_folder(store)
    is_new = folder is not None and not is_store(folder)
    engine = opened(store, make=not dry_run)
    if is_new:
        remark(
            f"There was no store in {folder}; a new one is made. If you meant another, name it with "
            "--store."
        )
    return engine
