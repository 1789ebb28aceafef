"""What every CRM adapter promises: each is held to it against a server that speaks its interface."""

from dataclasses import dataclass

import pytest

from aggregates.settings import Crm as CrmSettings
from identity_engine.adapters import guarded_http
from identity_engine.bootstrap import connect_crm
from identity_engine.errors import ConfigurationError, RemoteError
from identity_engine.ports.crm import Activity, CrmReference
from tests.support import crm_servers as servers


@dataclass(frozen=True)
class Case:
    """An adapter, the server it talks to, and how the server's tables and fields are called."""

    settings: dict
    dialect: type
    tables: dict
    ids: dict
    account_of_contact: str
    contact_of_lead: str
    contact_of_case: str
    name: dict
    task: str
    key: str
    form: dict

    def add(self, server, type_, **columns):
        return server.rows.add(self.tables[type_], self.ids[type_], **columns)


TYPES = ("account", "contact", "lead", "case")
REST = Case(
    {"kind": "rest", "token_env": "CRM_TOKEN"},
    servers.Rest,
    {type_: type_ for type_ in TYPES},
    dict.fromkeys(TYPES, "id"),
    "account",
    "contact",
    "contact",
    {"account": "name", "contact": "name", "lead": "name", "case": "title"},
    "activity",
    "key",
    {"name": "Berger"},
)
SALESFORCE = Case(
    {"kind": "salesforce", "client_id_env": "CRM_CLIENT", "client_secret_env": "CRM_SECRET"},
    servers.Salesforce,
    {type_: type_.title() for type_ in TYPES},
    dict.fromkeys(TYPES, "Id"),
    "AccountId",
    "ConvertedContactId",
    "ContactId",
    {"account": "Name", "contact": "Name", "lead": "Name", "case": "Subject"},
    "Task",
    "Identity_Engine_Key__c",
    {"LastName": "Berger"},
)
DYNAMICS = Case(
    {"kind": "dynamics", "client_id_env": "CRM_CLIENT", "client_secret_env": "CRM_SECRET"},
    servers.Dynamics,
    {"account": "accounts", "contact": "contacts", "lead": "leads", "case": "incidents"},
    {"account": "accountid", "contact": "contactid", "lead": "leadid", "case": "incidentid"},
    "_parentcustomerid_value",
    "_parentcontactid_value",
    "_customerid_value",
    {"account": "name", "contact": "fullname", "lead": "fullname", "case": "title"},
    "tasks",
    "ie_key",
    {"lastname": "Berger"},
)
CASES = {"rest": REST, "salesforce": SALESFORCE, "dynamics": DYNAMICS}


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


@pytest.fixture
def server(case):
    with servers.listening(case.dialect) as server:
        yield server


@pytest.fixture
def settings(case, server, monkeypatch):
    monkeypatch.setenv("CRM_TOKEN", servers.TOKEN)
    monkeypatch.setenv("CRM_CLIENT", servers.CLIENT)
    monkeypatch.setenv("CRM_SECRET", servers.SECRET)
    more = {"login_url": f"{server.url}/tenant/oauth2/v2.0/token"}
    more = more if case.settings["kind"] == "dynamics" else {}
    return CrmSettings(**case.settings, **more, url=server.url, allow_private=True)


@pytest.fixture
def crm(settings):
    crm = connect_crm(settings)
    yield crm
    crm.close()


def activity(record, key="019b-key", **fields):
    return Activity(key, record, fields or {"Subject": "A call"})


class TestEveryCrm:
    def test_an_activity_written_twice_under_one_key_is_one_activity(self, case, server, crm):
        anna = CrmReference("contact", case.add(server, "contact"))

        first = crm.write(activity(anna, Subject="one"))
        second = crm.write(activity(anna, Subject="two"))

        (row,) = server.rows.tables[case.task].values()
        assert (first.id, row["Subject"], row[case.key]) == (second.id, "two", "019b-key")
        assert first.version != second.version

    def test_an_activity_names_its_record(self, case, server, crm):
        account = case.add(server, "account")

        crm.write(activity(CrmReference("account", account)))

        (row,) = server.rows.tables[case.task].values()
        assert account in str(row)

    def test_withdrawing_takes_it_away_and_may_be_repeated(self, case, server, crm):
        crm.write(activity(CrmReference("contact", case.add(server, "contact"))))

        crm.withdraw("019b-key")
        crm.withdraw("019b-key")

        assert not server.rows.tables[case.task]

    def test_a_record_made_twice_under_one_key_is_one_record(self, case, server, crm):
        first = crm.create("contact", "019b-key", case.form)
        second = crm.create("contact", "019b-key", case.form)

        assert first == second
        assert (first.type, first.label) == ("contact", "Berger")
        assert first.address.startswith(server.url)
        assert len(server.rows.tables[case.tables["contact"]]) == 1

    def test_a_type_that_the_crm_does_not_have_is_refused(self, crm):
        with pytest.raises(RemoteError) as failure:
            crm.create("spaceship", "019b-key", {})
        assert (failure.value.reason, failure.value.may_pass) == ("refused", False)

    def test_related_rows_come_with_the_person_first(self, case, server, crm):
        ids = family(case, server)

        found = crm.related([CrmReference("case", ids["case"])], household=False)

        assert [(one.type, one.id) for one in found] == [
            ("contact", ids["anna"]),
            ("account", ids["account"]),
            ("lead", ids["lead"]),
            ("case", ids["case"]),
        ]
        assert found[0].label == "Anna"

    def test_the_household_is_there_only_if_wanted(self, case, server, crm):
        ids = family(case, server)
        anna = CrmReference("contact", ids["anna"])

        alone = {one.id for one in crm.related([anna], household=False)}
        together = {one.id for one in crm.related([anna], household=True)}

        assert together - alone == {ids["kin"]}

    def test_a_row_expands_to_what_hangs_on_it(self, case, server, crm):
        ids = family(case, server)

        found = crm.expand(CrmReference("contact", ids["anna"]))

        assert [(one.type, one.id) for one in found] == [
            ("lead", ids["lead"]),
            ("case", ids["case"]),
        ]
        assert crm.expand(CrmReference("case", ids["case"])) == []

    @pytest.mark.parametrize(
        ("status", "reason", "may_pass"),
        [
            (403, "forbidden", False),
            (409, "conflict", True),
            (429, "throttled", True),
            (500, "unavailable", True),
            (503, "unavailable", True),
            (302, "redirected", False),
        ],
    )
    def test_a_refusal_says_its_reason(self, case, server, crm, status, reason, may_pass):
        anna = CrmReference("contact", case.add(server, "contact"))
        headers = {"Retry-After": "17", "Location": "http://127.0.0.1:1/"}
        server.fail_next = [(status, headers, b'[{"errorCode": "X", "message": "Anna Berger"}]')]

        with pytest.raises(RemoteError) as failure:
            crm.write(activity(anna))

        assert (failure.value.reason, failure.value.may_pass) == (reason, may_pass)
        assert "Anna" not in str(failure.value)
        assert failure.value.retry_after == (17 if may_pass else None)
        assert not server.rows.tables[case.task]

    @pytest.mark.parametrize(
        "said",
        [b"<html>", b"[" * 100_000, rb'{"id": "A\ud800", "access_token": "\ud800"}'],
        ids=["no JSON", "nested too deep", "half a character"],
    )
    def test_an_answer_that_is_no_json_is_not_taken_for_success(self, case, server, crm, said):
        anna = CrmReference("contact", case.add(server, "contact"))
        server.fail_next = [(200, {}, said)] * 2

        with pytest.raises(RemoteError) as failure:
            crm.write(activity(anna))

        assert failure.value.reason == "unreadable"

    def test_an_answer_over_the_limit_is_not_read(self, case, server, crm):
        server.fail_next = [(200, {}, b" " * (guarded_http.MAX_BYTES + 1))]

        with pytest.raises(RemoteError) as failure:
            crm.expand(CrmReference("contact", case.add(server, "contact")))

        assert failure.value.reason == "too_large"

    def test_a_private_address_is_refused_unless_allowed(self, server, settings):
        crm = connect_crm(settings.model_copy(update={"allow_private": False}))

        with pytest.raises(RemoteError) as failure:
            crm.expand(CrmReference("contact", "x1"))

        assert failure.value.reason == "private_address"
        assert server.requests == []
        crm.close()

    def test_a_crm_that_is_down_is_unreachable(self, server, crm):
        server.close()

        with pytest.raises(RemoteError) as failure:
            crm.expand(CrmReference("contact", "x1"))

        assert (failure.value.reason, failure.value.may_pass) == ("unreachable", True)

    def test_wrong_credentials_say_so(self, server, settings, monkeypatch):
        monkeypatch.setenv("CRM_TOKEN", "another")
        monkeypatch.setenv("CRM_SECRET", "another")
        crm = connect_crm(settings)

        with pytest.raises(RemoteError) as failure:
            crm.expand(CrmReference("contact", "x1"))

        assert (failure.value.reason, failure.value.may_pass) == ("unauthorised", False)
        crm.close()

    def test_a_secret_that_is_not_there_is_named(self, settings, monkeypatch):
        for variable in ("CRM_TOKEN", "CRM_CLIENT", "CRM_SECRET"):
            monkeypatch.delenv(variable)

        with pytest.raises(ConfigurationError, match=r"CRM_(TOKEN|CLIENT) is not set"):
            connect_crm(settings)


@pytest.mark.parametrize("case", ["salesforce", "dynamics"], indirect=True)
def test_a_token_that_has_run_out_is_replaced_once(case, server, crm):
    anna = CrmReference("contact", case.add(server, "contact"))
    crm.write(activity(anna, key="one"))
    server.valid_tokens.clear()

    crm.write(activity(anna, key="two"))

    assert (server.logins, len(server.rows.tables[case.task])) == (2, 2)


def test_a_server_that_does_not_answer_in_time_is_given_up():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        http = guarded_http.GuardedHttp(
            "it", f"http://127.0.0.1:{port}", allow_private=True, timeout_seconds=0.05
        )
        with pytest.raises(RemoteError) as failure:
            http.request("GET")
        http.close()
    assert (failure.value.reason, failure.value.may_pass) == ("timed_out", True)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://crm.example.org",
        "https://user:secret@crm.example.org",
        "https://crm.example.org/?token=secret",
        "crm.example.org",
    ],
)
def test_an_address_is_http_without_credentials(url):
    with pytest.raises(ValueError, match="url"):
        CrmSettings(kind="rest", url=url)


def family(case, server):
    """Anna and her kin of one account, a lead of hers and a case."""
    account = case.add(server, "account", **{case.name["account"]: "Berger"})
    anna = case.add(
        server,
        "contact",
        **{case.name["contact"]: "Anna", case.account_of_contact: account},
    )
    kin = case.add(
        server, "contact", **{case.name["contact"]: "Max", case.account_of_contact: account}
    )
    lead = case.add(server, "lead", **{case.name["lead"]: "A.B.", case.contact_of_lead: anna})
    about = case.add(server, "case", **{case.name["case"]: "Bill", case.contact_of_case: anna})
    stranger = case.add(server, "contact", **{case.name["contact"]: "Kenta"})
    return {
        "account": account,
        "anna": anna,
        "kin": kin,
        "lead": lead,
        "case": about,
        "stranger": stranger,
    }
