"""A mail that a server took for some of its recipients goes out to the others alone (CA-3)."""

from datetime import timedelta

import pytest

from aggregates.errors import AlreadyDone, Refused
from identity_engine import Engine
from identity_engine.application.cases.entry import Entry, MailDraft
from tests.support.mail import FakeMail
from tests.support.resolving import facts
from tests.support.soundness import is_sound
from tests.support.working_on_cases import (
    ANNA,
    BEN,
    OUTGOING,
    configure,
    mail,
    mail_opens_cases,
    shown,
)
from tests.support.world import world

CASE = "C-000001"
CLEO = "cleo@example.org"


@pytest.fixture
def server():
    """It knows Anna, takes nothing for Ben yet, and does not know Cleo."""
    server = FakeMail()
    server.later, server.unknown = {BEN}, {CLEO}
    return server


@pytest.fixture
def engine(clock):
    with Engine.in_memory(world(clock=clock)) as engine:
        mail_opens_cases(engine)
        engine.ingest([mail("1")])
        yield engine
        assert is_sound(engine)


@pytest.fixture
def mail_id(engine, server):
    """A mail to the three that was tried once."""
    letter = MailDraft("Guten Tag.", to=(ANNA, BEN), cc=(CLEO,), subject="Ihr Vertrag")
    mail_id = engine.desk.cases.add(CASE, Entry(letter=letter, send=True)).mail_id
    (outcome,) = engine.desk.mails.send_due(server)
    assert (outcome.status, outcome.refused) == ("waiting", (BEN, CLEO))
    return mail_id


def again(engine, server, clock):
    """Whatever is due an hour later is tried."""
    clock.set(clock() + timedelta(hours=1))
    return engine.desk.mails.send_due(server)


def the_mail(engine):
    (only,) = shown(engine, CASE).mails
    return only.status, only.refused


def test_only_who_did_not_get_it_is_tried_again(engine, server, mail_id, clock):
    assert the_mail(engine) == ("waiting", (BEN, CLEO))
    assert engine.desk.mails.send_due(server) == []
    server.later = set()

    (outcome,) = again(engine, server, clock)

    assert (outcome.status, outcome.refused) == ("sent", (CLEO,))
    assert the_mail(engine) == ("sent", (CLEO,))
    assert server.envelopes == [[ANNA], [BEN]]
    first, second = server.messages
    assert (first["To"], first["Message-ID"]) == (second["To"], second["Message-ID"])
    assert again(engine, server, clock) == []


def test_it_waits_longer_and_longer_and_gives_up_like_any_other(engine, server, mail_id, clock):
    configure(engine, {"channels": ["email"]}, OUTGOING | {"attempts": 3})
    (second,) = again(engine, server, clock)
    assert (second.status, second.code) == ("waiting", "smtp_450")

    (third,) = again(engine, server, clock)

    assert third.status == "sent"
    assert the_mail(engine) == ("sent", (BEN, CLEO))
    assert server.envelopes == [[ANNA]]
    assert again(engine, server, clock) == []


def test_the_last_try_that_there_is_waits_for_no_other(engine, server):
    configure(engine, {"channels": ["email"]}, OUTGOING | {"attempts": 1})
    letter = MailDraft("Guten Tag.", to=(ANNA, BEN), subject="Ihr Vertrag")
    engine.desk.cases.add(CASE, Entry(letter=letter, send=True))

    (outcome,) = engine.desk.mails.send_due(server)

    assert (outcome.status, outcome.refused) == ("sent", (BEN,))


def test_nobody_can_send_it_to_all_again(engine, server, mail_id, clock):
    with pytest.raises(AlreadyDone):
        engine.desk.mails.release(CASE, mail_id)
    server.later, server.unknown = set(), {BEN, CLEO}
    again(engine, server, clock)

    for verb in (engine.desk.mails.release, engine.desk.mails.discard):
        with pytest.raises(Refused) as refused:
            verb(CASE, mail_id)
        assert refused.value.reason == "sent"


def test_what_is_unsure_goes_to_those_alone_of_whom_it_is(engine, server, mail_id, clock):
    server.later, server.answer = set(), "vanish"
    (unsure,) = again(engine, server, clock)
    assert unsure.status == "unsure"
    server.answer = "take"

    engine.desk.mails.release(CASE, mail_id, although_unsure=True)
    (outcome,) = again(engine, server, clock)

    assert outcome.status == "sent"
    assert server.envelopes == [[ANNA], [BEN], [BEN]]


def test_discarding_it_leaves_it_sent_to_those_who_took_it(engine, server, mail_id, clock):
    engine.desk.mails.discard(CASE, mail_id)

    assert the_mail(engine) == ("sent", (BEN, CLEO))
    assert again(engine, server, clock) == []


def test_its_recipients_are_personal(engine, mail_id):
    engine.follow()
    (sent,) = facts(engine, "case.mail_sent")
    assert sent.personal.later == (BEN,)
    log = engine.store.read_positions(range(1, engine.store.head() + 1))
    stored = b"".join(engine.store.stored_bytes(one.position).state for one in log)
    assert BEN.encode() not in stored
