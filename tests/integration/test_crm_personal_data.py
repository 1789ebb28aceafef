"""What is said about a person to and by other systems is sealed: of the CRM under the interaction's key,
of augmentation under the contact's; without the key nothing of it is left."""

import json

import pytest

from identity_engine import Engine
from identity_engine.application.operations.augmentation.applying import Choice
from tests.support.canaries import found_on_disk
from tests.support.crm import arrives, connect, happens
from tests.support.crm_servers import TOKEN, Rest, listening
from tests.support.world import world

CANARIES = {
    "record id": "Zx71kvRecord",
    "label": "Zx72kvLabel",
    "reason": "Zx73kvReason",
    "form": "Zx74kvForm",
    "reference": "Zx75kvReference",
    "city": "Zx76kvCity",
    "mail": "zx77kv.mail@canary.example",
}


@pytest.fixture
def server():
    with listening(Rest) as server:
        yield server


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def engine(folder, tmp_path, server, monkeypatch):
    source = tmp_path / "directory"
    source.mkdir()
    (source / "people.csv").write_text(
        "id,phone,email,city\n"
        f"{CANARIES['reference']},+81312345678,{CANARIES['mail']},{CANARIES['city']}\n"
    )
    monkeypatch.setenv("CRM_TOKEN", TOKEN)
    with Engine.open(folder, world()) as engine:
        configure(engine, server, source)
        yield engine


def configure(engine, server, source):
    connect(engine, server)
    settings = json.loads(engine.desk.administration.settings().model_dump_json())
    given = {"name": "directory", "kind": "csv", "folder": str(source)}
    settings["augmentation"]["sources"] = [given | {"identifier_types": ["phone"]}]
    settings["crm"]["may_create"] = ["lead"]
    engine.desk.administration.activate("settings", json.dumps(settings).encode())


@pytest.fixture
def call(engine):
    call = arrives(engine)
    crm = engine.desk.crm
    crm.link(call, "contact", CANARIES["record id"], label=CANARIES["label"])
    crm.create(call, "lead", {"name": CANARIES["form"]}, link=True)
    happens(engine, call, "accepted", "ended", "wrapped_up")
    crm.work()
    crm.unlink(call, "contact", CANARIES["record id"], reason=CANARIES["reason"])
    contact = engine.store.read_stream(call)[-1].fact.contact_id
    engine.desk.augmentation.apply(contact, [Choice("directory", CANARIES["reference"])])
    engine.follow()
    return call


def test_no_file_but_the_views_holds_a_personal_value(engine, folder, call):
    files = [path for path in folder.iterdir() if not path.name.startswith("views-")]
    assert found_on_disk(files, CANARIES) == set()


def test_no_refusal_holds_a_personal_value(engine, server, call):
    server.fail_next = [(422, {}, json.dumps({"error": CANARIES["label"]}).encode())]
    made = engine.desk.crm.create(arrives(engine, "call-2"), "lead", {"name": "x"})
    assert "Zx" not in str(made)


def test_without_the_keys_nothing_is_left_and_nothing_is_sent(engine, folder, server, call):
    keys = {one.key_id for one in engine.store.read(0, 500) if one.key_id}
    engine.desk.crm.approve(engine.desk.crm.status(call).links[0].link_id)
    engine.store.keys.destroy(keys)
    engine.rebuild()
    before = len(server.requests)

    worked = engine.desk.crm.work()

    status = engine.desk.crm.status()
    assert (worked.waiting, len(server.requests)) == (0, before)
    assert {one.record_id for one in (*status.links, *status.creations)} == {None}
    assert found_on_disk(folder.glob("views-*.db"), CANARIES) == set()
