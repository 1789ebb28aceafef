"""Rows of a CSV file as they come from its lines, and each row as an interaction."""

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

import orjson
from msgspec.structs import replace

from identity_engine.errors import SourceError
from identity_engine.ingestion.envelope import Incoming, decode
from identity_engine.ingestion.faults import Fault, Rejected, fault
from identity_engine.ingestion.files.csv_mapping import CsvMapping, TimeColumn
from identity_engine.ingestion.files.lines import Line
from identity_engine.ingestion.json_text import without_bom

# A quote that stays open for longer than this was never meant to be.
MAX_ROW_LINES: Final = 100
MAX_ROW: Final = 128 * 1024  # bytes of a row of several lines


class CsvTable:
    """A CSV file under a mapping; its first row is the header."""

    def __init__(self, mapping: CsvMapping) -> None:
        self.mapping = mapping
        self._header: list[str] = []

    def rows(self, arrivals: Iterable[list[Line]]) -> Iterator[list[Line]]:
        """Join the lines of a stream to rows and take the header off.

        A row has several lines where a quote goes over them. A quote that is never closed costs its
        own line only: the lines after it are rows again.

        Raises `SourceError` at once with all columns that the header lacks.
        """
        waiting: deque[Line] = deque()
        for arrived in arrivals:
            waiting.extend(arrived)
            yield list(self._complete(waiting, at_end=False))
        yield list(self._complete(waiting, at_end=True))
        if not self._header:
            raise SourceError("The CSV file is empty.", "Its first row names the columns.")

    def decode(self, row: bytes, *, now: datetime) -> Incoming | Rejected:
        """Decode one row of this file; what is rejected keeps the bytes of the row."""
        try:
            cells = self._cells(row)
        except UnicodeDecodeError:
            return Rejected(row, (fault("wrong_encoding"),))
        except csv.Error as refused:
            code = "too_long" if "limit" in str(refused) else "bad_quote"
            return Rejected(row, (fault(code),))
        if len(cells) != len(self._header):
            return Rejected(row, (fault("ragged_row"),))
        by_column = dict(zip(self._header, map(str.strip, cells), strict=True))
        decoded = decode(orjson.dumps(self.mapping.event(by_column)), now=now)
        if not isinstance(decoded, Rejected):
            return decoded
        return Rejected(row, tuple(map(self._in_words_of_the_mapping, decoded.faults)))

    def _in_words_of_the_mapping(self, found: Fault) -> Fault:
        has_format = isinstance(self.mapping.time, TimeColumn) and self.mapping.time.format
        if found.code == "bad_time" and has_format:
            return fault("bad_time_format", "time")
        return found

    def _complete(self, waiting: deque[Line], *, at_end: bool) -> Iterator[Line]:
        while waiting:
            row = self._next_row(waiting, at_end=at_end)
            if row is None:
                return
            if self._header or row.fault:
                yield row
            elif row.content.strip():
                self._take_header(row.content)

    def _next_row(self, waiting: deque[Line], *, at_end: bool) -> Line | None:
        """Take the next row off `waiting`; None if lines yet to come may belong to it."""
        first = waiting[0]
        content = first.content
        for count, line in enumerate(waiting, start=1):
            if count > 1:
                content += b"\n" + line.content
            if line.fault or count > MAX_ROW_LINES or (count > 1 and len(content) > MAX_ROW):
                break
            if self._is_whole(content, is_joined=count > 1):
                for _ in range(count):
                    waiting.popleft()
                return replace(first, content=content, end=line.end)
        else:
            if not at_end:
                return None
        waiting.popleft()
        return first if first.fault else replace(first, fault=fault("bad_quote"))

    def _is_whole(self, row: bytes, *, is_joined: bool) -> bool:
        has_pairs = row.count(b'"') % 2 == 0
        if has_pairs != is_joined:
            return has_pairs
        try:
            cells = self._cells(row)
        except UnicodeDecodeError:
            return not is_joined
        except csv.Error:
            return False
        # Lines that a stray quote drew together are no row of this table.
        return not (is_joined and self._header) or len(cells) == len(self._header)

    def _cells(self, row: bytes) -> list[str]:
        text = without_bom(row).decode(self.mapping.encoding)
        return next(csv.reader([text], delimiter=self.mapping.delimiter, strict=True), [])

    def _take_header(self, row: bytes) -> None:
        try:
            header = [name.strip() for name in self._cells(row)]
        except (UnicodeDecodeError, csv.Error):
            raise SourceError(
                "The header of the CSV file cannot be read.",
                "Check encoding and delimiter in the mapping.",
            ) from None
        mapped = self.mapping.columns()
        missing = sorted(mapped - set(header))
        if missing:
            raise SourceError(
                f"The CSV file lacks the columns {', '.join(missing)}.",
                "Correct the mapping, or its delimiter.",
            )
        doubled = sorted(name for name in mapped if header.count(name) > 1)
        if doubled:
            raise SourceError(
                f"The CSV file has more than one column {', '.join(doubled)}.",
                "Rename all but one of them.",
            )
        self._header = header
