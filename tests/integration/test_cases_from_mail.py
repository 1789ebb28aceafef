"""CA-1: each inbound mail opens a case or joins the one of its thread, never lost and never twice."""

import pytest

from identity_engine import Engine
from identity_engine.application.cases.entry import Entry
from identity_engine.application.cases.intake import Intake
from tests.support.interactions import change, event, message, phone
from tests.support.resolving import facts, mailed
from tests.support.soundness import is_sound
from tests.support.working_on_cases import BEN, all_cases, configure, mail, mail_opens_cases, shown
from tests.support.world import Clock, world

WRITTEN = {"mail": {"subject": "Re: Rechnung 17"}, "time": "2026-02-02T09:00:00Z"}


@pytest.fixture
def engine():
    """An engine in which mail opens cases."""
    with Engine.in_memory(world()) as engine:
        mail_opens_cases(engine)
        yield engine


def close(engine, number):
    """Resolve a case and close it."""
    engine.desk.cases.add(number, Entry(resolved="solved"))
    engine.desk.cases.close(number)


def test_a_store_without_the_setting_has_no_cases():
    with Engine.in_memory(world()) as engine:
        engine.ingest([mail("1")])
        assert all_cases(engine) == []


def test_each_mail_of_its_own_opens_a_case_under_the_next_number(engine):
    engine.ingest([mail("1"), mail("2", BEN, "Anderes")])
    first, second = all_cases(engine)
    assert (first.number, first.state, first.subject) == ("C-000001", "new", "Rechnung 17")
    assert (second.number, second.subject) == ("C-000002", "Anderes")
    assert is_sound(engine)


def test_a_call_opens_no_case(engine):
    engine.ingest([event("1", phone())])
    assert all_cases(engine) == []


def test_a_case_belongs_to_the_contact_of_its_mail(engine):
    (outcome,) = engine.ingest([mail("1")])
    (case,) = all_cases(engine)
    assert case.contact_id == outcome.contact_id


@pytest.mark.parametrize(
    "headers",
    [
        {"in_reply_to": "<1@mail.example>"},
        {"references": "<0@mail.example> <1@mail.example>"},
        {"references": ["<1@mail.example>", "<elsewhere@mail.example>"]},
    ],
    ids=["in-reply-to", "references", "references as a list"],
)
def test_an_answer_joins_the_case_of_its_thread(engine, headers):
    engine.ingest([mail("1"), mail("2", subject="ganz anders", **headers)])
    (case,) = all_cases(engine)
    interactions = shown(engine, case.number).interactions
    assert [one.by for one in interactions] == ["opening", "thread"]


def test_mails_of_a_thread_that_come_in_the_wrong_order_are_one_case(engine):
    engine.ingest([mail("2", references="<1@mail.example>"), mail("1")])
    assert len(all_cases(engine)) == 1


def test_a_thread_leads_to_a_case_of_its_own_division_only(engine):
    engine.ingest([mail("1")])
    answer = mail("2", in_reply_to="<1@mail.example>")
    answer["data"]["division"] = "north"
    engine.ingest([answer])
    assert [one.division for one in all_cases(engine)] == ["default", "north"]


def test_our_token_in_the_subject_leads_to_its_case(engine):
    engine.ingest([mail("1")])
    code = engine.store.digests.case_code(1)
    engine.ingest([mail("2", subject=f"Re: Rechnung 17 [C-000001-{code}]")])
    (case,) = all_cases(engine)
    assert [one.by for one in shown(engine, case.number).interactions] == ["opening", "token"]


def test_our_token_in_the_address_leads_to_its_case_also_in_lower_case(engine):
    engine.ingest([mail("1")])
    code = engine.store.digests.case_code(1).lower()
    engine.ingest([mail("2", subject="x", to=f"desk+c-000001-{code}@centre.example")])
    assert len(all_cases(engine)) == 1


@pytest.mark.parametrize("code", ["AAAAAAAAAA", "ABCDEFGHIJ", ""], ids=["one", "another", "none"])
def test_a_token_that_we_did_not_make_leads_nowhere(engine, code):
    engine.ingest([mail("1")])
    engine.ingest([mail("2", BEN, subject=f"Re: Rechnung 17 [C-000001-{code}]")])
    assert len(all_cases(engine)) == 2


def test_the_token_of_one_case_does_not_open_another(engine):
    engine.ingest([mail("1"), mail("2", BEN, "Anderes")])
    code = engine.store.digests.case_code(1)
    engine.ingest([mail("3", subject=f"[C-000002-{code}]")])
    assert len(all_cases(engine)) == 3


def test_an_equal_subject_only_suggests(engine):
    engine.ingest([mail("1"), mail("2", BEN, "AW: rechnung 17"), mail("3", BEN, "Anderes")])
    first, second, third = all_cases(engine)
    assert shown(engine, second.number).suggested == (first.number,)
    assert shown(engine, third.number).suggested == ()


def test_a_reply_from_another_address_does_not_change_the_cases_customer(engine):
    """Pain: a reply from another address changes the case's customer."""
    anna, ben = engine.ingest([mail("1"), mail("2", BEN, in_reply_to="<1@mail.example>")])
    (case,) = all_cases(engine)
    assert case.contact_id == anna.contact_id
    first, second = shown(engine, case.number).interactions
    assert (first.contact_id, first.participant) == (anna.contact_id, False)
    assert (second.contact_id, second.participant) == (ben.contact_id, True)


def test_a_follow_up_by_another_sender_stays_with_the_customer(engine):
    anna, _ = engine.ingest([mail("1"), mail("x", BEN, "Anderes")])
    close(engine, "C-000001")
    engine.ingest([mail("2", BEN, in_reply_to="<1@mail.example>")])
    follow_up = shown(engine, "C-000003")
    assert follow_up.follow_up_of == "C-000001"
    assert follow_up.summary.contact_id == anna.contact_id
    assert [one.participant for one in follow_up.interactions] == [True]


def test_mail_to_a_closed_case_opens_one_follow_up_that_the_thread_goes_on_in(engine):
    engine.ingest([mail("1")])
    close(engine, "C-000001")
    answers = [mail(id_, in_reply_to="<1@mail.example>") for id_ in ("2", "3", "4")]
    engine.ingest(answers)
    closed, follow_up = all_cases(engine)
    assert (closed.state, follow_up.state) == ("closed", "new")
    assert shown(engine, closed.number).follow_ups == (follow_up.number,)
    assert len(shown(engine, follow_up.number).interactions) == 3
    assert is_sound(engine)


@pytest.mark.parametrize(
    "automatic",
    [
        {"auto_submitted": "auto-replied"},
        {"auto_submitted": True},
        {"auto_submitted": "auto-generated; owner=x"},
    ],
    ids=["replied", "true", "with a parameter"],
)
def test_an_automatic_reply_never_opens_a_case(engine, automatic):
    engine.ingest([mail("1", **automatic)])
    assert all_cases(engine) == []


def test_a_person_who_says_that_no_machine_wrote_opens_a_case(engine):
    engine.ingest([mail("1", auto_submitted="no")])
    assert len(all_cases(engine)) == 1


def test_a_bounce_never_opens_a_case(engine):
    nobody = event("1", channel="email", mail={"message_id": "<b@x>", "subject": "Undelivered"})
    engine.ingest(
        [nobody, mail("2", "MAILER-DAEMON@mx.example"), mail("3", "postmaster@x.example")]
    )
    assert all_cases(engine) == []


def test_our_own_mail_that_comes_back_opens_no_case(engine):
    engine.ingest([mail("1", "Desk@centre.example")])
    assert all_cases(engine) == []


def test_an_automatic_reply_is_kept_with_its_case_and_never_opens_it_again(engine):
    engine.ingest([mail("1")])
    engine.desk.cases.add("C-000001", Entry(resolved="solved"))
    reply = {"auto_submitted": "auto-replied", "in_reply_to": "<1@mail.example>"}
    engine.ingest([mail("2", **reply)])
    case = shown(engine, "C-000001")
    assert case.summary.state == "resolved"
    assert [one.automatic for one in case.interactions] == [False, True]
    engine.desk.cases.close("C-000001")
    engine.ingest([mail("3", **reply)])
    assert len(all_cases(engine)) == 1


@pytest.mark.parametrize("at_once", [True, False], ids=["in one batch", "one after the other"])
def test_a_mail_loop_does_not_open_cases_without_end(engine, at_once):
    """Pain: a mail loop opens cases."""
    loop = [
        mail(f"loop-{n}", subject=f"Re: {n}", time=f"2026-02-01T09:{n:02}:00Z") for n in range(50)
    ]
    for batch in [loop] if at_once else [[one] for one in loop]:
        engine.ingest(batch)
    cases = all_cases(engine)
    assert len(cases) == 5
    last = shown(engine, cases[-1].number).interactions
    assert [one.by for one in last] == ["opening", *["sender"] * 45]
    assert is_sound(engine)


def test_a_sender_may_open_cases_again_after_the_hour(engine):
    engine.ingest([mail(f"{n}", subject=f"{n}") for n in range(9)])
    assert len(all_cases(engine)) == 5
    engine.ingest([mail("late", subject="neu", time="2026-02-01T10:30:00Z")])
    assert len(all_cases(engine)) == 6


def test_new_mail_opens_a_resolved_case_again(engine):
    engine.ingest([mail("1")])
    engine.desk.cases.add("C-000001", Entry(resolved="solved"))
    engine.ingest([mail("2", in_reply_to="<1@mail.example>")])
    assert shown(engine, "C-000001").summary.state == "open"


def test_a_mail_received_twice_is_in_its_case_once(engine):
    engine.ingest([mail("1"), mail("1")])
    engine.ingest([mail("1")])
    assert len(facts(engine, "case.opened")) == 1
    assert len(facts(engine, "case.interaction_linked")) == 1


def test_only_mail_received_while_the_channel_was_on_opens_a_case():
    with Engine.in_memory(world()) as engine:
        engine.ingest([mail("before")])
        mail_opens_cases(engine)
        engine.ingest([mail("on", subject="an")])
        configure(engine)
        engine.ingest([mail("off")])
        mail_opens_cases(engine)
        engine.ingest([mail("on again", subject="wieder an")])
        assert [one.subject for one in all_cases(engine)] == ["an", "wieder an"]


def test_outbound_mail_opens_no_case(engine):
    sent = mail("1")
    sent["data"]["direction"] = "outbound"
    engine.ingest([sent])
    assert all_cases(engine) == []


def test_mail_without_headers_opens_a_case(engine):
    engine.ingest([mailed("1")])
    assert [one.subject for one in all_cases(engine)] == [None]


def test_two_processes_give_each_mail_one_case(tmp_path):
    clock = Clock()
    with (
        Engine.open(tmp_path / "store", world(1, clock)) as one,
        Engine.open(tmp_path / "store", world(2, clock)) as other,
    ):
        mail_opens_cases(one)
        one.ingest([mail("1")])
        other.ingest([mail("2", BEN, "Anderes")])
        Intake(one.context).follow()
        Intake(other.context).follow()
        assert [case.number for case in all_cases(one)] == ["C-000001", "C-000002"]
        assert all_cases(one) == all_cases(other)


@pytest.mark.parametrize("when", ["before the case", "before the commit of the case"])
def test_a_mail_whose_process_died_before_its_case_gets_it_once(tmp_path, when, monkeypatch):
    class Killed(BaseException):
        pass

    def die():
        raise Killed

    with Engine.open(tmp_path / "store", world()) as engine:
        mail_opens_cases(engine)
        if when == "before the case":
            monkeypatch.setattr(engine._intake, "follow", die)
        else:
            settle = engine._intake._take_some

            def dying():
                engine.store._before_commit = die
                return settle()

            monkeypatch.setattr(engine._intake, "_take_some", dying)
        with pytest.raises(Killed):
            engine.ingest([mail("1")])
    with Engine.open(tmp_path / "store", world(2)) as engine:
        assert facts(engine, "case.opened") == []
        assert [one.number for one in all_cases(engine)] == ["C-000001"]
        engine.ingest([mail("1")])
        assert len(facts(engine, "case.opened")) == 1


def test_numbers_and_threads_survive_a_rebuild_of_the_index(engine):
    engine.ingest([mail("1"), mail("2", BEN, "Anderes")])
    engine.rebuild_index()
    engine.ingest([mail("3", in_reply_to="<1@mail.example>"), mail("4", subject="neu")])
    assert [one.number for one in all_cases(engine)] == ["C-000001", "C-000002", "C-000003"]
    assert len(shown(engine, "C-000001").interactions) == 2
    assert is_sound(engine)


def test_what_a_mail_is_about_is_sealed_under_a_key_of_the_case(engine):
    engine.ingest([mail("1", subject="Kündigung wegen Krankheit")])
    opened = next(one for one in engine.store.read(0, 99) if one.fact.TOPIC == "case.opened")
    assert opened.subject == opened.stream_id
    received = engine.store.read_stream(opened.fact.interaction_id)[0]
    assert opened.key_id not in (0, received.key_id)
    stored = engine.store.stored_bytes(opened.position).state
    assert b"Krankheit" not in stored
    linked = engine.store.read_stream(opened.stream_id)[1]
    assert b"mail.example" not in engine.store.stored_bytes(linked.position).state


def test_the_case_is_caused_by_the_event_that_brought_the_mail(engine):
    engine.ingest([mail("1")])
    opened, linked = [one for one in engine.store.read(0, 99) if one.fact.TOPIC.startswith("case.")]
    received = engine.store.read_stream(opened.fact.interaction_id)[0]
    assert opened.header.causation_id == received.header.event_id
    assert linked.header.causation_id == opened.header.event_id
    assert opened.header.actor == engine.policies.rules.actor


class TestMessages:
    """A mail that comes as a message of an interaction which has a case."""

    @pytest.mark.parametrize("entry", [Entry(pending="customer"), Entry(resolved="solved")])
    def test_it_turns_a_pending_or_resolved_case_to_open(self, engine, entry):
        engine.ingest([mail("1")])
        engine.desk.cases.add("C-000001", entry)
        engine.ingest([message("1-2", "1", **WRITTEN)])
        (case,) = all_cases(engine)
        assert case.state == "open"
        (reopened,) = facts(engine, "case.reopened")
        assert (reopened.cause, reopened.before) == (
            "mail",
            "pending" if entry.pending else "resolved",
        )
        engine.ingest([message("1-2", "1", **WRITTEN)])
        assert len(facts(engine, "case.reopened")) == 1
        assert is_sound(engine)

    def test_it_follows_up_a_closed_case_once(self, engine):
        engine.ingest([mail("1")])
        close(engine, "C-000001")
        for number in (2, 3):
            engine.ingest([message(f"1-{number}", "1", **WRITTEN)])
        cases = {one.number: one for one in all_cases(engine)}
        assert {number: one.state for number, one in cases.items()} == {
            "C-000001": "closed",
            "C-000002": "new",
        }
        assert shown(engine, "C-000002").follow_up_of == "C-000001"
        assert cases["C-000002"].contact_id == cases["C-000001"].contact_id
        assert is_sound(engine)

    @pytest.mark.parametrize(
        "said",
        [
            {"mail": {"auto_submitted": "auto-replied"}},
            {"direction": "outbound"},
        ],
        ids=["automatic", "outbound"],
    )
    def test_what_the_person_did_not_write_opens_nothing_again(self, engine, said):
        engine.ingest([mail("1")])
        engine.desk.cases.add("C-000001", Entry(resolved="solved"))
        data = {"direction": "inbound"} | said
        engine.ingest([change("1-2", "1", "message", time="2026-02-02T09:00:00Z", **data)])
        assert all_cases(engine)[0].state == "resolved"

    def test_a_message_of_an_interaction_without_a_case_opens_none(self, engine):
        engine.ingest(
            [event("call", phone()), message("call-2", "call", time="2026-02-02T09:00:00Z")]
        )
        assert all_cases(engine) == []
