"""Holding work by the lock of a file, which goes with the process.

One process holds all of it and the others stand by: a file of SQLite has one writer at a time, so to
share it out would gain nothing.
"""

import fcntl
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from identity_engine.event_store.sqlite_files import create_private


class FileHolding:
    """All parts of some work, or none.

    Args:
        path: the file to lock; None where no other process can know of it.
        parts: what can be held.
    """

    def __init__(self, path: Path | None, parts: Sequence[str]) -> None:
        self._parts = frozenset(parts)
        self._file: IO[bytes] | None = None
        self._is_ours = path is None
        if path is not None:
            create_private(path)
            self._file = path.open("r+b")

    def renew(self) -> frozenset[str]:
        """Take the lock if it is free."""
        if self._file is not None and not self._is_ours:
            with suppress(BlockingIOError):
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._is_ours = True
        return self._parts if self._is_ours else frozenset()

    def close(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            self._file.close()
            self._file, self._is_ours = None, False
