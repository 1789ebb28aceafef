"""Personal values stay where they belong: sealed in the log, in clear in the views alone.

Each personal field of an interaction holds a canary. The files of the store are then searched for
all of them in every form that a leak could have.
"""

import stat
import traceback
from base64 import b64encode

import orjson
import pytest
from msgspec.json import encode

from aggregates.values import Erased
from identity_engine import Engine
from identity_engine.errors import Unreadable
from tests.support.canaries import forms, found_in, found_on_disk
from tests.support.interactions import event
from tests.support.world import world

IN_VIEWS = {
    "source", "id", "identifier type", "identifier value", "profile value", "e-mail", "phone digits"
}  # fmt: skip
CANARIES = {
    "source": "//canary/Zx41kvQuelle",
    "id": "Zx42kvVorgang",
    "identifier type": "zx43kv_kennung",
    "identifier scope": "Zx44kvBereich",
    "identifier value": "Zx45kvKennwert",
    "e-mail": "zx46kv.briefkasten@canary.example",
    "phone digits": "7746120946",
    "profile name": "zx48kv_feld",
    "profile value": "Zx49kvNachname",
    "attribute name": "Zx50kvMerkmal",
    "attribute value": "Zx51kvMerkwert",
    "mail id": "<zx52kv.nachricht@canary.example>",
    "mail subject": "Zx53kvBetreff",
    "mail recipient": "zx54kv.empfang@canary.example",
    "mail reference": "<zx55kv.verweis@canary.example>",
    "session": "Zx56kvSitzung",
    "correlation id": "Zx57kvZusammenhang",
    "causation id": "Zx58kvUrsache",
}
REJECTED = {
    "unknown field": "Zx61kvUnbekannt",
    "value of a rejected line": "Zx62kvVerworfen",
    "value of a conflicting line": "Zx63kvWiderspruch",
}
EVERYTHING = CANARIES | REJECTED


def canary_event(**changes):
    made = event(
        CANARIES["id"],
        {
            "type": CANARIES["identifier type"],
            "value": CANARIES["identifier value"],
            "scope": CANARIES["identifier scope"],
        },
        {"type": "email", "value": CANARIES["e-mail"], "verified": True},
        {"type": "phone", "value": "+44 " + CANARIES["phone digits"]},
        source=CANARIES["source"],
        profile={
            "family_name": CANARIES["profile value"],
            CANARIES["profile name"]: CANARIES["profile value"],
        },
        attributes={CANARIES["attribute name"]: {"deep": [CANARIES["attribute value"]]}},
        mail={
            "message_id": CANARIES["mail id"],
            "subject": CANARIES["mail subject"],
            "to": [CANARIES["mail recipient"]],
            "cc": [CANARIES["mail recipient"]],
            "references": [CANARIES["mail reference"]],
            "in_reply_to": [CANARIES["mail reference"]],
        },
        session=CANARIES["session"],
    )
    return made | {
        "correlationid": CANARIES["correlation id"],
        "causationid": CANARIES["causation id"],
    } | changes  # fmt: skip


def rejected_event():
    return canary_event(
        id="other",
        data={
            "channel": "voice",
            "direction": REJECTED["value of a rejected line"],
            REJECTED["unknown field"]: REJECTED["value of a rejected line"],
            "profile": {"Not A Name " + REJECTED["unknown field"]: "x"},
        },
    )


def conflicting_event():
    made = canary_event()
    made["data"]["profile"] = {"family_name": REJECTED["value of a conflicting line"]}
    return made


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def engine(folder, tmp_path):
    """A store that has taken in, rejected, linked and shown the canaries."""
    lines = [canary_event(), canary_event(id="second"), rejected_event(), conflicting_event()]
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    with Engine.open(folder, world()) as opened:
        summary = opened.ingest_file(file)
        assert (summary.accepted, summary.rejected) == (2, 2)
        opened.follow()
        yield opened


@pytest.fixture
def received(engine):
    """The first interaction's receipt."""
    (found,) = [
        one
        for one in engine.store.read(0, 100)
        if one.fact.TOPIC == "interaction.received" and one.fact.personal.id == CANARIES["id"]
    ]
    return found


@pytest.mark.parametrize("form", forms("x" * 9))
def test_the_search_finds_a_canary_in_every_form(form):
    canary = "Zx41kvQuelle"
    assert (("name", form)) in found_in(b"\x01" + forms(canary)[form] + b"\x02", {"name": canary})


@pytest.mark.parametrize("before", [b"", b"a", b"ab"])
def test_the_search_finds_a_canary_inside_a_longer_base64_text(before):
    content = b64encode(before + b"Zx41kvQuelle" + b"and more")
    assert found_in(content, {"name": "Zx41kvQuelle"})


def test_no_file_but_the_views_holds_a_personal_value_while_the_store_is_open(engine, folder):
    files = [path for path in folder.iterdir() if not path.name.startswith("views-")]

    assert {path.name for path in files} >= {
        "events.db", "events.db-wal", "keys.db", "keys.db-wal", "dead_letters.db",
        "dead_letters.db-wal", "master.key",
    }  # fmt: skip
    assert found_on_disk(files, EVERYTHING) == set()


def test_no_file_but_the_views_holds_a_personal_value_after_closing(engine, folder):
    engine.rebuild()
    engine.verify()
    engine.close()

    files = [path for path in folder.iterdir() if not path.name.startswith("views-")]
    assert found_on_disk(files, EVERYTHING) == set()


def test_the_views_hold_the_canaries_so_the_method_works(engine, folder):
    engine.close()

    found = found_on_disk(folder.glob("views-*"), CANARIES)
    assert {name for _, name, form in found if form == "raw"} >= IN_VIEWS


def test_a_rejected_line_is_kept_and_sealed(engine, folder):
    kept = [engine.dead_letters.get(letter.id).raw for letter in engine.dead_letters.list()]

    assert {name for raw in kept for name, _ in found_in(raw, REJECTED)} == set(REJECTED)
    assert found_on_disk(folder.glob("dead_letters.db*"), EVERYTHING) == set()


def test_the_name_of_a_file_is_kept_and_sealed(engine, folder, tmp_path):
    file = tmp_path / f"{CANARIES['profile value']}.jsonl"
    file.write_bytes(b"not json\n")
    engine.ingest_file(file)

    assert engine.dead_letters.list()[-1].file == file.name
    assert found_on_disk(folder.glob("[!v]*"), EVERYTHING) == set()


def test_everything_personal_is_read_back_as_it_came(received):
    personal = encode(received.fact.personal).decode()

    absent = {"correlation id", "causation id", "phone digits"}
    assert {name for name in CANARIES if CANARIES[name] not in personal} <= absent


def test_what_people_read_about_a_decision_names_no_personal_value(engine, received):
    second = engine.ingest([canary_event(id="third")])[0]
    told = [
        repr(engine.why(received.stream_id)),
        repr(engine.why(second.contact_id)),
        repr([one.summary for one in engine.history(second.contact_id)]),
        repr(engine.ingest([rejected_event()])[0].faults),
        repr(engine.dead_letters.list()),
        repr(engine.verify()),
        repr(engine.review()),
    ]

    assert found_in("".join(told).encode(), EVERYTHING) == set()


def test_an_error_about_damaged_bytes_names_no_personal_value(engine, received):
    state = engine.store.stored_bytes(received.position).state
    damaged = state.replace(b'"direction":"inbound"', b'"direction":"inbounX"')
    with engine.store.writing() as writer:
        writer.cursor.execute(
            "UPDATE stored_events SET state = ? WHERE rowid = ?", (damaged, received.position)
        )

    with pytest.raises(Unreadable) as raised:
        engine.store.read_positions([received.position])

    shown = "".join(traceback.format_exception(raised.value))
    assert found_in(shown.encode(), EVERYTHING) == set()


def test_only_the_owner_can_read_any_file(engine, folder):
    engine.rebuild()
    engine.verify()

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {
        path.name: 0o600 for path in folder.iterdir()
    }


class TestWithoutItsKeyAnEventIsErased:
    @pytest.fixture(autouse=True)
    def erased(self, engine, received):
        both = {one.key_id for one in engine.store.read(0, 100) if one.key_id}
        assert received.key_id in both
        assert engine.store.keys.destroy(both) == len(both) == 2

    def test_its_personal_part_reads_as_erased(self, engine, received):
        again = engine.store.read_positions([received.position])[0]

        assert again.fact.personal == Erased.ERASED
        assert again.header == received.header
        assert again.fact.natural_key == received.fact.natural_key

    def test_every_claim_of_the_interaction_is_erased_with_it(self, engine):
        claims = [e for e in engine.store.read(0, 100) if e.fact.TOPIC == "identifier.claimed"]

        assert len(claims) == 3
        assert all(isinstance(claim.fact.personal, Erased) for claim in claims)

    def test_rebuilt_views_are_sound_and_hold_no_canary(self, engine, folder):
        engine.rebuild()
        assert all(verdict.is_sound for verdict in engine.verify())
        engine.close()

        assert [path.name for path in folder.glob("views-*.db")] == ["views-2.db"]
        assert found_on_disk(folder.iterdir(), EVERYTHING) == set()

    def test_the_history_says_erased_and_keeps_the_decisions(self, engine, received):
        engine.rebuild()
        contact_id = engine.why(received.stream_id)[0].contact_id

        history = engine.history(contact_id)

        assert {repr(one.personal) for one in history if one.personal} == {"{'erased': True}"}
        assert [one.topic for one in history].count("interaction.linked") == 2
        assert engine.search(CANARIES["profile value"]) == []

    def test_a_resend_is_still_a_duplicate(self, engine):
        head = engine.store.head()

        assert engine.ingest([canary_event()])[0].status == "duplicate"
        assert engine.store.head() == head

    def test_the_engine_takes_in_new_interactions_of_the_same_person(self, engine):
        assert engine.ingest([canary_event(id="later")])[0].status == "accepted"

    def test_destroying_a_key_again_changes_nothing(self, engine, received):
        assert engine.store.keys.destroy([received.key_id]) == 0

    def test_it_stays_erased_after_a_restart(self, engine, received, folder):
        engine.close()
        with Engine.open(folder, world(2)) as again:
            event_ = again.store.read_positions([received.position])[0]
            assert event_.fact.personal == Erased.ERASED


def test_a_destroyed_key_is_gone_from_the_disk_even_in_its_wrapped_form(engine, received, folder):
    (wrapped,) = engine.store.keys._connection.execute(
        "SELECT wrapped FROM data_key WHERE key_id = ?", (received.key_id,)
    ).fetchone()
    files = [*folder.glob("keys.db*")]
    assert any(wrapped in path.read_bytes() for path in files)

    engine.store.keys.destroy([received.key_id])

    assert not any(wrapped in path.read_bytes() for path in files)
