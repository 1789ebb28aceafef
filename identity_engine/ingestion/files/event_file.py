"""Reading interaction events from a file in batches, from where the last run stopped."""

import codecs
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from msgspec import Struct

from identity_engine.errors import SourceError
from identity_engine.ingestion.envelope import Incoming, Rejected, decode
from identity_engine.ingestion.files.content import Content
from identity_engine.ingestion.files.csv_mapping import CsvMapping
from identity_engine.ingestion.files.csv_rows import CsvTable
from identity_engine.ingestion.files.fingerprints import Passed, fingerprint_of, read_before
from identity_engine.ingestion.files.lines import Line, split_lines

__all__ = ["BATCH_SIZE", "Batch", "EventFile", "Format", "open_events"]

BATCH_SIZE: Final = 200  # lines; more would lose races between workers
_MARKS: Final = {
    "UTF-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
    "UTF-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
}

Format = Literal["cloudevents", "csv"]
Decoder = Callable[..., Incoming | Rejected]


class Batch(Struct, frozen=True):
    """Some lines of a file, in order.

    `lines` are the original bytes (of a CSV file: of one row, which may have several lines),
    `positions` the byte where each begins and `numbers` its line number from 1. `start` and `end`
    are positions in the uncompressed stream; storing `end` under the name `source`, with what was
    made of the batch, lets the next run start there. `instead_of` is the name under which this run
    knew its position until then, None at the start. `unusable` holds, by index, what the reader
    itself had to reject.
    """

    lines: list[bytes]
    positions: list[int]
    numbers: list[int]
    start: int
    end: int
    source: str
    instead_of: str | None
    unusable: Mapping[int, Rejected]
    decoder: Decoder = decode

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
        self._known_as: str | None = None

    @property
    def name(self) -> str | None:
        """What the file is called, without its folder; None for standard input."""
        if self._content.name == "-":
            return None
        # A name need not be UTF-8.
        return os.fsencode(Path(self._content.name).name).decode(errors="replace")

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

        `known` maps the names of batches to the positions stored under them. What this file begins
        with is read once more and compared with all that the earlier run had read, so that nothing is
        passed over that only looks known: a file that has grown goes on, another one under the same
        name or with the same beginning starts anew. Call it before iterating.
        """
        if self._content.is_live:
            return self._start_at
        name = read_before(self._content, known, self._secret, self._fingerprint_of)
        if name is not None:
            self._known_as = name
            self._start_at = max(self._start_at, known[name])
        return self._start_at

    def __iter__(self) -> Iterator[Batch]:
        passed = Passed(self._secret)
        arrivals: Iterable[list[Line]] = split_lines(passed.over(self._content.chunks()))
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
                    yield self._batch(pending, start, passed)
                    start, pending = pending[-1].end, []
            if pending and self._content.is_live:
                yield self._batch(pending, start, passed)
                start, pending = pending[-1].end, []
        if pending:
            yield self._batch(pending, start, passed)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._content.close()

    def _batch(self, lines: list[Line], start: int, passed: Passed) -> Batch:
        before, self._known_as = self._known_as, self._name(passed)
        return Batch(
            lines=[line.content for line in lines],
            positions=[line.start for line in lines],
            numbers=[line.number for line in lines],
            start=start,
            end=lines[-1].end,
            source=self._known_as,
            instead_of=before,
            unusable={
                index: Rejected(line.content, (line.fault,), line.is_cut)
                for index, line in enumerate(lines)
                if line.fault
            },
            decoder=decode if self._table is None else self._table.decode,
        )

    def _name(self, passed: Passed) -> str:
        # A stream that cannot be read again keeps no account of what was read of it.
        name = self.fingerprint()
        return name if self._content.is_live else f"{name}:{passed.fingerprint()}"

    def _fingerprint_of(self, head: bytes) -> str:
        meaning = b"" if self._table is None else self._table.mapping.canonical()
        return fingerprint_of(self._secret, head, meaning)


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
        _refuse_encoding(content)
        if columns is None:
            _refuse_array(content)
        table = None if columns is None else CsvTable(columns)
    except BaseException:
        content.close()
        raise
    return EventFile(content, table, start_at=start_at, batch_size=batch_size, secret=secret)


def _refuse_encoding(content: Content) -> None:
    # The mark of UTF-32 begins with that of UTF-16.
    for encoding, marks in _MARKS.items():
        if content.head.startswith(marks):
            raise SourceError(f"{content.name} is {encoding}.", "Save it as UTF-8.")


def _refuse_array(content: Content) -> None:
    first, ended, _ = content.head.lstrip().partition(b"\n")
    opened = first.startswith(b"[") and first.rstrip().endswith((b"[", b"{", b","))
    if opened and ended:
        raise SourceError(
            f"{content.name} is one JSON array over many lines.",
            "Write one event a line; jq -c '.[]' does so.",
        )


def _is_blank(line: Line) -> bool:
    return not line.fault and not line.content.strip()
