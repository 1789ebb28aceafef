"""From the address of a store to the place where it lies."""

from pathlib import Path

from identity_engine.event_store.folder import Folder
from identity_engine.event_store.place import Place
from identity_engine.settings import in_force, is_postgres, store_folder


def place_of(store: str | Path | None) -> Place:
    """Return the place of a store.

    Args:
        store: a folder, `sqlite:///FOLDER` or `postgresql://...`; None for what the settings say,
            else the user's own folder.

    Raises:
        ConfigurationError: the address is of another kind, or a setting is wrong.
    """
    settings = in_force()
    address = is_postgres(store)
    if address is None:
        return Folder(store_folder(store), settings.master_key, settings.sqlite.lock_seconds)
    from identity_engine.event_store.postgres import Patience, Server

    return Server(address, settings.master_key, Patience(**settings.postgres.model_dump()))


def in_memory() -> Place:
    """Return a place that is gone when its store is closed."""
    return Folder(None, in_force().master_key)
