"""Where things are, from the command line, the environment, or the user's own folders."""

import os
from pathlib import Path
from urllib.parse import unquote

from platformdirs import user_data_path

from identity_engine.errors import ConfigurationError

STORE_VARIABLE = "IDENTITY_ENGINE_STORE"
ACTOR_VARIABLE = "IDENTITY_ENGINE_ACTOR"
MASTER_KEY_VARIABLE = "IDENTITY_ENGINE_MASTER_KEY"
TRACEBACK_VARIABLE = "IDENTITY_ENGINE_TRACEBACK"
LANGUAGE_VARIABLE = "LANG"
SCHEME = "sqlite:///"
POSTGRES_SCHEMES = ("postgresql://", "postgres://")


def store_folder(store: str | Path | None) -> Path:
    """Return the folder of a store.

    Args:
        store: `sqlite:///FOLDER` (a fourth slash makes the path absolute), a folder, or None for
            the environment's IDENTITY_ENGINE_STORE, else the user's data folder.

    Raises:
        ConfigurationError: the address is of a kind that this version does not open.
    """
    address = store or os.environ.get(STORE_VARIABLE) or user_data_path("identity-engine")
    if isinstance(address, Path):
        return address.absolute()
    if address.startswith(SCHEME):
        return Path(unquote(address.removeprefix(SCHEME))).absolute()
    if "://" in address:
        raise ConfigurationError(
            "A store is sqlite:///FOLDER, a folder or postgresql://...; not "
            f"{address.partition('://')[0]}://."
        )
    return Path(address).absolute()


def is_postgres(store: str | Path | None) -> str | None:
    """Return the address of a store on PostgreSQL, None where the store lies elsewhere.

    Args:
        store: as given, or None for the environment's IDENTITY_ENGINE_STORE.
    """
    address = store or os.environ.get(STORE_VARIABLE) or ""
    text = str(address) if not isinstance(address, Path) else ""
    return text if text.startswith(POSTGRES_SCHEMES) else None


def master_key_file() -> Path | None:
    """Return the file of the key-encryption key, if it is kept apart from the store."""
    path = os.environ.get(MASTER_KEY_VARIABLE)
    return Path(path) if path else None


def actor_of_user() -> str | None:
    """Return who acts, if the environment says so."""
    return os.environ.get(ACTOR_VARIABLE) or None


def locale_of_user() -> str | None:
    """Return the locale in which the user reads, by the usual order of variables."""
    names = ("LC_ALL", "LC_MESSAGES", LANGUAGE_VARIABLE)
    return next((os.environ[name] for name in names if os.environ.get(name)), None)
