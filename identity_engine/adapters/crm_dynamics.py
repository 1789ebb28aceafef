"""Microsoft Dynamics 365 by the Dataverse Web API, version 9.2.

Activities are rows of `task`, written by PATCH to an alternate key, which makes the row or changes it
(learn.microsoft.com/power-apps/developer/data-platform/webapi/update-delete-entities-using-web-api).
The key column must be defined as an alternate key of every table that is written. Microsoft's own SDK
for Python is not used: it brings pandas along, waits 120 s and retries by itself, so a call could not
be held to 3 s and 1 MiB.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import httpx

from identity_engine.adapters.crm_tables import Relations, Row, Table
from identity_engine.adapters.guarded_http import GuardedHttp, failure_of, read_object, segment
from identity_engine.errors import RemoteError
from identity_engine.ports.crm import Activity, CrmRecord, CrmReference, Written

API = "/api/data/v9.2"
TABLES = {
    "account": Table("accounts", "accountid", "name", "regardingobjectid_account_task"),
    "contact": Table(
        "contacts",
        "contactid",
        "fullname",
        "regardingobjectid_contact_task",
        (("_parentcustomerid_value", "account"),),
    ),
    "lead": Table(
        "leads",
        "leadid",
        "fullname",
        "regardingobjectid_lead_task",
        (("_parentcontactid_value", "contact"), ("_parentaccountid_value", "account")),
    ),
    "case": Table(
        "incidents",
        "incidentid",
        "title",
        "regardingobjectid_incident_task",
        (("_customerid_value", "contact"), ("_customerid_value", "account")),
    ),
    "opportunity": Table(
        "opportunities",
        "opportunityid",
        "name",
        "regardingobjectid_opportunity_task",
        (("_parentcontactid_value", "contact"), ("_parentaccountid_value", "account")),
    ),
}
ENTITIES = {"accounts": "account", "contacts": "contact", "leads": "lead", "incidents": "incident"}
WHOLE_ROW = {"Prefer": "return=representation"}


class DynamicsCrm:
    """Speaks the Dataverse Web API.

    Args:
        http: the environment, `https://ORGANISATION.crm.dynamics.com`.
        login: the token endpoint, `https://login.microsoftonline.com/TENANT/oauth2/v2.0/token`.
        url: of the environment, for the scope of the token and for addresses.
        client_id, client_secret: of the application user.
        key_column: the column of the alternate key.
    """

    def __init__(
        self,
        http: GuardedHttp,
        login: GuardedHttp,
        url: str,
        *,
        client_id: str,
        client_secret: str,
        key_column: str,
    ) -> None:
        self._http, self._login = http, login
        self._url = url.rstrip("/")
        self._client_id, self._client_secret = client_id, client_secret
        self._key_column = key_column
        self._token: str | None = None
        self._relations = Relations(http.system, TABLES, self._find, self._address_of)

    def write(self, activity: Activity) -> Written:
        """Make the task, or change the one that has the key."""
        table = self._relations.table(activity.record.type)
        regarding = f"/{table.name}({activity.record.id})"
        row = self._patch(
            "tasks",
            activity.key,
            {**activity.fields, f"{table.activity_link}@odata.bind": regarding},
        )
        if "activityid" not in row:
            raise RemoteError(self._http.system, "unreadable")
        return Written(str(row["activityid"]), row.get("@odata.etag"))

    def withdraw(self, key: str) -> None:
        """Delete the task that has the key."""
        try:
            self._call("DELETE", self._row_path("tasks", key))
        except RemoteError as failure:
            if failure.reason != "not_found":
                raise

    def create(self, type_: str, key: str, fields: Mapping[str, str]) -> CrmRecord:
        """Make the row, or change the one that has the key."""
        row = self._patch(self._relations.table(type_).name, key, fields)
        return self._relations.record(type_, row)

    def related(self, records: Sequence[CrmReference], *, household: bool) -> list[CrmRecord]:
        """Return these records and what is related to them, person-level rows first."""
        return self._relations.related(records, household=household)

    def expand(self, record: CrmReference) -> list[CrmRecord]:
        """Return the rows that hang on one record."""
        return self._relations.expand(record)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
        self._login.close()

    def _patch(self, table: str, key: str, fields: Mapping[str, str]) -> dict[str, Any]:
        answer = self._call(
            "PATCH", self._row_path(table, key), headers=WHOLE_ROW, json=dict(fields)
        )
        return read_object(self._http.system, answer)

    def _row_path(self, table: str, key: str) -> str:
        return f"{API}/{table}({self._key_column}='{segment(_quoted(key))}')"

    def _find(self, table: Table, column: str, values: Sequence[str]) -> Iterable[Row]:
        # Ids are unquoted in a filter, so nothing but an id may stand there.
        if not all(one.replace("-", "").isalnum() for one in values):
            raise RemoteError(self._http.system, "refused")
        condition = " or ".join(f"{column} eq {one}" for one in values)
        query = {"$select": ",".join(table.columns), "$filter": condition}
        answer = read_object(
            self._http.system, self._call("GET", f"{API}/{table.name}", query=query)
        )
        rows = answer.get("value")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise RemoteError(self._http.system, "unreadable")
        return rows

    def _call(self, method: str, path: str, **sent: Any) -> httpx.Response:
        """Call with a token, with a new one where the old one has run out."""
        answer = self._authorised(method, path, **sent)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._token = None
            answer = self._authorised(method, path, **sent)
        failure = failure_of(self._http.system, answer)
        if failure is not None:
            raise failure
        return answer

    def _authorised(self, method: str, path: str, **sent: Any) -> httpx.Response:
        if self._token is None:
            self._token = self._new_token()
        headers = {
            **sent.pop("headers", {}),
            "Authorization": f"Bearer {self._token}",
            "OData-Version": "4.0",
            "OData-MaxVersion": "4.0",
            "Accept": "application/json",
        }
        return self._http.request(method, path, headers=headers, **sent)

    def _new_token(self) -> str:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret,
            "scope": f"{self._url}/.default",
        }
        answer = self._login.request("POST", form=form)
        if answer.status_code == httpx.codes.BAD_REQUEST:  # how OAuth 2.0 refuses a client
            raise RemoteError(self._http.system, "unauthorised")
        failure = failure_of(self._http.system, answer)
        if failure is not None:
            raise failure
        token = read_object(self._http.system, answer).get("access_token")
        if not isinstance(token, str):
            raise RemoteError(self._http.system, "unreadable")
        return token

    def _address_of(self, table: Table, id_: str) -> str:
        entity = ENTITIES.get(table.name, "opportunity")
        return f"{self._url}/main.aspx?pagetype=entityrecord&etn={entity}&id={id_}"


def _quoted(text: str) -> str:
    """Return a text as it stands within the quotes of OData."""
    return text.replace("'", "''")
