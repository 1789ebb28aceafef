"""What the plain interface of a CRM may answer, and what is made of it."""

import json

import pytest

from aggregates.settings import Crm as CrmSettings
from identity_engine.bootstrap import connect_crm
from identity_engine.errors import RemoteError
from identity_engine.ports.crm import CrmRecord, CrmReference
from tests.support import crm_servers as servers

ANNA = {"type": "contact", "id": "c-1", "label": "Anna", "address": "https://crm.example/c-1"}
ASKED = CrmReference("contact", "c-1")


@pytest.fixture
def server():
    with servers.listening(servers.Rest) as running:
        yield running


@pytest.fixture
def crm(server, monkeypatch):
    monkeypatch.setenv("CRM_TOKEN", servers.TOKEN)
    crm = connect_crm(
        CrmSettings(kind="rest", url=server.url, token_env="CRM_TOKEN", allow_private=True)
    )
    yield crm
    crm.close()


def says(server, *records):
    server.fail_next = [(200, {}, json.dumps({"records": records}).encode())]


@pytest.mark.parametrize(
    "odd",
    [{"id": "L 9/%20 x"}, {"id": "a\0b"}, {"id": None}, {"id": True}, {"id": ""}, {"type": None}],
    ids=str,
)
def test_a_row_that_no_verb_could_name_hides_no_other(server, crm, odd):
    says(server, ANNA | odd, ANNA)
    assert [one.id for one in crm.expand(ASKED)] == ["c-1"]

    says(server, ANNA | odd)
    with pytest.raises(RemoteError) as failure:
        crm.expand(ASKED)
    assert failure.value.reason == "unreadable"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ({"label": None}, CrmRecord("contact", "c-1", "c-1", ANNA["address"])),
        ({"label": "An\0na\x1b[31m"}, CrmRecord("contact", "c-1", "Anna[31m", ANNA["address"])),
        ({"address": "javascript:alert(1)"}, CrmRecord("contact", "c-1", "Anna", "")),
        ({"address": "https://crm.example/\nx"}, CrmRecord("contact", "c-1", "Anna", "")),
        ({"id": 17}, CrmRecord("contact", "17", "Anna", ANNA["address"])),
    ],
    ids=str,
)
def test_of_label_and_address_only_what_can_be_shown_and_opened_is_taken(server, crm, said, shown):
    says(server, ANNA | said)
    assert crm.expand(ASKED) == [shown]


def test_a_record_that_was_made_is_of_the_type_that_was_asked_for(server, crm):
    server.fail_next = [(200, {}, json.dumps(ANNA | {"type": "case"}).encode())]
    assert crm.create("lead", "k-1", {"name": "Berger"}).type == "lead"
