"""Where things are and how to reach them, as whoever runs the product says it."""

import os
import re
from pathlib import Path
from urllib.parse import unquote

from platformdirs import user_data_path

from identity_engine.errors import SettingsError
from identity_engine.settings.model import OperatorSettings as OperatorSettings
from identity_engine.settings.sources import in_force as in_force
from identity_engine.settings.sources import typed as typed

SCHEME = "sqlite:///"
LIBPQ = re.compile(r"(?:^|\s)(?:host|hostaddr|dbname|user|password|service)\s*=")
POSTGRES_SCHEMES = ("postgresql://", "postgres://")


def store_folder(store: str | Path | None) -> Path:
    """Return the folder of a store.

    Args:
        store: `sqlite:///FOLDER` (a fourth slash makes the path absolute), a folder, or None for
            what the settings say, else the user's data folder.

    Raises:
        ConfigurationError: the address is of a kind that this version does not open.
    """
    address = store or in_force().store or user_data_path("identity-engine")
    if isinstance(address, Path):
        return _folder(str(address))
    if address.startswith(SCHEME):
        return _folder(_path_in(address))
    if "://" in address:
        raise SettingsError(
            "A store is sqlite:///FOLDER, a folder or postgresql://...; not "
            f"{address.partition('://')[0]}://."
        )
    if LIBPQ.search(address):
        raise SettingsError(
            "A store on PostgreSQL is written postgresql://USER@HOST:PORT/DATABASE."
        )
    return _folder(address)


def _path_in(address: str) -> str:
    """Return the path that `sqlite:///FOLDER` names."""
    path = address.removeprefix(SCHEME)
    if not path:
        raise SettingsError(
            "sqlite:/// names no folder. Write one behind it, such as sqlite:///data"
        )
    if "?" in path:
        raise SettingsError(
            "sqlite:///FOLDER takes no parameters behind a question mark. Leave them out; one in the "
            "name of the folder is written %3F."
        )
    return unquote(path)


def _folder(path: str) -> Path:
    """Return the folder that a path names, with ~ for a home."""
    if "\0" in path:
        raise SettingsError("The path of a store cannot hold a NUL byte. Leave it out.")
    whole = os.path.expanduser(path)  # noqa: PTH111 - Path would take the ./ off a folder named ~
    if whole.startswith("~"):
        raise SettingsError(
            f"Nobody here has the home {Path(whole).parts[0]}. Write the path of the store in full; a "
            "folder of that name is written with ./ before it."
        )
    return Path(whole).absolute()


def is_postgres(store: str | Path | None) -> str | None:
    """Return the address of a store on PostgreSQL, None where the store lies elsewhere.

    Args:
        store: as given, or None for what the settings say.
    """
    address = store or in_force().store or ""
    text = str(address) if not isinstance(address, Path) else ""
    return text if text.startswith(POSTGRES_SCHEMES) else None


def locale_of_user() -> str | None:
    """Return the locale in which the user reads, by the usual order of variables."""
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    return next((os.environ[name] for name in names if os.environ.get(name)), None)
