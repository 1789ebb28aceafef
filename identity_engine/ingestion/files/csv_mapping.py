"""What the columns of a CSV file mean, written down once in a small JSON file.

{"source": "crm", "id": "Ticket", "time": {"column": "Opened", "format": "%d.%m.%Y %H:%M",
 "timezone": "Europe/Berlin"}, "channel": {"value": "form"},
 "identifiers": [{"type": "email", "column": "E-mail"}],
 "profile": {"given_name": "First name"}, "delimiter": ";", "encoding": "cp1252"}
"""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from aggregates.values import Id
from identity_engine.errors import SourceError
from identity_engine.ingestion.files.mapping_faults import sentences
from identity_engine.ingestion.json_text import repeats_key
from identity_engine.ingestion.wire.interaction import INTERACTION, Name

MAX_MAPPING: Final = 1024 * 1024  # bytes of a mapping file

ColumnName = Annotated[str, Field(min_length=1, max_length=256)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Column(_Part):
    """The cell of one column."""

    column: ColumnName


class Fixed(_Part):
    """The same value for every row."""

    value: Annotated[str, Field(max_length=256)]


_NAMES_A_YEAR: Final = re.compile("%[YyGcx]")
"""Without one strptime makes it 1900, and from Python 3.15 on it may refuse."""


class TimeColumn(_Part):
    """A time, RFC 3339 unless `format` (of strptime) says else; `timezone` is for those without."""

    column: ColumnName
    format: str | None = None
    timezone: str | None = None

    @field_validator("format")
    @classmethod
    def _readable(cls, format: str | None) -> str | None:  # noqa: A002 - the word of the mapping
        if format and not _NAMES_A_YEAR.search(format.replace("%%", "")):
            raise ValueError("a format without a year; write one like %d.%m.%Y %H:%M")
        try:
            datetime.strptime("", format or "")  # noqa: DTZ007 - nothing is read
        except (ValueError, re.error) as refused:
            # What can be read says of an empty cell no more than that it is of another form.
            if "does not match" not in str(refused):
                raise ValueError(
                    "no format that strptime reads; write one like %d.%m.%Y %H:%M"
                ) from None
        return format

    @field_validator("timezone")
    @classmethod
    def _known(cls, timezone: str | None) -> str | None:
        if timezone is not None:
            try:
                ZoneInfo(timezone)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise ValueError("no such time zone; write one like Europe/Paris") from None
        return timezone

    def rfc3339(self, cell: str) -> str:
        """Write `cell` as RFC 3339, or return it as it is if it is no time of this format."""
        try:
            moment = (
                datetime.strptime(cell, self.format)  # noqa: DTZ007 - the zone follows
                if self.format
                else datetime.fromisoformat(cell)
            )
        except ValueError:
            return cell
        if moment.tzinfo is None and self.timezone is not None:
            moment = moment.replace(tzinfo=ZoneInfo(self.timezone))
        return moment.isoformat()


class IdentifierColumn(_Part):
    """A column of identifiers of one type; an empty cell is no identifier."""

    type: Name
    column: ColumnName
    scope: Id | None = None
    verified: bool | None = None


Cell = ColumnName | Column | Fixed  # a bare text names a column


class CsvMapping(_Part):
    """The meaning of a CSV file's columns; a bare text names a column, except `source`."""

    source: Id | Column  # a bare text is the source itself
    id: ColumnName | Column
    time: ColumnName | TimeColumn
    channel: Cell
    direction: Cell = Fixed(value="inbound")
    division: Cell | None = None
    session: Cell | None = None
    identifiers: tuple[IdentifierColumn, ...] = ()
    profile: dict[Name, ColumnName] = Field(default_factory=dict)
    attributes: dict[Annotated[str, Field(min_length=1, max_length=64)], ColumnName] = Field(
        default_factory=dict
    )
    delimiter: Literal[",", ";", "\t", "|"] = ","
    encoding: str = "utf-8"

    @field_validator("encoding")
    @classmethod
    def _keeps_ascii(cls, encoding: str) -> str:
        # Rows are cut at the bytes of quotes and line feeds before they are decoded.
        try:
            keeps = b'"\n'.decode(encoding) == '"\n'
        except (LookupError, UnicodeDecodeError):
            raise ValueError("no such encoding; write one like utf-8 or cp1252") from None
        if not keeps:
            raise ValueError("not a superset of ASCII; save the file as UTF-8")
        return encoding

    @model_validator(mode="after")
    def _finds_someone(self) -> Self:
        if not self.identifiers and not self.profile:
            raise ValueError("no identifiers and no profile; map at least one column")
        return self

    @classmethod
    def load(cls, path: Path) -> "CsvMapping":
        """Read a mapping file; raises `SourceError` with every fault of it."""
        try:
            with path.open("rb") as file:
                text = file.read(MAX_MAPPING)
            mapping = cls.model_validate_json(text)
        except OSError as failed:
            raise SourceError(
                f"The mapping {path} cannot be read: {failed.strerror}.", "Check the path."
            ) from None
        except ValidationError as refused:
            faults = " ".join(sentences(refused, text))
            raise SourceError(f"The mapping {path} is wrong.", faults) from None
        if repeats_key(text, orjson.dumps(orjson.loads(text))):
            raise SourceError(f"The mapping {path} names a key twice.", "Keep one of them.")
        return mapping

    def canonical(self) -> bytes:
        """The mapping as bytes that are equal for equal meaning."""
        return self.model_dump_json().encode()

    def columns(self) -> set[str]:
        """The names of all columns it reads."""
        cells = (self.id, self.channel, self.direction, self.division, self.session)
        named = {cell for cell in cells if isinstance(cell, str)}
        placed = (*cells, self.source, self.time, *self.identifiers)
        named |= {
            cell.column
            for cell in placed
            if isinstance(cell, Column | TimeColumn | IdentifierColumn)
        }
        if isinstance(self.time, str):
            named.add(self.time)
        return named | {*self.profile.values(), *self.attributes.values()}

    def event(self, row: dict[str, str]) -> dict[str, object]:
        """Make the CloudEvents object that `row`, trimmed cells by column, stands for.

        An empty cell is left out, so that a required one is found missing.
        """
        time = self.time if isinstance(self.time, TimeColumn) else TimeColumn(column=self.time)
        event: dict[str, object] = {
            "specversion": "1.0",
            "type": INTERACTION,
            "source": self.source if isinstance(self.source, str) else row[self.source.column],
            "id": _cell(self.id, row),
            "time": time.rfc3339(row[time.column]),
        }
        data: dict[str, object] = {
            "channel": _cell(self.channel, row),
            "direction": _cell(self.direction, row),
            "division": _cell(self.division, row),
            "session": _cell(self.session, row),
            "identifiers": [
                {**identifier.model_dump(exclude={"column"}), "value": row[identifier.column]}
                for identifier in self.identifiers
                if row[identifier.column]
            ],
            "profile": _filled({name: row[column] for name, column in self.profile.items()}),
            "attributes": _filled({name: row[column] for name, column in self.attributes.items()}),
        }
        return _filled(event) | {"data": _filled(data)}


def _cell(cell: Cell | None, row: dict[str, str]) -> str:
    match cell:
        case None:
            return ""
        case Fixed(value=value):
            return value
        case Column(column=column):
            return row[column]
        case column:
            return row[column]


def _filled(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value}
