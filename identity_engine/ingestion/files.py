"""Reading interaction events from a file in batches, from where the last run stopped."""

import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from msgspec import Struct

from identity_engine.errors import SourceError
from identity_engine.ingestion.content import HEAD, Content
from identity_engine.ingestion.csv_mapping import CsvMapping
from identity_engine.ingestion.csv_rows import CsvTable
from identity_engine.ingestion.envelope import Incoming, Rejected, decode
from identity_engine.ingestion.lines import Line, split_lines

__all__ = ["BATCH_SIZE", "Batch", "EventFile", "Format", "open_events"]

BATCH_SIZE: Final = 200  # lines; more would lose races between workers

Format = Literal["cloudevents", "csv"]
Decoder = Callable[..., Incoming | Rejected]


class Batch(Struct, frozen=True):
    """Some lines of a file, in order.

    `lines` are the original bytes (of a CSV file: of one row, which may have several lines),
    `positions` the byte where each begins and `numbers` its line number from 1. `start` and `end`
    are positions in the uncompressed stream; storing `end` with what was made of the batch lets the
    next run start there. `unusable` holds, by index, what the reader itself had to reject.
    """

    lines: list[bytes]
    positions: list[int]
    numbers: list[int]
    start: int
    end: int
    unusable: Mapping[int, Rejected]
    decoder: Decoder = decode

    @property
    def first_line(self) -> int:
        """Number of the first line, from 1."""
        return self.numbers[0]

    def decode(self, *, now: datetime) -> list[Incoming | Rejected]:
        """Decode every line, in order; `now` is aware UTC."""
        if not self.unusable:
            return [self.decoder(line, now=now) for line in self.lines]
        return [
            self.unusable.get(index) or self.decoder(line, now=now)
            for index, line in enumerate(self.lines)
        ]


class EventFile:
    """An open source of events; iterate it once for its batches. A context manager."""

    def __init__(
        self,
        content: Content,
        table: CsvTable | None,
        *,
        start_at: int,
        batch_size: int,
        secret: bytes,
    ) -> None:
        self._content = content
        self._table = table
        self._start_at = start_at
        self._batch_size = batch_size
        self._secret = secret

    @property
    def size(self) -> int | None:
        """Bytes on disk, compressed if the file is; None for a stream."""
        return self._content.size

    @property
    def bytes_read(self) -> int:
        """How many of `size` were read so far."""
        return self._content.read

    def fingerprint(self) -> str:
        """Identify this stream by its first 64 KiB (and the CSV mapping), not by its name.

        It tells how many bytes it covers, "BYTES-SHA256". A stream that cannot be read twice is
        known by its first line.
        """
        head = self._content.head
        return self._fingerprint_of(head.partition(b"\n")[0] if self._content.is_live else head)

    def resume(self, known: Mapping[str, int]) -> int:
        """Start where an earlier run stopped, and return that position; 0 if there was none.

        `known` maps fingerprints to the positions stored with them. A file that has grown since is
        found by its old fingerprint, if that covered all that was read or the whole 64 KiB; from
        then on store its position under the new one. Another file under the same name starts anew:
        reading a line twice does no harm, passing over one would. Call it before iterating.
        """
        if self._content.is_live:
            return self._start_at
        head = self._content.head
        # Followers of the log keep their positions beside those of files, under names of their own.
        begun = (fingerprint.partition("-")[0] for fingerprint in known)
        lengths = {int(length) for length in begun if length.isdecimal()}
        for length in sorted(lengths, reverse=True):
            position = known.get(self._fingerprint_of(head[:length]), 0)
            # A damaged end counts one byte more than there is.
            if length <= len(head) and (length == HEAD or position <= length + 1):
                self._start_at = max(self._start_at, position)
                break
        return self._start_at

    def __iter__(self) -> Iterator[Batch]:
        arrivals: Iterable[list[Line]] = split_lines(self._content.chunks())
        if self._table is not None:
            arrivals = self._table.rows(arrivals)
        pending: list[Line] = []
        start = self._start_at
        for arrived in arrivals:
            for line in arrived:
                if line.end <= self._start_at or _is_blank(line):
                    continue
                pending.append(line)
                if len(pending) == self._batch_size:
                    yield self._batch(pending, start)
                    start, pending = pending[-1].end, []
            if pending and self._content.is_live:
                yield self._batch(pending, start)
                start, pending = pending[-1].end, []
        if pending:
            yield self._batch(pending, start)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._content.close()

    def _batch(self, lines: list[Line], start: int) -> Batch:
        return Batch(
            lines=[line.content for line in lines],
            positions=[line.start for line in lines],
            numbers=[line.number for line in lines],
            start=start,
            end=lines[-1].end,
            unusable={
                index: Rejected(line.content, (line.fault,))
                for index, line in enumerate(lines)
                if line.fault
            },
            decoder=decode if self._table is None else self._table.decode,
        )

    def _fingerprint_of(self, head: bytes) -> str:
        meaning = b"" if self._table is None else self._table.mapping.canonical()
        digest = hmac.digest(self._secret, head + b"\x00" + meaning, "sha256").hex()
        return f"{len(head)}-{digest}"


def open_events(
    path: Path | str,
    format: Format = "cloudevents",  # noqa: A002 - the word of the command line
    mapping: Path | None = None,
    *,
    start_at: int = 0,
    batch_size: int = BATCH_SIZE,
    secret: bytes = b"",
) -> EventFile:
    """Open a file of events, plain or gzip by its first bytes; "-" is standard input.

    `mapping` is the JSON file that says what the columns of a CSV file mean. `start_at` is a byte
    position in the uncompressed stream: lines that end before or at it are passed over, and a last
    line without its ending is read again once it has grown. `secret` keys the fingerprint, so that
    what is stored of it tells nobody how the file begins.

    Raises `SourceError` if there is nothing to read, with cause and fix.
    """
    if (format == "csv") != (mapping is not None):
        raise SourceError(
            "A mapping file belongs to the format csv, and to no other.",
            "Give --format csv together with --mapping FILE.",
        )
    columns = None if mapping is None else CsvMapping.load(mapping)
    content = Content(path)
    try:
        _refuse_utf16(content)
        table = None if columns is None else CsvTable(columns)
    except BaseException:
        content.close()
        raise
    return EventFile(content, table, start_at=start_at, batch_size=batch_size, secret=secret)


def _refuse_utf16(content: Content) -> None:
    if content.head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceError(f"{content.name} is UTF-16.", "Save it as UTF-8.")


def _is_blank(line: Line) -> bool:
    return not line.fault and not line.content.strip()
