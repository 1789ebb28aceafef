"""A source behind HTTP: one POST with the identifiers, answered by JSON records.

The identifiers travel in the body and never in an address, so that no log of a proxy holds them. The
interface is written down in `docs/reference/augmentation.md`.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from identity_engine.adapters.guarded_http import GuardedHttp, failure_of
from identity_engine.errors import RemoteError
from identity_engine.observing.logbook import Logbook
from identity_engine.ports.augmentation import FoundRecord, Named

book = Logbook(__name__)

MAX_RECORDS = 50
Text = Annotated[str, Field(min_length=1, max_length=1_000)]


class _Said(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _Identifier(_Said):
    type: Text
    value: Text


class _Record(_Said):
    id: Text
    identifiers: Annotated[list[_Identifier], Field(max_length=100)] = []
    fields: Annotated[dict[Text, list[Text]], Field(max_length=100)] = {}

    @field_validator("fields", mode="before")
    @classmethod
    def _one_is_a_list_of_one(cls, fields: object) -> object:
        if not isinstance(fields, dict):
            return fields
        return {name: [one] if isinstance(one, str) else one for name, one in fields.items()}


class _Answer(_Said):
    records: Annotated[list[Any], Field(max_length=MAX_RECORDS)]

    def usable(self) -> list[_Record]:
        """Return the records that have the form agreed on."""
        found = []
        for record in self.records:
            with suppress(ValidationError):
                found.append(_Record.model_validate(record))
        return found


class HttpSource:
    """Asks one address.

    Args:
        http: the source.
        token: sent as a bearer token; None sends none.
    """

    def __init__(self, http: GuardedHttp, token: str | None) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def look_up(self, identifiers: Sequence[Named]) -> list[FoundRecord]:
        """Ask for the records of these identifiers.

        A record that cannot be read is logged and left out, so that it hides none of the others.
        """
        asked = {"identifiers": [one._asdict() for one in identifiers]}
        answer = self._http.request("POST", headers=self._headers, json=asked)
        if answer.status_code == httpx.codes.NO_CONTENT:
            return []
        # A 404 may as well be a wrong address, so it is a failure and never "nothing found".
        failure = failure_of(self._http.system, answer)
        if failure is not None:
            raise failure
        try:
            said = _Answer.model_validate_json(answer.content)
        except ValidationError:
            raise RemoteError(self._http.system, "unreadable") from None
        usable = said.usable()
        unreadable = len(said.records) - len(usable)
        if unreadable and not usable:
            raise RemoteError(self._http.system, "unreadable")
        if unreadable:
            book.warning("records_unreadable", count=unreadable)
        return [_found(one) for one in usable]

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def _found(record: _Record) -> FoundRecord:
    return FoundRecord(
        record.id,
        tuple(Named(one.type, one.value) for one in record.identifiers),
        {name: tuple(values) for name, values in record.fields.items()},
    )
