"""A source in a folder of CSV files: a directory that another system writes there.

A file has a header; the column `id` names a record, columns named as identifier types hold identifiers,
all others fields. Several values in a cell stand apart by `|`.
"""

import csv
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from identity_engine.errors import RemoteError
from identity_engine.ports.augmentation import FoundRecord, Named

Fold = Callable[[str, str], str | None]
"""Return the form in which an identifier of a type is compared, None where it is none."""

SEVERAL = "|"
MAX_RECORDS = 50


class CsvSource:
    """Reads all files of a folder at each question, so a file that was replaced is seen at once.

    Args:
        name: of the source, for errors.
        folder: where the files lie.
        types: the columns that hold identifiers.
        fold: makes identifiers comparable.
    """

    def __init__(self, name: str, folder: Path, types: Collection[str], fold: Fold) -> None:
        self._name, self._folder = name, folder
        self._types, self._fold = frozenset(types), fold

    def look_up(self, identifiers: Sequence[Named]) -> list[FoundRecord]:
        """Return the rows that hold one of these identifiers."""
        wanted = set(identifiers)
        found = []
        for record in self._records():
            if wanted.intersection(record.identifiers):
                found.append(record)
                if len(found) == MAX_RECORDS:
                    break
        return found

    def close(self) -> None:
        """Nothing is open between two questions."""

    def _records(self) -> Iterator[FoundRecord]:
        if not self._folder.is_dir():
            raise RemoteError(self._name, "unreachable")
        for path in sorted(self._folder.glob("*.csv")):
            try:
                with path.open(encoding="utf-8-sig", newline="") as file:
                    yield from self._rows(csv.DictReader(file, strict=True))
            except OSError:
                raise RemoteError(self._name, "unreachable") from None
            except (csv.Error, UnicodeDecodeError):
                raise RemoteError(self._name, "unreadable") from None

    def _rows(self, rows: "csv.DictReader[str]") -> Iterator[FoundRecord]:
        if "id" not in (rows.fieldnames or ()):
            raise RemoteError(self._name, "unreadable")
        for row in rows:
            cells = {name: _values(cell) for name, cell in row.items() if isinstance(name, str)}
            if not cells["id"]:
                continue  # nothing names it; it hides no other
            identifiers = [
                Named(type_, folded)
                for type_ in sorted(self._types & cells.keys())
                for value in cells[type_]
                if (folded := self._fold(type_, value)) is not None
            ]
            fields = {
                name: values
                for name, values in cells.items()
                if values and name not in self._types and name != "id"
            }
            yield FoundRecord(cells["id"][0], tuple(identifiers), fields)


def _values(cell: str | None) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in (cell or "").split(SEVERAL))))
