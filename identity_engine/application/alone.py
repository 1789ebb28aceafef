"""Work that one process at a time does on a store."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from identity_engine.errors import StoreBusy
from identity_engine.event_store.sqlite_files import create_private


@contextmanager
def alone(folder: Path | None, name: str, busy: str) -> Iterator[None]:
    """Keep a second process away; the lock goes with the process, however it ends.

    Args:
        folder: of the store; None for one in memory, which no other process knows.
        name: of the lock file.
        busy: what is told to the second one.

    Raises:
        StoreBusy: another process does this work now.
    """
    if folder is None:
        yield
        return
    path = folder / name
    create_private(path)
    with path.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreBusy(f"{busy} Wait for it.") from None
        yield
