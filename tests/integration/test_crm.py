"""Linking records of a CRM, and telling it: nothing at once, nothing lost, nothing twice."""

from datetime import timedelta

import pytest

from aggregates.errors import AlreadyDone, NotYet, Refused
from aggregates.values import ContactId
from identity_engine import Engine
from identity_engine.errors import ConfigurationError, Denied, NotFound, UsageError
from projections.crm.query import pending_write_back
from projections.identity.query import find_identity
from tests.support.crm import (
    ENDED,
    activities,
    arrives,
    connect,
    happens,
    merged,
    moved,
    topics,
    unmerged,
)
from tests.support.crm_servers import Rest, listening
from tests.support.world import LATER, world

CALL = ("accepted", "ended", "wrapped_up")
HOUR = timedelta(hours=1)


@pytest.fixture
def server():
    with listening(Rest) as server:
        yield server


@pytest.fixture
def engine(server, clock, monkeypatch):
    with Engine.in_memory(world(clock=clock)) as engine:
        connect(engine, server, monkeypatch)
        yield engine


def link(engine, interaction_id, record="003A", type_="contact"):
    return engine.desk.crm.link(interaction_id, type_, record, label="Anna Berger")


def contact_of(engine, interaction_id):
    return engine.store.read_stream(interaction_id)[-1].fact.contact_id


def link_ids(engine):
    return [one.link_id for one in engine.desk.crm.status().links]


class TestLinking:
    def test_nothing_is_sent_when_a_record_is_linked(self, engine, server):
        call = arrives(engine)
        link(engine, call)
        worked = engine.desk.crm.work()
        assert (worked.due, worked.written, server.requests) == (0, 0, [])

    def test_several_records_may_be_linked_and_each_is_shown(self, engine):
        call = arrives(engine)
        link(engine, call)
        link(engine, call, "001B", "account")
        links = engine.desk.crm.status(call).links
        assert [(one.record_type, one.is_linked, one.state) for one in links] == [
            ("contact", True, "waiting"),
            ("account", True, "waiting"),
        ]

    def test_a_record_is_linked_once(self, engine):
        call = arrives(engine)
        link(engine, call)
        with pytest.raises(AlreadyDone):
            link(engine, call)

    def test_without_a_crm_nothing_can_be_linked(self):
        with Engine.in_memory(world()) as engine:
            call = arrives(engine)
            with pytest.raises(Refused, match="No CRM is connected") as refused:
                link(engine, call)
            assert refused.value.reason == "not_connected"
            assert engine.desk.crm.status(call).connected is None

    def test_a_dry_run_writes_nothing(self, engine):
        call = arrives(engine)
        done = engine.desk.crm.link(call, "contact", "003A", dry_run=True)
        assert (done.written, done.position) == (("crm.record_linked",), None)
        assert engine.desk.crm.status(call).links == []

    @pytest.mark.parametrize(("type_", "record"), [("spaceship", "003A"), ("contact", "a b")])
    def test_what_is_no_record_is_refused(self, engine, type_, record):
        with pytest.raises(UsageError):
            engine.desk.crm.link(arrives(engine), type_, record)

    def test_an_actor_without_the_right_is_refused_and_another_division_is_absent(self, engine):
        call = arrives(engine)
        engine.desk.administration.grant("reader", "auditor")
        engine.desk.administration.grant("north", "agent", divisions=["north"], new_division=True)
        with pytest.raises(Denied):
            engine.acting_as("reader").crm.link(call, "contact", "003A")
        with pytest.raises(NotFound):
            engine.acting_as("north").crm.link(call, "contact", "003A")
        with pytest.raises(NotFound):
            engine.acting_as("north").crm.related(call)

    def test_the_history_of_the_contact_shows_it(self, engine):
        call = arrives(engine)
        link(engine, call)
        shown = engine.history(contact_of_link(engine, call))
        assert f"A contact of the CRM was linked to interaction {call}." in [
            one.summary for one in shown
        ]
        assert "Anna" not in "".join(one.summary for one in shown)


def contact_of_link(engine, interaction_id):
    stream = engine.store.read_stream(interaction_id)
    return next(e.fact.contact_id for e in stream if e.fact.TOPIC == "crm.record_linked")


class TestWriting:
    def test_a_call_is_told_once_it_was_wrapped_up(self, engine, server, clock):
        call = arrives(engine)
        link(engine, call)
        clock.set(ENDED)
        happens(engine, call, "accepted", "ended")
        assert engine.desk.crm.work().written == 0
        happens(engine, call, "wrapped_up")
        assert engine.desk.crm.work().written == 1
        (activity,) = activities(server)
        assert activity == activity | {
            "record": {"type": "contact", "id": "003A"},
            "interaction_id": call,
            "channel": "voice",
            "started_at": "2026-02-01T09:00:00.000000Z",
            "ended_at": "2026-02-01T09:10:00.000000Z",
            "agent": "agent-7",
            "contact_name": "Anna Berger",
            "canonical_id": contact_of_link(engine, call),
        }

    def test_a_call_that_nobody_wraps_up_is_told_after_a_while(self, engine, server, clock):
        call = arrives(engine)
        link(engine, call)
        clock.set(ENDED)
        happens(engine, call, "accepted", "ended")
        clock.set(ENDED + timedelta(minutes=29))
        assert engine.desk.crm.work().due == 0
        clock.set(ENDED + timedelta(minutes=31))
        assert engine.desk.crm.work().written == 1
        assert engine.desk.crm.work().due == 0
        happens(engine, call, "wrapped_up")
        assert engine.desk.crm.work().written == 1
        assert len(activities(server)) == 1

    def test_a_chat_is_told_whenever_its_agent_gives_it_away_and_at_its_end(self, engine, server):
        chat = arrives(engine, channel="chat")
        link(engine, chat)
        written = []
        for kind in ("accepted", "transferred", "unassigned", "ended"):
            happens(engine, chat, kind, at=ENDED)
            written.append(engine.desk.crm.work().written)
        assert written == [0, 1, 1, 1]
        (activity,) = activities(server)
        assert activity["version"] == 3

    def test_a_caller_who_met_no_agent_is_told_at_the_end(self, engine, server):
        call = arrives(engine)
        link(engine, call)
        happens(engine, call, "ended", agent=None)
        assert engine.desk.crm.work().written == 1
        assert "agent" not in activities(server)[0]

    def test_an_interaction_that_is_over_is_told_with_the_next_run(self, engine, server):
        call = arrives(engine)
        happens(engine, call, *CALL)
        link(engine, call)
        assert server.requests == []
        assert engine.desk.crm.work().written == 1

    def test_each_record_has_one_activity_of_an_interaction(self, engine, server):
        call = arrives(engine)
        link(engine, call)
        link(engine, call, "001B", "account")
        happens(engine, call, *CALL)
        assert engine.desk.crm.work().written == 2
        assert engine.desk.crm.work().written == 0
        assert len(activities(server)) == 2

    def test_what_is_sent_is_as_of_the_moment_of_writing(self, engine, server):
        call = arrives(engine)
        link(engine, call)
        happens(engine, call, *CALL)
        contact = contact_of_link(engine, call)
        engine.desk.contacts.edit(contact, set={"full_name": "Anna Maria Berger"})
        engine.desk.crm.work()
        assert activities(server)[0]["contact_name"] == "Anna Maria Berger"

    def test_the_field_map_is_a_setting(self, engine, server):
        connect(engine, server, fields={"channel": "how"}, fixed={"kind": "contact centre"})
        call = arrives(engine)
        link(engine, call)
        happens(engine, call, *CALL)
        engine.desk.crm.work()
        (activity,) = activities(server)
        assert activity.keys() == {"id", "key", "version", "record", "how", "kind"}

    def test_a_turn_before_the_record_was_linked_makes_nothing_due(self, engine):
        chat = arrives(engine, channel="chat")
        happens(engine, chat, "accepted", "transferred")
        link(engine, chat)
        assert engine.desk.crm.work().due == 0


class TestFailing:
    @pytest.fixture
    def call(self, engine):
        call = arrives(engine)
        link(engine, call)
        happens(engine, call, *CALL)
        return call

    def test_a_failure_is_shown_put_off_and_made_good(self, engine, server, clock, call):
        server.fail_next = [(503, {}, b"")]
        worked = engine.desk.crm.work()
        assert (worked.failed, worked.waiting, worked.stopped) == (1, 1, "unavailable")
        (shown,) = engine.desk.crm.status(call).links
        assert (shown.state, shown.failure) == ("due", "unavailable")
        assert engine.desk.crm.work().written == 0  # it waits
        clock.set(LATER + HOUR)
        assert engine.desk.crm.work().written == 1
        (shown,) = engine.desk.crm.status(call).links
        assert (shown.state, shown.failure) == ("written", None)

    def test_the_crm_says_how_long_to_wait(self, engine, server, clock, call):
        server.fail_next = [(429, {"Retry-After": "600"}, b"")]
        clock.set(LATER)
        engine.desk.crm.work()
        clock.set(LATER + timedelta(seconds=590))
        assert engine.desk.crm.work().written == 0
        clock.set(LATER + timedelta(seconds=610))
        assert engine.desk.crm.work().written == 1

    def test_a_record_that_the_crm_refuses_holds_up_no_other(self, engine, server, call):
        link(engine, call, "001B", "account")
        server.fail_next = [(422, {}, b"")]
        worked = engine.desk.crm.work()
        assert (worked.written, worked.failed, worked.stopped) == (1, 1, None)

    def test_one_fact_for_each_reason_not_for_each_attempt(self, engine, server, clock, call):
        server.fail_next = [(503, {}, b"")] * 3
        for hours in (0, 1, 2):
            clock.set(LATER + hours * HOUR)
            engine.desk.crm.work()
        assert topics(engine).count("write_failed") == 1

    def test_a_secret_that_is_not_there_is_named_and_nothing_is_lost(
        self, engine, monkeypatch, call
    ):
        monkeypatch.delenv("CRM_TOKEN")
        with pytest.raises(ConfigurationError, match="CRM_TOKEN"):
            engine.desk.crm.work()
        monkeypatch.setenv("CRM_TOKEN", "token-1")
        assert engine.desk.crm.work().written == 1

    def test_only_who_may_do_it_everywhere_runs_the_worker(self, engine, call):
        engine.desk.administration.grant(
            "north", "administrator", divisions=["north"], new_division=True
        )
        engine.desk.administration.grant("all", "administrator")
        with pytest.raises(Denied):
            engine.acting_as("north").crm.work()
        assert engine.acting_as("all").crm.work().written == 1


class TestUnlinkingAndCorrecting:
    @pytest.fixture
    def call(self, engine):
        call = arrives(engine)
        link(engine, call)
        happens(engine, call, *CALL)
        return call

    def unlink(self, engine, call):
        return engine.desk.crm.unlink(call, "contact", "003A", reason="her brother")

    def test_unlinking_cancels_what_is_pending_and_stops_what_comes_later(
        self, engine, server, call
    ):
        self.unlink(engine, call)
        happens(engine, call, "wrapped_up")
        assert engine.desk.crm.work().written == 0
        assert server.requests == []

    def test_what_is_not_linked_cannot_be_unlinked(self, engine, call):
        self.unlink(engine, call)
        with pytest.raises(NotYet):
            self.unlink(engine, call)

    def test_what_was_written_is_taken_away_once_somebody_approves(self, engine, server, call):
        engine.desk.crm.work()
        self.unlink(engine, call)
        assert engine.desk.crm.work().corrected == 0
        assert len(activities(server)) == 1
        engine.desk.crm.approve(*link_ids(engine))
        assert engine.desk.crm.work().corrected == 1
        assert activities(server) == []
        assert topics(engine) == [
            "record_linked", "write_back_due", "written_back", "record_unlinked",
            "correction_proposed", "correction_approved", "correction_sent",
        ]  # fmt: skip

    def test_a_setting_sends_corrections_at_once(self, engine, server, call):
        connect(engine, server, corrections_at_once=True)
        engine.desk.crm.work()
        self.unlink(engine, call)
        assert engine.desk.crm.work().corrected == 1
        assert activities(server) == []

    def test_a_merge_proposes_to_write_it_anew_and_an_unmerge_drops_it(self, engine, server, call):
        engine.desk.crm.work()
        other = arrives(engine, "call-0", "+81399999999", time="2026-01-01T09:00:00Z", profile={})
        merge = merged(engine, contact_of_link(engine, call), contact_of(engine, other))
        engine.desk.crm.work()
        (shown,) = engine.desk.crm.status(call).links
        assert (shown.correction, shown.approved) == ("rewrite", 0)
        unmerged(engine, merge)
        engine.desk.crm.work()
        assert engine.desk.crm.status(call).links[0].correction is None
        assert topics(engine)[-2:] == ["correction_proposed", "correction_dropped"]

    def test_an_approved_rewrite_names_the_contact_of_now(self, engine, server, call):
        engine.desk.crm.work()
        other = arrives(engine, "call-0", "+81399999999", time="2026-01-01T09:00:00Z", profile={})
        merged(engine, contact_of_link(engine, call), contact_of(engine, other))
        engine.desk.crm.work()
        engine.desk.crm.approve(*link_ids(engine))
        engine.desk.crm.work()
        (activity,) = activities(server)
        assert activity["canonical_id"] == contact_of(engine, other)
        assert engine.desk.crm.status(call).links[0].correction is None

    def test_another_contact_of_the_interaction_is_corrected_too(self, engine, call):
        engine.desk.crm.work()
        other = arrives(engine, "call-0", "+81399999999", profile={})
        moved(engine, call, contact_of(engine, other))
        engine.desk.crm.work()
        (proposed,) = [one for one in engine.desk.crm.ledger() if one.detail == "rewrite: moved"]
        assert proposed.interaction_id == call

    def test_a_pending_write_back_is_known_to_the_sweep(self, engine, call):
        contact = ContactId(contact_of_link(engine, call))

        def is_pending():
            engine.follow()
            views = engine.follower.views.connection
            return pending_write_back(views, find_identity(views, contact).members)

        assert not is_pending()  # nothing fell due yet
        engine.desk.crm.work()
        assert not is_pending()
        self.unlink(engine, call)
        assert not is_pending()  # a proposal may wait for ever
        engine.desk.crm.approve(*link_ids(engine))
        assert is_pending()
        engine.desk.crm.work()
        assert not is_pending()


def test_views_and_index_are_the_replay_of_the_log(engine, server):
    call = arrives(engine)
    link(engine, call)
    happens(engine, call, *CALL)
    server.fail_next = [(503, {}, b"")]
    engine.desk.crm.work()
    link(engine, call, "001B", "account")
    engine.desk.crm.unlink(call, "account", "001B")
    engine.follow()
    assert [verdict.name for verdict in engine.verify() if not verdict.is_sound] == []
    assert engine.verify_index().is_sound
