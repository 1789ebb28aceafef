"""What Salesforce may answer, and what is made of it."""

import json

import pytest

from aggregates.settings import Crm as CrmSettings
from identity_engine.bootstrap import connect_crm
from identity_engine.errors import RemoteError
from identity_engine.ports.crm import CrmReference
from tests.support import crm_servers as servers

ASKED = [CrmReference("contact", "003A")]


@pytest.fixture
def server():
    with servers.listening(servers.Salesforce) as running:
        yield running


@pytest.fixture
def crm(server, monkeypatch):
    monkeypatch.setenv("CRM_CLIENT", servers.CLIENT)
    monkeypatch.setenv("CRM_SECRET", servers.SECRET)
    names = {"client_id_env": "CRM_CLIENT", "client_secret_env": "CRM_SECRET"}
    crm = connect_crm(CrmSettings(kind="salesforce", url=server.url, allow_private=True, **names))
    yield crm
    crm.close()


@pytest.mark.parametrize(
    "said",
    [
        {"records": [None], "done": True},
        {"records": None, "done": True},
        {"records": []},
        [],
        [[]],
        "text",
    ],
    ids=str,
)
def test_an_answer_of_no_use_is_unreadable(server, crm, said):
    server.fail_next = [(200, {}, json.dumps(said).encode())]
    with pytest.raises(RemoteError) as failure:
        crm.related(ASKED, household=False)
    assert failure.value.reason == "unreadable"


def test_an_answer_without_an_end_is_too_large(server, crm):
    page = {"records": [], "done": False, "nextRecordsUrl": "/services/data/v61.0/query/next"}
    server.fail_next = [(200, {}, json.dumps(page).encode())] * 100
    with pytest.raises(RemoteError) as failure:
        crm.related(ASKED, household=False)
    assert failure.value.reason == "too_large"
