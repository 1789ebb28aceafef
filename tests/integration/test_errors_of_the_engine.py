"""Whatever a caller of the Python interface does wrong is said in an error of the tree, with its fix."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from identity_engine import Engine, IdentityEngineError
from tests.support.interactions import event, phone
from tests.support.world import world

ID = "019b1c3e-7c5a-7000-8000-0123456789ab"
CALLS = {
    "ingest": lambda engine: engine.ingest([event("1", phone())]),
    "ingest nothing": lambda engine: engine.ingest([]),
    "ingest rubbish": lambda engine: engine.ingest(["{"]),
    "ingest_file": lambda engine: engine.ingest_file("events.jsonl"),
    "redrive": lambda engine: engine.redrive(),
    "reevaluate": lambda engine: engine.reevaluate(),
    "request_reevaluation": lambda engine: engine.request_reevaluation(),
    "rehearse": lambda engine: engine.rehearse(),
    "profile": lambda engine: engine.profile(ID),
    "history": lambda engine: engine.history(ID),
    "why": lambda engine: engine.why(ID),
    "search": lambda engine: engine.search("anna"),
    "review": lambda engine: engine.review(),
    "counts": lambda engine: engine.counts(),
    "export_links": lambda engine: engine.export_links(Path("links.csv")),
    "follow": lambda engine: engine.follow(),
    "verify": lambda engine: engine.verify(),
    "rebuild": lambda engine: engine.rebuild(),
    "verify_index": lambda engine: engine.verify_index(),
    "desk": lambda engine: engine.desk.contacts.create(set={"given_name": "Anna"}),
    "another desk": lambda engine: engine.acting_as("kim").reading.profile(ID),
    "dead letters": lambda engine: engine.dead_letters.counts(),
}


@pytest.fixture(autouse=True)
def working(tmp_path, monkeypatch):
    """A working folder and a home."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestAClosedEngine:
    @pytest.mark.parametrize("call", CALLS)
    @pytest.mark.parametrize("used", [True, False])
    def test_says_that_it_is_closed(self, working, call, used):
        with Engine.open("store", world()) as engine:
            if used:
                engine.ingest([event("1", phone())])
                engine.follow()
        Path("events.jsonl").write_text("{}")
        before = sorted(working.rglob("*"))

        with pytest.raises(IdentityEngineError, match=r"closed\. Open another"):
            CALLS[call](engine)
        assert sorted(working.rglob("*")) == before

    def test_can_be_closed_again(self):
        engine = Engine.in_memory(world())
        engine.close()
        engine.close()


class TestAnAddress:
    @pytest.mark.parametrize(
        ("store", "said"),
        [
            ("/dev/null", "folder"),
            (Path("/dev/null"), "folder"),
            ("/dev/null/store", "folder"),
            ("/proc/x", "folder"),
            ("sqlite:///\0", "NUL"),
            ("sqlite:///a%00b", "NUL"),
            ("a\0b", "NUL"),
            (Path("a\0b"), "NUL"),
            ("sqlite:///", "names no folder"),
            ("sqlite:////x?mode=ro", "%3F"),
            ("~nobody-of-that-name/x", "in full"),
        ],
    )
    def test_that_cannot_be_a_store_is_refused_and_nothing_made(self, working, store, said):
        with pytest.raises(IdentityEngineError, match=said):
            Engine.open(store)
        assert list(working.iterdir()) == []
        assert not Path("/x?mode=ro").exists()

    @pytest.mark.parametrize("store", ["~/x", "sqlite:///~/x", Path("~/x")])
    def test_may_begin_with_the_users_home(self, working, store):
        Engine.open(store).close()

        assert (working / "home" / "x" / "events.db").exists()
        assert not (working / "~").exists()

    @pytest.mark.parametrize(
        ("store", "folder"), [("./~", "~"), ("sqlite:///a%3Fb", "a?b"), ("sqlite:///.", "")]
    )
    def test_may_name_any_folder_if_it_says_so(self, working, store, folder):
        Engine.open(store).close()

        assert (working / folder / "events.db").exists()


class TestEvents:
    @pytest.mark.parametrize("given", [event("1"), "{}", b"{}", None, 7])
    def test_that_are_no_list_are_refused_with_the_fix(self, given):
        with (
            Engine.in_memory(world()) as engine,
            pytest.raises(IdentityEngineError, match="Pass a list of events"),
        ):
            engine.ingest(given)

    @pytest.mark.parametrize("one", [None, 7, ["a"]])
    def test_of_which_one_is_no_event_are_refused_by_its_place(self, one):
        with (
            Engine.in_memory(world()) as engine,
            pytest.raises(IdentityEngineError, match="Event 2 is"),
        ):
            engine.ingest([event("1"), one])

    @pytest.mark.parametrize("value", [object(), {1, 2}, {("a", "b"): 1}])
    def test_of_which_one_is_no_json_are_refused_by_its_place(self, value):
        with (
            Engine.in_memory(world()) as engine,
            pytest.raises(IdentityEngineError, match="Event 1 holds"),
        ):
            engine.ingest([event("1") | {"data": value}])

    def test_may_come_from_anything_that_can_be_iterated(self):
        with Engine.in_memory(world()) as engine:
            (outcome,) = engine.ingest(event(id_) for id_ in ("1",))

        assert outcome.status == "accepted"

    def test_may_hold_moments(self):
        said = event("1") | {"time": datetime(2026, 3, 1, tzinfo=UTC)}
        with Engine.in_memory(world()) as engine:
            assert engine.ingest([said])[0].status == "accepted"
