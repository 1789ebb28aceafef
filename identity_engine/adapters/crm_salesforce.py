"""Salesforce by its REST API, through the library simple-salesforce (Apache-2.0).

Activities are rows of `Task`, written by PATCH to an external id, which makes the row or changes it. The
external id field must exist on `Task` and on every object that may be created. The library is given a
session that sends everything to the configured address only, with our limits.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import orjson
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceError
from simple_salesforce.format import format_soql

from identity_engine.adapters.crm_tables import Relations, Row, Table
from identity_engine.adapters.guarded_http import FAILURES, GuardedHttp, failure_of, segment
from identity_engine.errors import RemoteError
from identity_engine.ports.crm import Activity, CrmRecord, CrmReference, Written

VERSION = "61.0"
UNDERSTOOD = (httpx.codes.BAD_REQUEST, httpx.codes.UNAUTHORIZED)
TABLES = {
    "account": Table("Account", "Id", "Name", "WhatId"),
    "contact": Table("Contact", "Id", "Name", "WhoId", (("AccountId", "account"),)),
    "lead": Table(
        "Lead",
        "Id",
        "Name",
        "WhoId",
        (("ConvertedContactId", "contact"), ("ConvertedAccountId", "account")),
    ),
    "case": Table(
        "Case", "Id", "Subject", "WhatId", (("ContactId", "contact"), ("AccountId", "account"))
    ),
    "opportunity": Table("Opportunity", "Id", "Name", "WhatId", (("AccountId", "account"),)),
}

MOST_PAGES = 20
"""Of an answer; a page has up to 2,000 rows."""


class SalesforceCrm:
    """Speaks to one Salesforce organisation.

    Args:
        http: its My Domain, `https://NAME.my.salesforce.com`.
        url: the same, for addresses.
        client_id, client_secret: of a connected app with the client credentials flow.
        key_field: the external id field.
    """

    def __init__(
        self, http: GuardedHttp, url: str, *, client_id: str, client_secret: str, key_field: str
    ) -> None:
        self._http, self._url = http, url.rstrip("/")
        self._client_id, self._client_secret = client_id, client_secret
        self._key_field = key_field
        self._opened: Salesforce | None = None
        self._relations = Relations(http.system, TABLES, self._find, self._address_of)

    def write(self, activity: Activity) -> Written:
        """Make the task, or change the one that has the key."""
        table = self._relations.table(activity.record.type)
        linked = {**activity.fields, table.activity_link: activity.record.id}
        self._upsert("Task", activity.key, linked)
        row = self._row("Task", activity.key, ("Id", "SystemModstamp"))
        return Written(str(row["Id"]), row.get("SystemModstamp"))

    def withdraw(self, key: str) -> None:
        """Delete the task that has the key."""
        try:
            with self._told_plainly() as salesforce:
                salesforce.restful(f"sobjects/Task/{self._key(key)}", method="DELETE")
        except RemoteError as failure:
            if failure.reason != "not_found":
                raise

    def create(self, type_: str, key: str, fields: Mapping[str, str]) -> CrmRecord:
        """Make the row, or change the one that has the key."""
        table = self._relations.table(type_)
        self._upsert(table.name, key, fields)
        return self._relations.record(type_, self._row(table.name, key, table.columns[:2]))

    def related(self, records: Sequence[CrmReference], *, household: bool) -> list[CrmRecord]:
        """Return these records and what is related to them, person-level rows first."""
        return self._relations.related(records, household=household)

    def expand(self, record: CrmReference) -> list[CrmRecord]:
        """Return the rows that hang on one record."""
        return self._relations.expand(record)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _upsert(self, table: str, key: str, fields: Mapping[str, str]) -> None:
        with self._told_plainly() as salesforce:
            getattr(salesforce, table).upsert(self._key(key), dict(fields))

    def _row(self, table: str, key: str, columns: Sequence[str]) -> dict[str, Any]:
        """Return a row by its key: an update answers without the row's id."""
        rows = list(self._select(table, columns, self._key_field, [key]))
        if len(rows) != 1 or "Id" not in rows[0]:
            raise RemoteError(self._http.system, "unreadable")
        return rows[0]

    def _find(self, table: Table, column: str, values: Sequence[str]) -> Iterable[Row]:
        return self._select(table.name, table.columns, column, values)

    def _select(
        self, table: str, columns: Sequence[str], column: str, values: Sequence[str]
    ) -> Iterator[dict[str, Any]]:
        wanted = format_soql("{}", list(values))
        soql = f"SELECT {', '.join(columns)} FROM {table} WHERE {column} IN {wanted}"
        with self._told_plainly() as salesforce:
            answer = salesforce.query(soql)
            for _ in range(MOST_PAGES):
                rows = answer["records"]
                if not all(isinstance(row, dict) for row in rows):
                    raise RemoteError(self._http.system, "unreadable")
                yield from rows
                if answer["done"]:
                    return
                answer = salesforce.query_more(answer["nextRecordsUrl"], identifier_is_url=True)
        raise RemoteError(self._http.system, "too_large")

    def _key(self, key: str) -> str:
        return f"{self._key_field}/{segment(key)}"

    @contextmanager
    def _told_plainly(self) -> Iterator[Salesforce]:
        try:
            if self._opened is None:
                self._opened = self._log_in()
            yield self._opened
        except SalesforceAuthenticationFailed:
            raise RemoteError(self._http.system, "unauthorised") from None
        except SalesforceError as error:
            raise RemoteError(self._http.system, FAILURES.get(error.status, "refused")) from None
        except (
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
        ):  # read by the library as it came
            raise RemoteError(self._http.system, "unreadable") from None

    def _log_in(self) -> Salesforce:
        host = urlsplit(self._url).hostname or ""
        return Salesforce(
            consumer_key=self._client_id,
            consumer_secret=self._client_secret,
            domain=host.removesuffix(".salesforce.com"),
            version=VERSION,
            session=cast(Any, _Session(self._http)),
        )

    def _address_of(self, table: Table, id_: str) -> str:
        return f"{self._url}/lightning/r/{table.name}/{segment(id_)}/view"


class _Session:
    """What the library takes for its HTTP session. The host in an address that it makes is not used."""

    def __init__(self, http: GuardedHttp) -> None:
        self._http = http
        self.proxies: dict[str, str] = {}

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: Any = None,
        params: Mapping[str, str] | None = None,
        **_: Any,
    ) -> httpx.Response:
        """Send what the library asks for to the configured address.

        Raises:
            RemoteError: there is no answer, or one that the library has no word for.
        """
        sent: dict[str, Any] = {"form": data} if isinstance(data, dict) else {"content": data}
        answer = self._http.request(
            method, urlsplit(url).path, headers=headers, query=params, **sent
        )
        failure = failure_of(self._http.system, answer)
        # The library logs in again by itself where a token has run out, which it reads in the body.
        readable = _is_json(answer)
        if failure is not None and not (answer.status_code in UNDERSTOOD and readable):
            raise failure
        if answer.content and not readable:
            raise RemoteError(self._http.system, "unreadable")
        return answer

    def post(
        self, url: str, data: Any = None, headers: Mapping[str, str] | None = None, **_: Any
    ) -> httpx.Response:
        """Send a form or a body."""
        return self.request("POST", url, headers=headers, data=data)


def _is_json(answer: httpx.Response) -> bool:
    try:
        orjson.loads(answer.content)  # refuses what is nested too deep, and halves of characters
    except ValueError:
        return False
    return True
