"""A mail that was written for one contact does not go to it once the talk is another's (GX-8)."""

import pytest

from aggregates.errors import Refused
from identity_engine import Engine
from identity_engine.application.cases.entry import Entry, MailDraft, Origin
from identity_engine.errors import UsageError
from tests.support.interactions import event, phone
from tests.support.mail import FakeMail
from tests.support.resolving import KENTA, arrive, facts
from tests.support.soundness import is_sound
from tests.support.working_on_cases import ANNA, mail, mail_opens_cases, shown
from tests.support.world import world

CASE, WHY = "C-000001", "It was her daughter who wrote."
KENTAS = "kenta@example.jp"
UNADDRESSED = MailDraft("Guten Tag.", subject="Ihr Vertrag")


@pytest.fixture
def engine():
    """An engine in which mail opens cases, and one mail has come in."""
    with Engine.in_memory(world()) as engine:
        mail_opens_cases(engine)
        engine.ingest([mail("1")])
        yield engine
        assert is_sound(engine)


@pytest.fixture
def server():
    return FakeMail()


@pytest.fixture
def kenta(engine):
    arrived = event("k", phone(), channel="voice", profile=KENTA)
    return arrive(engine, arrived)[0].contact_id


def the_interaction(engine):
    return facts(engine, "case.opened")[0].interaction_id


def give(engine, contact, **more):
    engine.desk.interactions.associate(the_interaction(engine), contact, reason=WHY, **more)


def write(engine, letter=UNADDRESSED, send=False):
    return engine.desk.cases.add(CASE, Entry(letter=letter, send=send)).mail_id


def the_mail(engine):
    (only,) = shown(engine, CASE).mails
    return only


def test_the_reply_does_not_still_go_to_the_old_contact(engine, server, kenta):
    draft = write(engine)
    give(engine, kenta)

    with pytest.raises(Refused) as refused:
        engine.desk.mails.release(CASE, draft)
    assert refused.value.reason == "contact_changed"
    assert engine.desk.mails.send_due(server) == []
    assert server.taken == []


def test_what_waits_already_is_held_back_and_says_why(engine, server, kenta):
    write(engine, send=True)
    give(engine, kenta)

    (outcome,) = engine.desk.mails.send_due(server)
    assert (outcome.status, outcome.code) == ("failed", "contact_changed")
    assert server.taken == []
    assert the_mail(engine).status == "failed"
    assert engine.desk.mails.send_due(server) == []


def test_it_is_written_anew_for_the_right_contact_and_goes_there(engine, server, kenta):
    held = write(engine, send=True)
    give(engine, kenta)
    engine.desk.mails.send_due(server)
    engine.desk.mails.rewrite(CASE, held, MailDraft("Hallo.", to=(KENTAS,), subject="Ihr Vertrag"))
    engine.desk.mails.release(CASE, held)
    engine.desk.mails.send_due(server)

    (message,) = server.messages
    assert message["To"] == KENTAS


def test_an_answer_is_not_addressed_to_an_address_of_the_old_contact_by_itself(engine, kenta):
    give(engine, kenta)

    with pytest.raises(UsageError, match="Name the recipient"):
        write(engine)
    engine.desk.interactions.unlink(the_interaction(engine), reason=WHY)
    with pytest.raises(UsageError, match="Name the recipient"):
        write(engine)


def test_it_is_where_the_right_contact_was_given_the_address(engine, server, kenta):
    give(engine, kenta, identifiers="transfer")
    write(engine, send=True)
    engine.desk.mails.send_due(server)

    (message,) = server.messages
    assert message["To"] == ANNA


def test_a_person_may_send_it_knowing_that_the_contact_changed(engine, server, kenta):
    draft = write(engine)
    give(engine, kenta)
    engine.desk.mails.release(CASE, draft, although_moved=True)
    (outcome,) = engine.desk.mails.send_due(server)

    assert outcome.status == "sent"
    assert facts(engine, "case.mail_released")[0].although_moved


def test_given_back_it_may_go(engine, server, kenta):
    draft = write(engine)
    (anna,) = {one.contact_id for one in facts(engine, "interaction.linked")[:1]}
    give(engine, kenta)
    give(engine, anna)
    engine.desk.mails.release(CASE, draft)

    assert [one.status for one in engine.desk.mails.send_due(server)] == ["sent"]


def test_a_merge_holds_nothing_back_and_its_undoing_does_not_either(engine, server, kenta):
    anna = facts(engine, "interaction.linked")[0].contact_id
    preview = engine.desk.merging.preview([anna, kenta])
    engine.desk.merging.merge([anna, kenta], token=preview.token, reason=WHY)
    write(engine, send=True)
    engine.desk.unmerging.unmerge(facts(engine, "contact.merged")[0].merge_id, reason=WHY)

    assert [one.status for one in engine.desk.mails.send_due(server)] == ["sent"]


def test_so_does_a_mail_of_a_case_that_was_opened_from_a_call(engine, server, kenta):
    (call,) = arrive(engine, event("c", phone("+4930123456"), channel="voice"))
    letter = MailDraft("Guten Tag.", to=(ANNA,), subject="Ihr Anruf")
    engine.desk.cases.open(
        Origin("interaction", call.interaction_id), Entry(letter=letter, send=True)
    )
    engine.desk.interactions.associate(call.interaction_id, kenta, reason=WHY)

    (outcome,) = engine.desk.mails.send_due(server)
    assert outcome.code == "contact_changed"
    assert server.taken == []
