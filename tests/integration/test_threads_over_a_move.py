"""A thread leads to the case that lies where its answer came, wherever either was before."""

import pytest

from aggregates.case import LinkInteraction
from aggregates.values import InteractionId
from identity_engine import Engine
from identity_engine.application.cases.entry import Entry, MailDraft
from identity_engine.application.cases.file import CaseFile
from tests.support.interactions import event, message, phone
from tests.support.mail import FakeMail
from tests.support.soundness import is_sound
from tests.support.working_on_cases import (
    ANNA,
    BEN,
    all_cases,
    configure,
    mail,
    mail_opens_cases,
    shown,
)
from tests.support.world import world

WHY = "Moved there."
FIRST, SECOND = "C-000001", "C-000002"
ANSWERS = {"in_reply_to": "<1@mail.example>"}


@pytest.fixture
def engine():
    """An engine in which mail opens cases, and one mail has come in."""
    with Engine.in_memory(world()) as engine:
        mail_opens_cases(engine)
        yield engine
        assert is_sound(engine)


@pytest.fixture
def anna(engine):
    """The contact of the mail that opened the first case."""
    return engine.ingest([mail("1")])[0].contact_id


def arrives(engine, id_, sender=ANNA, division="default", **headers):
    """A mail comes to a division."""
    came = mail(id_, sender, f"subject of {id_}", **headers)
    came["data"]["division"] = division
    return engine.ingest([came])[0]


def move(engine, contact_id, to="south"):
    engine.desk.divisions.move(contact_id, to, reason=WHY, new_division=True)


def joined(engine, number):
    """How the interactions of a case came to it."""
    return [one.by for one in shown(engine, number).interactions]


def divisions(engine):
    return [(one.number, one.division) for one in all_cases(engine)]


def test_an_answer_where_the_contact_is_now_joins_its_case(engine, anna):
    move(engine, anna)
    answer = arrives(engine, "2", division="south", **ANSWERS)

    assert answer.contact_id == anna
    assert joined(engine, FIRST) == ["opening", "thread"]


def test_an_answer_where_it_was_opens_a_case_there_and_the_next_one_joins_that(engine, anna):
    move(engine, anna)
    for id_ in ("2", "3"):
        arrives(engine, id_, **ANSWERS)

    assert divisions(engine) == [(FIRST, "south"), (SECOND, "default")]
    assert joined(engine, SECOND) == ["opening", "thread"]
    arrives(engine, "4", division="south", **ANSWERS)
    assert joined(engine, FIRST) == ["opening", "thread"]


def test_once_it_is_back_the_thread_goes_on_in_its_first_case(engine, anna):
    move(engine, anna)
    arrives(engine, "2", **ANSWERS)
    move(engine, anna, "default")
    arrives(engine, "3", **ANSWERS)

    assert joined(engine, FIRST) == ["opening", "thread"]
    arrives(engine, "4", in_reply_to="<2@mail.example>")
    assert joined(engine, SECOND) == ["opening", "thread"]


def test_an_answer_to_a_closed_case_that_moved_follows_it_up(engine, anna):
    engine.desk.cases.add(FIRST, Entry(resolved="solved"))
    engine.desk.cases.close(FIRST)
    move(engine, anna)
    for id_ in ("2", "3"):
        arrives(engine, id_, division="south", **ANSWERS)

    assert shown(engine, SECOND).follow_up_of == FIRST
    assert joined(engine, SECOND) == ["thread", "thread"]


@pytest.mark.parametrize("moves", ["before", "after"])
def test_an_answer_to_our_own_mail_joins_its_case(engine, anna, moves):
    configure(
        engine,
        {"channels": ["email"]},
        {"host": "127.0.0.1", "sender": "desk@centre.example", "tls": "none"},
    )
    if moves == "before":
        move(engine, anna)
    engine.desk.cases.add(FIRST, Entry(letter=MailDraft("Guten Tag."), send=True))
    server = FakeMail()
    engine.desk.mails.send_due(server)
    if moves == "after":
        move(engine, anna)
    (ours,) = server.messages
    arrives(engine, "2", division="south", in_reply_to=ours["Message-ID"])

    assert joined(engine, FIRST) == ["opening", "thread"]


def test_a_mail_that_moved_before_its_case_was_there_joins_where_it_lies(engine, anna, monkeypatch):
    with monkeypatch.context() as later:
        later.setattr(engine._intake, "follow", lambda: 0)
        for id_, headers in (("2", ANSWERS), ("3", {})):
            assert arrives(engine, id_, **headers).contact_id == anna
        move(engine, anna)

    assert divisions(engine) == [(FIRST, "south"), (SECOND, "south")]
    assert joined(engine, FIRST) == ["opening", "thread"]


def test_a_mail_loop_does_not_end_in_a_case_that_moved_away(engine, anna):
    mail_opens_cases(engine, sender_mails_an_hour=1)
    arrives(engine, "2", BEN, **ANSWERS)
    move(engine, anna)
    for id_ in ("3", "4"):
        arrives(engine, id_, BEN)

    assert divisions(engine) == [(FIRST, "south"), (SECOND, "default")]
    assert joined(engine, FIRST) == ["opening", "thread"]
    assert joined(engine, SECOND) == ["opening", "sender"]


def test_a_thread_that_was_noted_for_one_division_is_still_found_there(engine, anna):
    """As versions noted it that did not look for what had moved."""
    (call,) = engine.ingest([event("call", phone())])
    noted = engine.store.digests.message_in("default", "old@mail.example").hex()
    with engine.desk.cases.under("case:edit").command() as command:
        row = command.case(FIRST)
        order = LinkInteraction(InteractionId(call.interaction_id), "thread", False, (noted,))
        CaseFile(command, row.case_id).do(order)
    arrives(engine, "2", in_reply_to="<old@mail.example>")

    assert joined(engine, FIRST) == ["opening", "thread", "thread"]


def test_an_answer_is_addressed_to_whom_a_mail_was_given_also_after_they_moved(engine, anna):
    (kenta,) = engine.ingest([event("k", phone(), profile={"full_name": "Kenta Sato"})])
    opening = shown(engine, FIRST).interactions[0].interaction_id
    engine.desk.interactions.associate(
        opening, kenta.contact_id, reason=WHY, identifiers="transfer"
    )
    move(engine, kenta.contact_id)
    engine.desk.cases.add(FIRST, Entry(letter=MailDraft("Guten Tag.")))

    (drafted,) = shown(engine, FIRST).mails
    assert drafted.to == (ANNA,)


class TestAMessageOfAParticipant:
    """Ben wrote into Anna's case, and goes on in his own conversation when she has moved."""

    @pytest.fixture
    def ben(self, engine, anna):
        outcome = arrives(engine, "2", BEN, **ANSWERS)
        assert outcome.contact_id != anna
        return outcome.contact_id

    def writes(self, engine, id_="2-1", **more):
        engine.ingest([message(id_, "2", time="2026-02-03T09:00:00Z", **more)])
        engine.follow()

    def test_reaches_the_case_while_it_lies_where_he_is(self, engine, anna, ben):
        engine.desk.cases.add(FIRST, Entry(resolved="solved"))
        self.writes(engine)

        assert divisions(engine) == [(FIRST, "default")]
        assert shown(engine, FIRST).summary.state == "open"

    def test_opens_a_case_of_his_where_he_is(self, engine, anna, ben):
        engine.desk.cases.add(FIRST, Entry(resolved="solved"))
        move(engine, anna)
        self.writes(engine)
        self.writes(engine, "2-2")

        assert divisions(engine) == [(FIRST, "south"), (SECOND, "default")]
        assert shown(engine, FIRST).summary.state == "resolved"
        assert shown(engine, SECOND).summary.contact_id == ben
        assert joined(engine, SECOND) == ["opening"]

    def test_joins_the_case_of_the_thread_where_he_is(self, engine, anna, ben):
        move(engine, anna)
        arrives(engine, "3", **ANSWERS)
        self.writes(engine, mail={"message_id": "<x@mail.example>", **ANSWERS})

        assert divisions(engine) == [(FIRST, "south"), (SECOND, "default")]
        assert joined(engine, SECOND) == ["opening", "thread"]

    @pytest.mark.parametrize(("actor", "named"), [("south", False), ("both", True)])
    def test_he_is_named_to_who_sees_where_he_is(self, engine, anna, ben, actor, named):
        move(engine, anna)
        engine.desk.administration.grant("south", "supervisor", divisions=["south"])
        engine.desk.administration.grant("both", "supervisor", divisions=["south", "default"])

        case = engine.acting_as(actor).reading_cases.show(FIRST)

        assert [one.contact_id for one in case.interactions] == [anna, ben if named else None]
        assert [one.participant for one in case.interactions] == [False, True]

    def test_that_is_automatic_opens_nothing(self, engine, anna, ben):
        move(engine, anna)
        self.writes(
            engine, mail={"message_id": "<x@mail.example>", "auto_submitted": "auto-replied"}
        )

        assert divisions(engine) == [(FIRST, "south")]

    def test_reaches_the_case_again_once_it_is_back(self, engine, anna, ben):
        engine.desk.cases.add(FIRST, Entry(resolved="solved"))
        move(engine, anna)
        move(engine, anna, "default")
        self.writes(engine)

        assert divisions(engine) == [(FIRST, "default")]
        assert shown(engine, FIRST).summary.state == "open"
