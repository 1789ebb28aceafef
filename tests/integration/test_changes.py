"""How a conversation goes on: changes of an interaction, in any order and more than once (IX-1)."""

import pytest

from identity_engine import Engine
from tests.support.interactions import SOURCE, change, customer, email, event, message, phone
from tests.support.reevaluating import together
from tests.support.resolving import ANNA, KENTA, MAIL, arrive, facts, mailed
from tests.support.soundness import is_sound
from tests.support.world import world

LATER = "2026-02-02T09:00:00Z"
OTHER_MAIL = "kenta.moriyama@example.jp"


def changed(engine):
    """What changes were told, in log order."""
    return [one.change.kind for one in facts(engine, "interaction.changed")]


def deferred(engine):
    """What changes had to wait, in log order."""
    return [one.change.kind for one in facts(engine, "interaction.change_deferred")]


def held(engine, contact_id):
    """The values that a contact holds."""
    return {one.value for one in engine.profile(contact_id).identifiers if one.valid_to is None}


class TestChange:
    def test_it_stands_in_the_stream_of_its_interaction_and_is_answered_with_the_link(self, engine):
        (call,) = arrive(engine, event("1", phone()))
        (outcome,) = engine.ingest([change("c", "1", "accepted", agent="agent-7", time=LATER)])

        assert (outcome.status, outcome.change) == ("accepted", "accepted")
        assert outcome.interaction_id == call.interaction_id
        assert outcome.contact_id == call.contact_id
        stream = engine.store.read_stream(call.interaction_id)
        assert stream[-1].fact.change.agent == "agent-7"
        assert stream[-1].header.valid_from.isoformat() == "2026-02-02T09:00:00+00:00"
        assert is_sound(engine)

    def test_every_kind_is_taken(self, engine):
        kinds = {
            "accepted": {"agent": "agent-7"},
            "message": {"direction": "outbound", "agent": "agent-7"},
            "transferred": {"agent": "agent-7", "to_agent": "agent-8"},
            "unassigned": {"agent": "agent-8"},
            "ended": {},
            "wrapped_up": {"agent": "agent-8"},
            "corrected": {"identifiers": [], "profile": {}},
            "retracted": {"reason": "a test call"},
        }
        arrive(engine, event("1", phone()))
        outcomes = arrive(
            engine, *(change(kind, "1", kind, **more) for kind, more in kinds.items())
        )

        assert {one.status for one in outcomes} == {"accepted"}
        assert changed(engine) == list(kinds)
        assert is_sound(engine)

    def test_a_resend_writes_nothing_and_is_answered_with_the_present_link(self, engine):
        (call,) = arrive(engine, event("1", phone()))
        ended = change("c", "1", "ended")
        arrive(engine, ended)
        head = engine.store.head()

        again, twice, once_more = engine.ingest([ended, ended, event("1", phone())])

        assert {again.status, twice.status, once_more.status} == {"duplicate"}
        assert again.contact_id == once_more.contact_id == call.contact_id
        assert engine.store.head() == head

    def test_the_same_id_with_other_content_is_a_conflict(self, engine):
        arrive(engine, event("1", phone()), change("c", "1", "ended"))

        (outcome,) = engine.ingest([change("c", "1", "wrapped_up")])

        assert outcome.status == "conflict"
        assert changed(engine) == ["ended"]

    def test_a_change_and_an_interaction_may_have_one_id(self, engine):
        arrive(engine, event("1", phone()))

        (outcome,) = engine.ingest([change("1", "1", "ended")])

        assert outcome.status == "accepted"

    def test_a_conflicting_change_of_a_file_goes_to_the_dead_letters(self, engine, tmp_path):
        file = write_lines(
            tmp_path, event("1"), change("c", "1", "ended"), change("c", "1", "wrapped_up")
        )

        summary = engine.ingest_file(file)

        assert dict(summary.changes) == {"ended": 1}
        assert dict(summary.faults) == {"conflicting_duplicate": 1}
        (letter,) = engine.dead_letters.list("open")
        assert [one.code for one in letter.faults] == ["conflicting_duplicate"]


class TestChangeThatComesFirst:
    def test_it_waits_and_follows_its_interaction(self, engine):
        (waits,) = engine.ingest([change("c", "1", "ended")])
        assert (waits.status, waits.decision, waits.contact_id) == ("accepted", "waits", None)
        assert changed(engine) == []

        (call,) = arrive(engine, event("1", phone()))

        assert call.interaction_id == waits.interaction_id
        assert changed(engine) == ["ended"]
        assert [one.fact.TOPIC for one in engine.store.read_stream(call.interaction_id)] == [
            "interaction.received",
            "interaction.linked",
            "interaction.changed",
        ]
        assert is_sound(engine)

    def test_within_one_batch_the_order_does_not_matter(self, engine):
        first, call, last = engine.ingest(
            [
                change("c", "1", "accepted", agent="a"),
                event("1", phone()),
                change("d", "1", "ended"),
            ]
        )

        assert first.interaction_id == call.interaction_id == last.interaction_id
        assert changed(engine) == ["accepted", "ended"]
        assert is_sound(engine)

    def test_several_wait_for_one_interaction_and_for_several(self, engine):
        arrive(
            engine,
            change("c", "1", "accepted", agent="a"),
            change("d", "2", "ended"),
            change("e", "1", "ended"),
        )

        one, two = engine.ingest([event("1", phone()), event("2", phone("+81398765432"))])

        assert changed(engine) == ["accepted", "ended", "ended"]
        assert one.interaction_id != two.interaction_id
        assert is_sound(engine)

    def test_it_survives_a_restart_and_a_rebuild_of_the_index(self, tmp_path):
        with Engine.open(tmp_path, world()) as engine:
            said = message("c", "1", email(MAIL), profile=ANNA)
            arrive(engine, change("e", "1", "ended"), said)
            assert is_sound(engine)
            engine.rebuild_index()
        with Engine.open(tmp_path, world(2)) as engine:
            (call,) = arrive(engine, event("1", phone()))
            assert changed(engine) == ["ended", "message"]
            assert MAIL in held(engine, call.contact_id)
            assert is_sound(engine)

    def test_a_resend_of_what_waits_is_a_duplicate_and_the_wait_goes_on(self, engine):
        ended = change("c", "1", "ended")
        arrive(engine, ended)

        (again,) = engine.ingest([ended])

        assert (again.status, again.decision) == ("duplicate", "waits")
        assert deferred(engine) == ["ended"]

    def test_what_waits_is_listed_until_its_interaction_comes(self, engine):
        arrive(engine, change("c", "1", "ended"))
        (waiting,) = engine.desk.interactions.waiting()
        assert (waiting.change, waiting.source, waiting.id) == ("ended", SOURCE, "c")

        arrive(engine, event("1"))

        assert engine.desk.interactions.waiting() == []


class TestMessage:
    def test_what_it_says_is_found_and_shown_with_the_contact(self, engine):
        (chat,) = arrive(engine, event("1", phone(), channel="messaging"))
        arrive(engine, message("m", "1", email(MAIL), profile=ANNA, time=LATER))

        profile = engine.profile(chat.contact_id)

        assert profile.fields["family_name"][0].value == "Berger"
        assert MAIL in held(engine, chat.contact_id)
        assert [one.contact_id for one in engine.search("berger")] == [chat.contact_id]
        assert [one.contact_id for one in engine.search(MAIL)] == [chat.contact_id]
        assert is_sound(engine)

    def test_it_never_moves_the_link_and_proposes_the_other_contact(self, engine):
        (anna,) = arrive(engine, mailed("1", profile=ANNA))
        (chat,) = arrive(engine, event("2", phone(), channel="messaging"))

        (outcome,) = engine.ingest([message("m", "2", email(MAIL, True), time=LATER)])

        assert outcome.contact_id == chat.contact_id
        (item,) = engine.review()
        assert (item.interaction_id, item.proposed) == (chat.interaction_id, anna.contact_id)
        engine.reevaluate()
        assert engine.profile(chat.contact_id).contact_id != anna.contact_id
        assert is_sound(engine)

    def test_it_asks_once_however_often_the_same_is_said(self, engine):
        arrive(engine, mailed("1", profile=ANNA), event("2", phone(), channel="messaging"))
        arrive(engine, *(message(f"m{n}", "2", email(MAIL, True), time=LATER) for n in range(3)))

        assert len(facts(engine, "interaction.held_for_review")) == 1

    def test_messages_do_not_raise_the_revision_of_the_contact(self, engine):
        """Pain: a save always fails because messages keep arriving."""
        (chat,) = arrive(engine, event("1", phone(), channel="messaging"))
        before = revision(engine, chat.contact_id)

        arrive(engine, *(message(f"m{n}", "1", phone(), time=LATER) for n in range(5)))

        assert revision(engine, chat.contact_id) == before

    def test_an_exclusive_value_beside_another_is_not_claimed(self, engine):
        (call,) = arrive(engine, event("1", customer("C-1")))

        arrive(engine, message("m", "1", customer("C-2")))

        assert held(engine, call.contact_id) == {"C-1"}


class TestCorrection:
    def test_it_replaces_what_the_publisher_said(self, engine):
        (form,) = arrive(engine, event("1", email(MAIL), channel="form", profile=ANNA))
        arrive(
            engine,
            change("c", "1", "corrected", identifiers=[email(OTHER_MAIL)], profile=KENTA),
        )

        profile = engine.profile(form.contact_id)

        assert [one.value for one in profile.fields["family_name"]] == ["Moriyama"]
        assert held(engine, form.contact_id) == {OTHER_MAIL}
        assert engine.search("berger") == []
        assert [one.contact_id for one in engine.search("moriyama")] == [form.contact_id]
        assert is_sound(engine)

    def test_later_interactions_are_compared_with_what_it_says_now(self, engine):
        (form,) = arrive(engine, event("1", email(MAIL), channel="form", profile=ANNA))
        arrive(
            engine, change("c", "1", "corrected", identifiers=[email(OTHER_MAIL)], profile=KENTA)
        )

        anna, kenta = arrive(engine, mailed("2"), mailed("3", OTHER_MAIL))

        assert anna.contact_id != form.contact_id
        assert kenta.contact_id == form.contact_id
        assert is_sound(engine)

    def test_the_final_clusters_are_those_of_what_it_says_now(self, engine, tmp_path):
        card, other = customer("C-1"), customer("C-2")
        arrive(engine, event("1", card), event("2", card), event("3", other))
        arrive(engine, change("c", "2", "corrected", identifiers=[other], profile={}))
        engine.reevaluate()

        assert together(engine, tmp_path) == [["1"], ["2", "3"]]
        assert is_sound(engine)

    def test_a_value_that_another_interaction_says_too_stays_held(self, engine):
        first, second = arrive(engine, mailed("1", profile=ANNA), mailed("2", profile=ANNA))
        assert first.contact_id == second.contact_id

        arrive(engine, change("c", "1", "corrected", identifiers=[], profile=ANNA))

        assert held(engine, first.contact_id) == {MAIL}


class TestRetraction:
    def test_it_takes_the_interaction_out_of_contact_and_profile(self, engine):
        first, second = arrive(
            engine,
            event("1", customer("C-1"), profile=ANNA),
            event("2", customer("C-1"), email(OTHER_MAIL, True), profile={"given_name": "Ann"}),
        )
        assert first.contact_id == second.contact_id

        (outcome,) = engine.ingest([change("c", "2", "retracted", reason="wrong tenant")])

        profile = engine.profile(first.contact_id)
        assert outcome.contact_id is None
        assert [one.id for one in profile.interactions] == ["1"]
        assert [one.value for one in profile.fields["given_name"]] == ["Anna"]
        assert held(engine, first.contact_id) == {"C-1"}
        assert engine.review() == []
        assert is_sound(engine)

    def test_a_value_on_its_word_alone_leads_nobody_to_the_contact_any_more(self, engine):
        (wrong,) = arrive(engine, mailed("1"))
        arrive(engine, change("c", "1", "retracted"))

        before, after = arrive(
            engine, mailed("2", time="2026-01-01T09:00:00Z"), mailed("3", time=LATER)
        )

        assert wrong.contact_id not in (before.contact_id, after.contact_id)

    def test_a_resend_is_a_duplicate_without_a_contact_and_evaluation_leaves_it_out(
        self, engine, tmp_path
    ):
        call = event("1", customer("C-1"))
        arrive(engine, call, event("2", customer("C-1")), change("c", "1", "retracted"))

        (again,) = engine.ingest([call])
        engine.reevaluate()

        assert (again.status, again.contact_id) == ("duplicate", None)
        assert together(engine, tmp_path) == [["2"]]
        assert is_sound(engine)

    def test_those_who_were_one_by_it_alone_are_two_again(self, engine, tmp_path):
        both = event("3", customer("C-1"), email(MAIL, True), channel="form")
        arrive(engine, event("1", customer("C-1")), mailed("2"), both)
        engine.reevaluate()
        assert together(engine, tmp_path) == [["1", "2", "3"]]

        arrive(engine, change("c", "3", "retracted"))
        engine.reevaluate()

        assert together(engine, tmp_path) == [["1"], ["2"]]
        assert is_sound(engine)


def write_lines(folder, *events):
    """A file of events, one a line."""
    import orjson

    path = folder / "events.jsonl"
    path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in events))
    return path


def revision(engine, contact_id):
    """The revision that an editor of the contact would name."""
    with engine.store.reading() as cursor:
        reader = engine.store.index.begin(cursor)
        reader.load_nearby((), [contact_id])
        return reader.index.contacts[contact_id].revision


class TestWhatNobodyGivesAnyMore:
    """A value that no interaction of the contact gives is not held, whichever claimed it first."""

    @pytest.fixture
    def twice(self, engine):
        return arrive(engine, event("1", phone(), profile=ANNA), event("2", phone(), profile=ANNA))

    @pytest.mark.parametrize("order", [("1", "2"), ("2", "1")], ids="-".join)
    @pytest.mark.parametrize("kinds", [("corrected", "corrected"), ("corrected", "retracted")])
    def test_is_let_go_with_the_last_that_gave_it(self, engine, twice, order, kinds):
        for n, (of, kind) in enumerate(zip(order, kinds, strict=True)):
            said = {"identifiers": [], "profile": ANNA} if kind == "corrected" else {}
            arrive(engine, change(f"c-{n}", of, kind, **said))

        assert held(engine, twice[0].contact_id) == set()
        (again,) = arrive(engine, event("3", phone()))
        assert again.contact_id != twice[0].contact_id
        assert is_sound(engine)

    def test_is_held_while_a_message_shows_it(self, engine):
        first, second = arrive(
            engine,
            event("1", customer("C-1"), channel="messaging"),
            event("2", customer("C-1"), email(MAIL, False), channel="form"),
        )
        arrive(engine, message("m", "1", email(MAIL, True), time="2026-02-01T09:05:00Z"))
        arrive(engine, change("c", "2", "corrected", identifiers=[], profile=ANNA))

        assert second.contact_id == first.contact_id
        assert held(engine, first.contact_id) == {"C-1", MAIL}
        assert is_sound(engine)

    def test_is_let_go_where_a_person_had_taken_the_interaction_away(self, engine, twice):
        _, second = twice
        (other,) = arrive(engine, event("6", customer("C-6")))
        engine.desk.interactions.unlink(second.interaction_id, reason="Not hers.")
        arrive(engine, change("c-1", "1", "corrected", identifiers=[], profile=ANNA))
        arrive(engine, change("c-2", "2", "retracted"))

        assert held(engine, twice[0].contact_id) == set()
        assert other.contact_id != twice[0].contact_id
        assert is_sound(engine)
