"""CRMs on this machine that behave as their documentation says: one store of rows, three interfaces.

Each server can be told to answer the next calls with something else (`fail_next`), or to do what is
asked and then answer something else (`answer_then`); it keeps what it was sent (`requests`), and knows
one client.
"""

import json
import re
import ssl
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

CLIENT, SECRET, TOKEN = "client-1", "s3cret", "token-1"


@dataclass
class Rows:
    """The rows of all tables; ids are given in order."""

    tables: dict = field(default_factory=lambda: defaultdict(dict))
    made: int = 0
    changes: int = 0

    def add(self, table, id_column, **columns):
        """Make a row and return its id."""
        self.made += 1
        id_ = columns.pop("id", None) or f"id{self.made:06d}"
        self.tables[table][id_] = {id_column: id_, **columns}
        return id_

    def upsert(self, table, id_column, key_column, key, columns):
        """Make or change the row with a key; return it, and whether it was made."""
        self.changes += 1
        for row in self.tables[table].values():
            if row.get(key_column) == key:
                row.update(columns)
                return row, False
        id_ = self.add(table, id_column, **{key_column: key}, **columns)
        return self.tables[table][id_], True

    def delete(self, table, key_column, key):
        """Delete the row with a key; tell whether there was one."""
        found = [id_ for id_, row in self.tables[table].items() if row.get(key_column) == key]
        for id_ in found:
            del self.tables[table][id_]
        return bool(found)


class Server:
    """One CRM that listens on this machine.

    Args:
        dialect: a class with `token(server, body)` and `answer(server, method, path, query, body)`.
        certificate: a file with certificate and key, for TLS.
    """

    def __init__(self, dialect, certificate=None):
        self.rows = Rows()
        self.dialect = dialect
        self.requests = []
        self.fail_next = []
        self.answer_then = []
        self.valid_tokens = {TOKEN}
        self.logins = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                status, headers, content = server.answer(self, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815 - its names

            def log_message(self, *_):
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.handle_error = lambda *_: None  # a client that hangs up is no noise
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def answer(self, request, body):
        """Return status, headers and content."""
        address = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        self.requests.append((request.command, request.path, body))
        if self.fail_next and not self.dialect.is_login(address.path):
            status, headers, content = self.fail_next.pop(0)
            return status, headers, content
        if self.dialect.is_login(address.path):
            self.logins += 1
            return as_json(*self.dialect.token(self, request, body))
        if (
            request.headers.get("Authorization", "").removeprefix("Bearer ")
            not in self.valid_tokens
        ):
            return as_json(401, self.dialect.unauthorised)
        said = json.loads(body) if body else None
        answer = as_json(
            *self.dialect.answer(self, request.command, unquote(address.path), query, said)
        )
        return self.answer_then.pop(0) if self.answer_then else answer

    def close(self):
        """Stop listening."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def as_json(status, content=None):
    """Return an answer of JSON; None is no content."""
    if content is None:
        return status, {}, b""
    return status, {"Content-Type": "application/json"}, json.dumps(content).encode()


class Rest:
    """The plain interface of docs/reference/crm.md."""

    unauthorised: ClassVar = {"error": "unauthorised"}
    names: ClassVar = {"contact": "contact", "account": "account", "lead": "lead", "case": "case"}
    parents: ClassVar = {
        "contact": ("account",),
        "lead": ("contact", "account"),
        "case": ("contact",),
    }

    @staticmethod
    def is_login(_):
        return False

    @classmethod
    def answer(cls, server, method, path, _, body):
        parts = path.strip("/").split("/")
        match method, parts:
            case "PUT", ["activities", key]:
                if body["record"]["type"] not in cls.names:
                    return 422, {"error": "unknown type"}
                columns = {"record": body["record"], **body["fields"]}
                row, made = server.rows.upsert("activity", "id", "key", key, columns)
                row["version"] = row.get("version", 0) + 1
                return 201 if made else 200, {"id": row["id"], "version": row["version"]}
            case "DELETE", ["activities", key]:
                return (204 if server.rows.delete("activity", "key", key) else 404), None
            case "PUT", ["records", type_, key]:
                if type_ not in cls.names:
                    return 422, {"error": "unknown type"}
                row, made = server.rows.upsert(type_, "id", "key", key, body["fields"])
                return 201 if made else 200, cls.record(server, type_, row)
            case "POST", ["related"]:
                return 200, {"records": list(cls.related(server, body))}
            case "GET", ["records", type_, id_, "related"]:
                found = [
                    cls.record(server, child, row)
                    for child in cls.names
                    for row in server.rows.tables[child].values()
                    if type_ in cls.parents.get(child, ()) and row.get(type_) == id_
                ]
                return 200, {"records": found}
        return 404, {"error": "not found"}

    @classmethod
    def related(cls, server, body):
        waiting = [(one["type"], one["id"]) for one in body["records"]]
        seen = set()
        while waiting:
            type_, id_ = waiting.pop(0)
            row = server.rows.tables[type_].get(id_)
            if row is None or (type_, id_) in seen:
                continue
            seen.add((type_, id_))
            yield cls.record(server, type_, row)
            waiting += [(up, row[up]) for up in cls.parents.get(type_, ()) if row.get(up)]
            for child in ("lead", *(["contact"] if body["household"] else [])):
                waiting += [
                    (child, other)
                    for other, below in server.rows.tables[child].items()
                    if type_ in cls.parents[child] and below.get(type_) == id_
                ]

    @staticmethod
    def record(server, type_, row):
        label = row.get("name") or row.get("title") or row["id"]
        address = f"{server.url}/{type_}/{row['id']}"
        return {"type": type_, "id": row["id"], "label": label, "address": address}


class Salesforce:
    """The REST API of Salesforce, as far as it is used."""

    unauthorised: ClassVar = [
        {"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}
    ]
    objects = ("Account", "Contact", "Lead", "Case", "Opportunity", "Task")
    soql = re.compile(r"SELECT (.+) FROM (\w+) WHERE (\w+) IN \((.+)\)")

    @staticmethod
    def is_login(path):
        return path == "/services/oauth2/token"

    @staticmethod
    def token(server, request, body):
        import base64

        given = request.headers["Authorization"].removeprefix("Basic ")
        if base64.b64decode(given).decode() != f"{CLIENT}:{SECRET}":
            return 400, {"error": "invalid_client", "error_description": "invalid client"}
        assert parse_qs(body.decode()) == {"grant_type": ["client_credentials"]}
        server.valid_tokens.add(f"token-{server.logins + 1}")
        return 200, {
            "access_token": f"token-{server.logins + 1}",
            "instance_url": "https://elsewhere.my.salesforce.com",
        }

    @classmethod
    def answer(cls, server, method, path, query, body):
        rest = path.removeprefix("/services/data/v61.0/")
        match method, rest.split("/"):
            case "PATCH", ["sobjects", name, field, key] if name in cls.objects:
                stamp = f"2026-01-01T00:00:00.{server.rows.changes + 1:03d}+0000"
                columns = {**body, "SystemModstamp": stamp}
                if name in ("Contact", "Lead"):
                    columns["Name"] = body.get("LastName", "")
                if name == "Lead" and "Company" not in body:
                    return 400, [{"errorCode": "REQUIRED_FIELD_MISSING", "message": "Company"}]
                row, made = server.rows.upsert(name, "Id", field, key, columns)
                return (
                    (201, {"id": row["Id"], "success": True, "errors": []}) if made else (204, None)
                )
            case "DELETE", ["sobjects", name, field, key] if name in cls.objects:
                if server.rows.delete(name, field, key):
                    return 204, None
                return 404, [{"errorCode": "NOT_FOUND", "message": "not there"}]
            case "GET", ["query", ""]:
                columns, name, field, listed = cls.soql.fullmatch(query["q"]).groups()
                wanted = re.findall(r"'([^']*)'", listed)
                found = [
                    {
                        "attributes": {"type": name},
                        **{column: row.get(column) for column in columns.split(", ")},
                    }
                    for row in server.rows.tables[name].values()
                    if row.get(field) in wanted
                ]
                return 200, {"totalSize": len(found), "done": True, "records": found}
        return 404, [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]


class Dynamics:
    """The Dataverse Web API, as far as it is used; its login is on the same server."""

    unauthorised: ClassVar = {"error": {"code": "0x80072560", "message": "not a member"}}
    ids: ClassVar = {
        "accounts": "accountid",
        "contacts": "contactid",
        "leads": "leadid",
        "incidents": "incidentid",
        "opportunities": "opportunityid",
        "tasks": "activityid",
    }
    keyed = re.compile(r"(\w+)\((\w+)='([^']*)'\)")

    @staticmethod
    def is_login(path):
        return path == "/tenant/oauth2/v2.0/token"

    @staticmethod
    def token(server, _, body):
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if (form["client_id"], form["client_secret"]) != (CLIENT, SECRET):
            return 400, {"error": "invalid_client"}
        assert form["scope"] == f"{server.url}/.default"
        server.valid_tokens.add(f"token-{server.logins + 1}")
        return 200, {"access_token": f"token-{server.logins + 1}", "token_type": "Bearer"}

    @classmethod
    def answer(cls, server, method, path, query, body):
        rest = path.removeprefix("/api/data/v9.2/")
        keyed = cls.keyed.fullmatch(rest)
        if keyed and keyed[1] in cls.ids:
            table, column, key = keyed.groups()
            if method == "DELETE":
                return (
                    (204, None) if server.rows.delete(table, column, key) else (404, {"error": {}})
                )
            if table == "leads" and "lastname" not in body:
                return 400, {"error": {"code": "0x80040227", "message": "lastname is required"}}
            columns = dict(body)
            if table in ("contacts", "leads"):
                columns["fullname"] = body.get("lastname", "")
            row, made = server.rows.upsert(table, cls.ids[table], column, key, columns)
            row["@odata.etag"] = f'W/"{server.rows.changes}"'
            return 201 if made else 200, row
        if method == "GET" and rest in cls.ids:
            asked = re.findall(r"(\w+) eq ([\w-]+)", query["$filter"])
            columns = query["$select"].split(",")
            found = [
                {column: row.get(column) for column in columns}
                for row in server.rows.tables[rest].values()
                if any(row.get(column) == value for column, value in asked)
            ]
            return 200, {"value": found}
        return 404, {"error": {"code": "0x80060888", "message": "Resource not found"}}


@contextmanager
def listening(dialect, certificate=None):
    """Let a CRM listen, and stop it at the end."""
    server = Server(dialect, certificate)
    try:
        yield server
    finally:
        server.close()
