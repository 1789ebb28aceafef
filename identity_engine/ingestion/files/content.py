"""Opening what is to be ingested: a file, a gzip file or standard input, as chunks of bytes."""

import gzip
import io
import os
import stat
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

from identity_engine.errors import SourceError
from identity_engine.ingestion.files.lines import DamagedStreamError

CHUNK: Final = 256 * 1024  # bytes; the most that is unpacked at once
HEAD: Final = 64 * 1024  # bytes that tell one stream from another

_GZIP_MAGIC: Final = b"\x1f\x8b"


class Content:
    """The bytes of one source, unpacked if they are gzip, read from front to end.

    `size` is the number of bytes on disk and `read` how many of them were used, for progress;
    `size` is None where it cannot be known. `is_live` says that bytes may arrive slowly.
    """

    def __init__(self, path: Path | str) -> None:
        self.name = str(path)
        if self.name == "-":
            self._file = _standard_input()
            self.size: int | None = None
        else:
            self._file, self.size = _open(Path(path))
        self.is_live = self.size is None
        try:
            self._unpacked = self._unpack()
            self._damage: str | None = None
            self.head = self._read_head()
        except BaseException:
            self.close()
            raise

    @property
    def read(self) -> int:
        """Bytes on disk read so far; 0 for a live stream."""
        return 0 if self.is_live else self._file.tell()

    def chunks(self) -> Iterator[bytes]:
        """Yield all content, at most `CHUNK` bytes at once; raises `DamagedStreamError`."""
        chunk = self.head
        while chunk:
            yield chunk
            chunk = self._next(CHUNK)
        if self._damage:
            raise DamagedStreamError(self._damage)

    def rewind(self) -> None:
        """Go back to the first byte, so that `chunks` yields all again; not for a live stream."""
        self._unpacked.seek(0)
        self._damage = None
        self.head = self._read_head()

    def close(self) -> None:
        """Close the file; standard input stays open, it belongs to the process."""
        if self.name != "-":
            self._file.close()

    def _unpack(self) -> io.BufferedReader | gzip.GzipFile:
        if self._file.peek(2)[:2] != _GZIP_MAGIC:
            return self._file
        return gzip.GzipFile(fileobj=self._file, mode="rb")

    def _read_head(self) -> bytes:
        if self.is_live:
            return self._next(HEAD)
        head = b""
        while len(head) < HEAD and (more := self._next(HEAD - len(head))):
            head += more
        return head

    def _next(self, size: int) -> bytes:
        try:
            return self._unpacked.read1(size)
        except EOFError:
            self._damage = "truncated_gzip"
        except (zlib.error, gzip.BadGzipFile):
            self._damage = "damaged_gzip"
        return b""


def refuse_unreadable(path: Path) -> None:
    """Refuse a file that cannot be opened, before anything is done with others.

    Raises:
        SourceError: says why, and what to do.
    """
    if not path.is_fifo():  # opening one waits for its writer, and closing it ends the writer
        _open(path)[0].close()


def _standard_input() -> io.BufferedReader:
    if sys.stdin is None:
        raise SourceError("Standard input is closed.", "Pipe the events in, or name a file.")
    return cast("io.BufferedReader", sys.stdin.buffer)


def _open(path: Path) -> tuple[io.BufferedReader, int | None]:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise SourceError(f"There is no file {path}.", "Check the path.") from None
    except IsADirectoryError:
        raise SourceError(f"{path} is a folder.", "Name the files in it.") from None
    except PermissionError:
        raise SourceError(
            f"{path} may not be read.", "Give this user the right to read it."
        ) from None
    except OSError as failed:
        raise SourceError(
            f"{path} cannot be opened: {failed.strerror}.", "Check the path."
        ) from None
    status = os.fstat(file.fileno())
    return file, status.st_size if stat.S_ISREG(status.st_mode) else None
