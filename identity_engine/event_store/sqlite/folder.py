"""A store in a folder of SQLite files, or in memory.

FOLDER/events.db        events, match index and source positions; one transaction writes all three
FOLDER/keys.db          wrapped data keys, durable before first use
FOLDER/master.key       the key-encryption key, unless the settings name another place
FOLDER/dead_letters.db  what could not be used
FOLDER/views-N.db       one file with all views; N grows with each rebuild
FOLDER/views.current    the number of the live file, replaced in one step by a rebuild
"""

import fcntl
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from errno import ENOSPC
from pathlib import Path

from identity_engine.errors import SettingsError, StoreBusy, StoreError
from identity_engine.event_store.closed import kept_open
from identity_engine.event_store.dead_letter_table import ADD_FILE
from identity_engine.event_store.file_damage import damage_of
from identity_engine.event_store.keys import KEY_BYTES
from identity_engine.event_store.place import StorePlace
from identity_engine.event_store.sqlite.holding import FileHolding
from identity_engine.event_store.sqlite.recorder import Datastore, Recorder
from identity_engine.event_store.sqlite.views import ViewFiles, ViewsInMemory
from identity_engine.event_store.sqlite_files import (
    LET_ME,
    LOCK_TIMEOUT_SECONDS,
    connect,
    create_private,
    write_transaction,
)

EVENTS_FILE = "events.db"
KEYS_FILE = "keys.db"
DEAD_LETTERS_FILE = "dead_letters.db"
MASTER_KEY_FILE = "master.key"
MAKE_ROOM = "Make room on the disk of the store."


class Folder:
    """The place of an embedded store.

    Args:
        path: the folder, made if missing; None keeps everything in memory.
        master_key: the key-encryption key's file, if it lies elsewhere.
        lock_seconds: how long a writer waits for the write lock of the log.
    """

    def __init__(
        self,
        path: Path | None,
        master_key: Path | None = None,
        lock_seconds: float = LOCK_TIMEOUT_SECONDS,
    ) -> None:
        self.path = self.scratch = path
        self._master_key = master_key
        self._lock_seconds = lock_seconds

    def refuse_absent(self) -> None:
        """Refuse a folder that holds no store."""
        if self.path is not None and not is_store(self.path):
            raise SettingsError(no_store(self.path))

    def refuse_unless_empty(self) -> None:
        """Refuse a folder with any durable file of a store, however little is in it."""
        files = (EVENTS_FILE, KEYS_FILE, DEAD_LETTERS_FILE)
        if self.path is not None and (kept := [one for one in files if (self.path / one).exists()]):
            raise StoreError(
                f"The target {self.path} holds {', '.join(kept)} already. Copy into an empty folder."
            )

    def is_same_as(self, other: StorePlace) -> bool:
        """Compare the folders."""
        if not isinstance(other, Folder) or self.path is None or other.path is None:
            return self is other
        return self.path.resolve() == other.path.resolve()

    def refuse_unless_current(self) -> None:
        """Nobody migrates a folder: its tables are made and kept by whoever opens it."""

    def key_encryption_key(self, entropy: Callable[[int], bytes]) -> bytes:
        """Read or make the key file, and the folder with it."""
        if self.path is not None:
            if self.path.exists() and not self.path.is_dir():
                raise SettingsError(no_store(self.path))
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.path is None and self._master_key is None:
            return entropy(KEY_BYTES)
        path = self._master_key or (self.path or Path()) / MASTER_KEY_FILE
        # Asked in this order, because another process that starts the store makes the master key first.
        has_keys = self.path is not None and (self.path / KEYS_FILE).exists()
        return key_in_file(path, entropy, is_new_store=not has_keys)

    def log(self, name: str) -> Recorder:
        """Open the event file.

        Raises:
            SettingsError: it is gone, and views of it are there.
        """
        if self.path is not None and not is_store(self.path) and _views_in(self.path):
            raise SettingsError(no_store(self.path))
        file = self._file(EVENTS_FILE)
        with kept_open(Recorder(Datastore(file, f"events-{name}", self._lock_seconds))) as recorder:
            recorder.create_table()
            return recorder

    def keys(self, schema: str) -> sqlite3.Connection:
        """Open the key store's file; the tables are made if they are missing.

        Raises:
            SettingsError: the log is gone that keys were made for.
        """
        with kept_open(_forgetful(self._open(KEYS_FILE), schema)) as keys:
            (made,) = keys.execute("SELECT last FROM made").fetchone()
            # Asked in this order: another process that starts the store makes keys after the log.
            if made and self.path is not None and not is_store(self.path):
                raise SettingsError(no_store(self.path))
            return keys

    def dead_letters(self, schema: str) -> sqlite3.Connection:
        """Open the file of dead letters; the tables are made if they are missing."""
        with kept_open(_forgetful(self._open(DEAD_LETTERS_FILE), schema)) as letters:
            if not _keeps_files(letters):
                with write_transaction(letters):
                    if not _keeps_files(letters):  # another process may have been here
                        letters.execute(ADD_FILE)
            return letters

    def views(self) -> ViewFiles | ViewsInMemory:
        """Return the view files."""
        return ViewFiles(self.path) if self.path is not None else ViewsInMemory()

    @contextmanager
    def alone(self, work: str, busy: str) -> Iterator[None]:
        """Lock a file of that name; a store in memory is known to no other process."""
        if self.path is None:
            yield
            return
        path = self.path / f"{work}.lock"
        create_private(path)
        with path.open("r+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StoreBusy(f"{busy} Wait for it.") from None
            yield

    def holding(self, work: str, parts: Sequence[str]) -> FileHolding:
        """Lock a file of that name."""
        return FileHolding(self._file(f"{work}.lock"), parts)

    def _open(self, name: str) -> sqlite3.Connection:
        return connect(self._file(name), telling=damage_of(name))

    def _file(self, name: str) -> Path | None:
        return self.path / name if self.path is not None else None


def is_store(folder: Path) -> bool:
    """Tell whether a folder holds a store."""
    return (folder / EVENTS_FILE).exists()


def no_store(folder: Path) -> str:
    """Return what is said where a store was to be there and is not: the cause and the fix."""
    if folder.exists() and not folder.is_dir():
        return f"{folder} is no folder, and a store is one. Name another with --store."
    if (folder / KEYS_FILE).exists() or _views_in(folder):
        return (
            f"The log {folder / EVENTS_FILE} is missing, and without it nothing is known. "
            "Restore it from a backup, or begin a new store in an empty folder."
        )
    return f"There is no store in {folder}. Name another with --store; the first ingest makes one."


def _views_in(folder: Path) -> list[Path]:
    return list(folder.glob("views-*.db"))


def not_opened(error: OSError) -> str:
    """Return what is said where the operating system refuses the files of a store."""
    where = f" ({error.filename})" if error.filename else ""
    fix = MAKE_ROOM if error.errno == ENOSPC else f"{LET_ME} Or name another folder."
    said = f"The store cannot be opened; the operating system says: {error.strerror or error}"
    return f"{said}{where}. {fix}"


def key_in_file(path: Path, entropy: Callable[[int], bytes], *, is_new_store: bool) -> bytes:
    """Return the key-encryption key from a file, which is made with a new store.

    Raises:
        ConfigurationError: the file is missing or damaged.
    """
    if not path.exists():
        if not is_new_store:
            raise SettingsError(
                f"The master key {path} is missing, and without it no personal data can be read. "
                "Put it back from its backup."
            )
        _write_once(path, entropy(KEY_BYTES))
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise SettingsError(f"The master key {path} must have {KEY_BYTES} bytes.")
    return key


def _write_once(path: Path, content: bytes) -> None:
    """Make the file, whole and durable, unless another process has made it meanwhile."""
    handle, fresh = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)  # mode 0600
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(handle)
    with suppress(FileExistsError):
        path.hardlink_to(fresh)
    Path(fresh).unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _keeps_files(letters: sqlite3.Connection) -> bool:
    found = letters.execute("SELECT 1 FROM pragma_table_info('dead_letters') WHERE name = 'file'")
    return found.fetchone() is not None


def _forgetful(connection: sqlite3.Connection, schema: str) -> sqlite3.Connection:
    with kept_open(connection):
        connection.execute("PRAGMA secure_delete = ON")
        connection.executescript(schema)
        return connection
