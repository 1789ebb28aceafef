"""Several writers on one store: the same person is one contact, and waiting has an end."""

import json
import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from itertools import count, islice
from pkgutil import resolve_name

import pytest

from identity_engine import Engine
from identity_engine.application.policies import Policies
from identity_engine.application.resolution.resolve import SMALL_BATCH
from identity_engine.cli.main import run
from identity_engine.errors import Conflict, StoreBusy, StoreFull
from identity_engine.event_store import sqlite_files
from identity_engine.event_store.sqlite.folder import EVENTS_FILE, KEYS_FILE
from identity_engine.settings.model import variable_of
from tests.support.interactions import customer, event, phone
from tests.support.overtaking import overtaken
from tests.support.resolving import change_policy
from tests.support.traffic import delivered, write_lines
from tests.support.world import Clock, world

PERSON = {
    "given_name": "Wilhelmina",
    "family_name": "Featherstonehaugh",
    "date_of_birth": "1961-07-23",
    "postcode": "CB2 1TN",
    "city": "Cambridge",
}


GIVEN = [
    "Ada",
    "Bruno",
    "Cleo",
    "Dietmar",
    "Elif",
    "Fumiko",
    "Gustav",
    "Hedwig",
    "Igor",
    "Jolanda",
    "Kwame",
    "Ludmila",
]
PLACES = [
    "Oslo",
    "Lima",
    "Kyoto",
    "Tunis",
    "Perth",
    "Quito",
    "Graz",
    "Nice",
    "Delhi",
    "Accra",
    "Minsk",
    "Leeds",
]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def two(folder):
    """Two engines on one folder, as in two processes."""
    clock = Clock()
    with (
        Engine.open(folder, world(1, clock)) as first,
        Engine.open(folder, world(2, clock)) as second,
    ):
        yield first, second


fillers = (event(f"filler-{number}") for number in count())


def many(*events):
    """These and enough others that the batch is decided before it takes the write lock."""
    return [*events, *islice(fillers, SMALL_BATCH)]


def contacts(engine):
    return sum(engine.counts().values()) - engine.counts()["in review"]


def import_(id_, **profile):
    return event(id_, channel="import", profile=PERSON | profile)


class TestAWriterThatIsOvertaken:
    def test_the_same_interaction_in_both_is_stored_once(self, two, monkeypatch):
        first, second = two
        theirs = []
        with overtaken(first, monkeypatch, lambda: theirs.extend(second.ingest([event("1")]))):
            mine, *_ = first.ingest(many(event("1")))

        assert (theirs[0].status, mine.status) == ("accepted", "duplicate")
        assert mine.interaction_id == theirs[0].interaction_id
        assert contacts(first) == contacts(second) == 1 + SMALL_BATCH

    @pytest.mark.parametrize("identifier", [customer("C-1"), phone()], ids=["customer", "phone"])
    def test_two_first_interactions_with_one_identifier_make_one_contact(
        self, two, monkeypatch, identifier
    ):
        first, second = two
        theirs = []
        with overtaken(
            first, monkeypatch, lambda: theirs.extend(second.ingest([event("1", identifier)]))
        ):
            mine, *_ = first.ingest(many(event("2", identifier)))

        assert mine.contact_id == theirs[0].contact_id
        assert contacts(first) == 1 + SMALL_BATCH

    def test_twins_that_are_only_alike_are_found_by_re_evaluation(self, two, monkeypatch):
        first, second = two
        steps, theirs = [], []
        first.resolver.watch = steps.append
        with overtaken(first, monkeypatch, lambda: theirs.extend(second.ingest([import_("1")]))):
            mine, *_ = first.ingest(many(import_("2", given_name="Wilhelmine")))

        assert steps.count("told") == 1
        assert mine.contact_id != theirs[0].contact_id
        first.reevaluate()
        assert first.profile(mine.contact_id) == first.profile(theirs[0].contact_id)

    def test_a_key_does_not_become_crowded_unseen(self, two, monkeypatch):
        first, second = two
        change_policy(first, block_cap=10)
        kin = [
            event(str(year), channel="import", profile={"given_name": name, "birth_place": place,
                  "family_name": "Featherstonehaugh", "date_of_birth": f"{year}-01-02"})
            for year, name, place in zip(range(1930, 1990, 5), GIVEN, PLACES, strict=True)
        ]  # fmt: skip
        first.ingest(kin[:9])
        steps = []
        first.resolver.watch = steps.append
        with overtaken(first, monkeypatch, lambda: second.ingest(kin[9:11])):
            first.ingest(many(kin[11]))

        assert steps.count("told") == 2
        assert first.verify_index().is_sound

    def test_a_contact_that_changed_meanwhile_is_seen_as_it_is_now(self, two, monkeypatch):
        first, second = two
        (before,) = first.ingest([event("1", phone())])
        assert before.stage == "ephemeral"
        with overtaken(first, monkeypatch, lambda: second.ingest([event("2", phone())])):
            mine, *_ = first.ingest(many(event("3", phone())))

        assert mine.contact_id == before.contact_id
        topics = [one.topic for one in first.history(before.contact_id)]
        assert topics.count("contact.identified") == 1

    def test_it_decides_once_more_and_cannot_be_overtaken_again(self, two, monkeypatch):
        first, second = two
        steps = []
        first.resolver.watch = steps.append
        with overtaken(first, monkeypatch, lambda: second.ingest([event("1", phone())])):
            first.ingest(many(event("2", phone())))

        assert steps.count("told") == 2

    def test_a_writer_whose_reading_was_not_touched_decides_once(self, two, monkeypatch):
        first, second = two
        steps = []
        first.resolver.watch = steps.append
        with overtaken(first, monkeypatch, lambda: second.ingest([event("1", phone())])):
            mine, *_ = first.ingest(many(event("2", customer("C-9"))))

        assert mine.status == "accepted"
        assert steps.count("told") == 1
        assert contacts(first) == 2 + SMALL_BATCH

    def test_the_file_position_is_stored_after_a_lost_race_too(self, two, monkeypatch, tmp_path):
        first, second = two
        file = write_lines(tmp_path / "events.jsonl", delivered(10, 30, seed=5))
        with overtaken(first, monkeypatch, lambda: second.ingest_file(file)):
            summary = first.ingest_file(file)

        assert (summary.accepted, summary.duplicates) == (0, 31)
        assert second.ingest_file(file).read == 0
        assert len(first.dead_letters.list()) == 1


class TestProcessesAtOnce:
    def test_processes_that_make_a_store_together_share_it(self, tmp_path):
        file = write_lines(tmp_path / "events.jsonl", delivered(40, 150, seed=6))
        for attempt in range(3):
            store = tmp_path / f"store-{attempt}"
            said = together("tests.support.fingerprint", store, file, 10)
            assert said[0]["canonical"] == said[1]["canonical"]
            with Engine.open(store, world()) as engine:
                received = [
                    (one.fact.personal.source, one.fact.personal.id)
                    for one in engine.store.read(0, 10_000)
                    if one.fact.TOPIC == "interaction.received"
                ]
                assert len(received) == len(set(received)) == 150
                engine.follow()
                assert all(verdict.is_sound for verdict in engine.verify())


class TestAStoreMadeByTwo:
    def test_who_starts_between_the_rules_and_the_grants_is_its_owner_all_the_same(
        self, folder, monkeypatch
    ):
        def overtaken(*_, **__):
            raise Conflict("Another writer was first on one of these streams.")

        with monkeypatch.context() as patch:
            patch.setattr(Policies, "_grant_to_owner", lambda _: None)
            Engine.open(folder, world(1)).close()
        with monkeypatch.context() as patch:
            patch.setattr(Policies, "activate", overtaken)
            with Engine.open(folder, world(2)) as second:
                assert second.ingest([event("1", phone())])[0].status == "accepted"

    """Another process makes the whole store while this one is in the middle of it."""

    @pytest.mark.parametrize(
        "step",
        [
            "identity_engine.event_store.sqlite.folder._write_once",
            "identity_engine.event_store.store.KeyRing.named",
            "identity_engine.event_store.store.EventStore.append",
            "projections.runner.Views._create",
            "identity_engine.event_store.sqlite.views._replace",
        ],
    )
    def test_it_is_the_same_store_for_both(self, folder, monkeypatch, step):
        step_of_ours = resolve_name(step)
        overtakings = []

        def overtaken_step(*given, **named):
            if not overtakings:
                overtakings.append(step)
                with Engine.open(folder, world(2)) as other:
                    other.ingest([event("1", customer("C-1"))])
                    other.follow()
            return step_of_ours(*given, **named)

        monkeypatch.setattr(step, overtaken_step)
        with Engine.open(folder, world(1)) as engine:
            (outcome,) = engine.ingest([event("2", customer("C-1"))])
            engine.follow()

            assert overtakings
            assert len(engine.profile(outcome.contact_id).interactions) == 2
            assert all(verdict.is_sound for verdict in engine.verify())
        assert {path.name for path in folder.iterdir()} == {
            "dead_letters.db", "events.db", "keys.db", "master.key", "views-1.db", "views.current",
        }  # fmt: skip


class TestALockThatIsNotGiven:
    @pytest.fixture(autouse=True)
    def impatient(self, monkeypatch):
        monkeypatch.setenv(variable_of("sqlite.lock_seconds"), "1")
        monkeypatch.setattr(sqlite_files, "LOCK_TIMEOUT_SECONDS", 1)

    @pytest.mark.parametrize("name", [EVENTS_FILE, KEYS_FILE])
    def test_ingesting_says_that_the_store_is_busy_and_writes_nothing(self, folder, name):
        with Engine.open(folder, world()) as engine:
            head = engine.store.head()
            with locked(folder / name), pytest.raises(StoreBusy, match="Try again"):
                engine.ingest([event("1", phone())])

            assert engine.store.head() == head
            assert engine.ingest([event("1", phone())])[0].status == "accepted"

    def test_reading_goes_on_while_another_writes(self, folder):
        with Engine.open(folder, world()) as engine:
            (outcome,) = engine.ingest([event("1", phone())])
            engine.follow()
            with locked(folder / EVENTS_FILE):
                assert engine.profile(outcome.contact_id).interactions[0].id == "1"

    def test_the_command_line_shows_one_sentence_and_no_traceback(self, folder, tmp_path, capsys):
        file = write_lines(tmp_path / "events.jsonl", delivered(10, 30, seed=5))
        Engine.open(folder).close()

        with locked(folder / EVENTS_FILE), pytest.raises(SystemExit, match="1"):
            run(["ingest", str(file), "--store", str(folder)])

        assert capsys.readouterr().err.splitlines()[-1].startswith("error: Another process holds")


def test_a_full_disk_is_said_and_leaves_the_store_as_it_was(folder):
    with Engine.open(folder, world()) as engine:
        engine.ingest([event("1", phone())])
        head = engine.store.head()
        with engine.store.reading() as cursor:
            (pages,) = cursor.execute("PRAGMA page_count").fetchone()
            cursor.execute(f"PRAGMA max_page_count = {pages}")

        with pytest.raises(StoreFull, match="Make room"):
            engine.ingest(
                [event(str(number), phone(f"+8131234{number}")) for number in range(1000, 1200)]
            )

        assert engine.store.head() == head


@contextmanager
def locked(path):
    """Another process's write lock on a file."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


def together(module, *arguments):
    """What two processes printed that ran at the same time."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    ended = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], ended
    return [json.loads(out) for out, _ in ended]
