"""From the address of a store to the place where it lies."""

from pathlib import Path

from identity_engine.event_store.folder import Folder
from identity_engine.event_store.place import Place
from identity_engine.settings import is_postgres, master_key_file, store_folder


def place_of(store: str | Path | None) -> Place:
    """Return the place of a store.

    Args:
        store: a folder, `sqlite:///FOLDER` or `postgresql://...`; None for what the environment says,
            else the user's own folder.

    Raises:
        ConfigurationError: the address is of another kind, or PostgreSQL's driver is not installed.
    """
    address = is_postgres(store)
    if address is None:
        return Folder(store_folder(store), master_key_file())
    from identity_engine.event_store.postgres import Server

    return Server(address, master_key_file())


def in_memory() -> Place:
    """Return a place that is gone when its store is closed."""
    return Folder(None, master_key_file())
