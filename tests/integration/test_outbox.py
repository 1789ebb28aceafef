"""Outgoing mail: sent once, tried again with patience, and never repeated where nobody is sure."""

from datetime import timedelta

import pytest

from aggregates.errors import AlreadyDone, Refused
from identity_engine import Engine
from identity_engine.application.cases import outbox
from identity_engine.application.cases.entry import Entry, MailDraft, Origin
from identity_engine.application.cases.outbox import BUSY, Outbox
from identity_engine.errors import ConfigurationError, StoreBusy, UsageError
from tests.support.mail import FakeMail, LocalServer
from tests.support.resolving import facts
from tests.support.soundness import is_sound
from tests.support.working_on_cases import (
    ANNA,
    BEN,
    OUTGOING,
    all_cases,
    configure,
    mail,
    mail_opens_cases,
    shown,
)
from tests.support.world import world

LETTER = MailDraft("Guten Tag, Frau Berger.", to=(ANNA,), subject="Ihr Vertrag")


@pytest.fixture
def engine(clock):
    """An engine in which mail opens cases, and one mail has come in."""
    with Engine.in_memory(world(clock=clock)) as engine:
        mail_opens_cases(engine)
        engine.ingest([mail("1")])
        yield engine


@pytest.fixture
def server():
    return FakeMail()


def write(engine, letter=LETTER, case="C-000001"):
    """Save a mail and give it to be sent; its id."""
    return engine.desk.cases.add(case, Entry(letter=letter, send=True)).mail_id


def the_mail(engine, case="C-000001"):
    (only,) = shown(engine, case).mails
    return only


def test_a_mail_is_sent_once(engine, server):
    mail_id = write(engine)
    (outcome,) = engine.desk.mails.send_due(server)
    assert (outcome.number, outcome.mail_id, outcome.status) == ("C-000001", mail_id, "sent")
    assert engine.desk.mails.send_due(server) == []
    assert len(server.taken) == 1
    with pytest.raises(Refused):
        engine.desk.mails.release("C-000001", mail_id)
    assert is_sound(engine)


def test_recipients_may_be_given_as_a_list(engine, server):
    write(engine, MailDraft("Guten Tag.", to=[ANNA], cc=[BEN], subject="Ihr Vertrag"))
    (drafted,) = facts(engine, "case.mail_drafted")
    assert (drafted.personal.to, drafted.personal.cc) == ((ANNA,), (BEN,))
    assert len(engine.desk.mails.send_due(server)) == 1


def test_a_draft_is_not_sent_until_it_is_released(engine, server):
    saved = engine.desk.cases.add("C-000001", Entry(letter=LETTER))
    assert engine.desk.mails.send_due(server) == []
    engine.desk.mails.rewrite("C-000001", saved.mail_id, MailDraft("Besser.", to=(ANNA, BEN)))
    engine.desk.mails.release("C-000001", saved.mail_id)
    with pytest.raises(AlreadyDone):
        engine.desk.mails.release("C-000001", saved.mail_id)
    engine.desk.mails.send_due(server)
    (message,) = server.messages
    assert message.get_content().strip() == "Besser."
    assert message["To"] == f"{ANNA}, {BEN}"


def test_an_answer_goes_to_the_sender_and_continues_the_thread(engine, server):
    write(engine, MailDraft("Guten Tag."))
    engine.desk.mails.send_due(server)
    (message,) = server.messages
    assert message["To"] == ANNA
    assert message["In-Reply-To"] == "<1@mail.example>"
    assert message["References"].split() == ["<1@mail.example>"]
    code = engine.store.digests.case_code(1)
    assert message["Subject"] == f"Re: Rechnung 17 [C-000001-{code}]"


LONG = f"{'AM0PR04MB' * 12}@eurprd04.prod.outlook.example"


@pytest.mark.parametrize(
    ("named", "bare"),
    [
        (f"<{LONG}>", LONG),
        ("<folded\r\n @mail.example>", "folded@mail.example"),
        ("<b\n1@mail.example>", "b1@mail.example"),
        (
            "<=?utf-8?q?=C3=BCber=0D=0ABcc=3A_eve?=@x.org>",
            "=?utf-8?q?=C3=BCber=0D=0ABcc=3A_eve?=@x.org",
        ),
    ],
    ids=["long", "folded", "with a line break", "like an encoded word"],
)
def test_an_answer_names_the_mail_that_it_answers_as_it_is(engine, server, named, bare):
    engine.ingest([mail("2", BEN, "anders", message_id=named, references=["<1@x.example>"])])
    write(engine, MailDraft("Guten Tag."), "C-000002")
    engine.desk.mails.send_due(server)

    (raw,) = server.taken
    assert f"\r\nIn-Reply-To: <{bare}>\r\n".encode() in raw
    assert f"\r\nReferences: <1@x.example>\r\n <{bare}>\r\n".encode() in raw
    assert max(map(len, raw.splitlines())) < 998
    engine.ingest([mail("3", BEN, "nochmals", in_reply_to=named)])
    assert [one.by for one in shown(engine, "C-000002").interactions] == ["opening", "thread"]


@pytest.mark.parametrize("named", ["<büro@mail.example>", "<>", "< \n >"])
def test_what_is_no_message_id_is_left_out_and_stops_no_mail(engine, server, named):
    engine.ingest([mail("2", BEN, "anders", message_id=named)])
    write(engine, MailDraft("Guten Tag."), "C-000002")
    write(engine)

    assert [one.status for one in engine.desk.mails.send_due(server)] == ["sent", "sent"]
    assert [one["In-Reply-To"] for one in server.messages] == [None, "<1@mail.example>"]


def test_a_mail_that_cannot_be_made_fails_and_stops_no_other(engine, server, monkeypatch):
    write(engine, MailDraft("Kaputt.", to=(ANNA,), subject="a"))
    write(engine, MailDraft("Ganz.", to=(ANNA,), subject="b"))
    made = outbox.outgoing

    def broken(*given):
        mail = made(*given)
        return "\ud800".encode() if b"Kaputt" in mail.content else mail

    monkeypatch.setattr(outbox, "outgoing", broken)
    found = {(one.status, one.code) for one in engine.desk.mails.send_due(server)}
    assert found == {("failed", "malformed"), ("sent", None)}


def test_an_answer_to_our_mail_joins_the_case_by_its_thread(engine, server):
    write(engine)
    engine.desk.mails.send_due(server)
    (message,) = server.messages
    engine.ingest([mail("2", BEN, "anders", in_reply_to=message["Message-ID"])])
    (case,) = all_cases(engine)
    assert [one.by for one in shown(engine, case.number).interactions] == ["opening", "thread"]


def test_an_answer_to_our_mail_joins_the_case_by_its_reply_address(engine, server):
    configure(engine, {"channels": ["email"]}, OUTGOING | {"reply_to": "answers@centre.example"})
    write(engine)
    engine.desk.mails.send_due(server)
    (message,) = server.messages
    engine.ingest([mail("2", BEN, "anders", to=message["Reply-To"])])
    assert [one.by for one in shown(engine, "C-000001").interactions] == ["opening", "token"]


def test_a_recipient_that_the_server_refuses_is_shown(engine, server):
    server.unknown = {BEN}
    write(engine, MailDraft("x", to=(ANNA,), cc=(BEN,)))
    (outcome,) = engine.desk.mails.send_due(server)
    assert (outcome.status, outcome.refused) == ("sent", (BEN,))
    assert (the_mail(engine).status, the_mail(engine).refused) == ("sent", (BEN,))


def test_a_server_that_is_away_is_tried_again_with_longer_and_longer_waits(engine, server, clock):
    server.answer = "away"
    write(engine)
    waits = []
    for _ in range(4):
        (outcome,) = engine.desk.mails.send_due(server)
        assert (outcome.status, outcome.code) == ("waiting", "unreachable")
        assert engine.desk.mails.send_due(server) == []
        failed = facts(engine, "case.mail_failed")[-1]
        waits.append(round((failed.retry_at - clock()).total_seconds() / 60))
        clock.set(failed.retry_at)
    assert waits == [1, 2, 4, 8]
    server.answer = "take"
    engine.desk.mails.send_due(server)
    assert (the_mail(engine).status, the_mail(engine).attempts) == ("sent", 5)
    assert is_sound(engine)


def test_a_mail_that_was_tried_often_enough_waits_for_a_person(engine, server, clock):
    configure(engine, {"channels": ["email"]}, OUTGOING | {"attempts": 2})
    server.answer = "busy"
    mail_id = write(engine)
    engine.desk.mails.send_due(server)
    clock.set(clock() + timedelta(hours=1))
    (outcome,) = engine.desk.mails.send_due(server)
    assert (outcome.status, outcome.code) == ("failed", "smtp_451")
    clock.set(clock() + timedelta(days=1))
    assert engine.desk.mails.send_due(server) == []
    server.answer = "take"
    engine.desk.mails.release("C-000001", mail_id)
    engine.desk.mails.send_due(server)
    assert the_mail(engine).status == "sent"


def test_a_mail_that_the_server_refuses_failed_visibly_and_is_not_tried_again(engine, server):
    server.answer = "refuse"
    write(engine)
    engine.desk.mails.send_due(server)
    assert (the_mail(engine).status, the_mail(engine).code) == ("failed", "smtp_550")
    assert engine.desk.mails.send_due(server) == []


def test_an_unsure_sending_is_shown_and_not_repeated(engine, server):
    server.answer = "vanish"
    mail_id = write(engine)
    (outcome,) = engine.desk.mails.send_due(server)
    assert (outcome.status, outcome.code) == ("unsure", "no_answer")
    assert the_mail(engine).status == "unsure"
    server.answer = "take"
    assert engine.desk.mails.send_due(server) == []
    with pytest.raises(Refused) as refused:
        engine.desk.mails.release("C-000001", mail_id)
    assert refused.value.reason == "unsure"
    assert len(server.taken) == 1


def test_a_person_may_send_an_unsure_mail_again_under_the_same_message_id(engine, server):
    server.answer = "vanish"
    mail_id = write(engine)
    engine.desk.mails.send_due(server)
    server.answer = "take"
    engine.desk.mails.release("C-000001", mail_id, although_unsure=True)
    engine.desk.mails.send_due(server)
    first, second = server.messages
    assert first["Message-ID"] == second["Message-ID"] == f"<{mail_id}@centre.example>"
    assert the_mail(engine).status == "sent"


class Killed(BaseException):
    """The process ended here."""


@pytest.mark.parametrize("taken", [True, False], ids=["after the answer", "before the mail left"])
def test_a_crash_between_the_try_and_its_outcome_leaves_the_mail_unsure(
    tmp_path, server, taken, monkeypatch
):
    def die(*_):
        raise Killed

    with Engine.open(tmp_path / "store", world()) as engine:
        mail_opens_cases(engine)
        engine.ingest([mail("1")])
        write(engine)
        monkeypatch.setattr(*((Outbox, "_report") if taken else (server, "send")), die)
        with pytest.raises(Killed):
            engine.desk.mails.send_due(server)
        monkeypatch.undo()
    with Engine.open(tmp_path / "store", world(2)) as engine:
        assert the_mail(engine).status == "trying"
        (outcome,) = engine.desk.mails.send_due(server)
        assert (outcome.status, outcome.code) == ("unsure", "broke_off")
        assert engine.desk.mails.send_due(server) == []
        assert len(server.taken) == int(taken)
        assert is_sound(engine)


def test_one_process_at_a_time_sends(tmp_path, server):
    with Engine.open(tmp_path / "store", world()) as engine:
        mail_opens_cases(engine)
        with engine.store.place.alone("outbox", BUSY), pytest.raises(StoreBusy):
            engine.desk.mails.send_due(server)


def test_a_discarded_mail_is_not_sent(engine, server):
    mail_id = write(engine)
    engine.desk.mails.discard("C-000001", mail_id)
    assert engine.desk.mails.send_due(server) == []
    assert the_mail(engine).status == "discarded"


def test_a_case_whose_mail_waits_is_neither_closed_nor_swept(engine, server, clock):
    server.answer = "away"
    engine.desk.cases.add("C-000001", Entry(letter=LETTER, send=True, resolved="solved"))
    with pytest.raises(Refused) as refused:
        engine.desk.cases.close("C-000001")
    assert refused.value.reason == "mail_on_its_way"
    clock.set(clock() + timedelta(days=30))
    assert engine.desk.cases.sweep() == []
    server.answer = "take"
    engine.desk.mails.send_due(server)
    assert engine.desk.cases.sweep() == ["C-000001"]


def test_without_a_configured_server_nothing_is_given_to_be_sent():
    with Engine.in_memory(world(3)) as engine:
        (outcome,) = engine.ingest([mail("1")])
        saved = engine.desk.cases.open(Origin("contact", outcome.contact_id), Entry(letter=LETTER))
        with pytest.raises(Refused) as refused:
            engine.desk.mails.release(saved.number, saved.mail_id)
        assert refused.value.reason == "mail_not_configured"
        assert the_mail(engine, saved.number).status == "drafted"


def test_a_login_that_is_not_in_the_environment_stops_before_anything_is_tried(engine):
    login = {"tls": "starttls", "user_variable": "NO_SUCH_USER", "password_variable": "NO_SUCH"}
    configure(engine, {"channels": ["email"]}, OUTGOING | login)
    write(engine)
    with pytest.raises(ConfigurationError, match="NO_SUCH_USER"):
        engine.desk.mails.send_due()
    assert the_mail(engine).status == "waiting"


@pytest.mark.parametrize(
    "letter",
    [
        MailDraft("x", to=("nobody",)),
        MailDraft("x", subject="one\nBcc: victim@example.com"),
        MailDraft("  "),
        MailDraft("x", to=(ANNA,) * 101),
        MailDraft("x", to=("a@b.com\nBcc: v@example.com",)),
    ],
    ids=["no address", "two lines", "empty", "too many", "header in an address"],
)
def test_a_letter_that_cannot_be_sent_is_refused_before_it_is_saved(engine, letter):
    with pytest.raises(UsageError) as refused:
        engine.desk.cases.add("C-000001", Entry(letter=letter))
    assert "victim" not in str(refused.value)
    assert shown(engine, "C-000001").mails == ()


def test_a_mail_goes_through_a_real_server_as_the_settings_say(engine):
    with LocalServer() as server:
        configure(engine, {"channels": ["email"]}, OUTGOING | {"port": server.port, "seconds": 5})
        write(
            engine, MailDraft("Grüße aus Zürich\n.\nこんにちは", to=(ANNA,), subject="Größe 東京")
        )
        (outcome,) = engine.desk.mails.send_due()
        assert outcome.status == "sent"
        (message,) = server.messages
    assert message["From"] == "desk@centre.example"
    assert message["Subject"].startswith("Größe 東京 [C-000001-")
    assert message.get_content().splitlines() == ["Grüße aus Zürich", ".", "こんにちは"]


def test_what_a_mail_says_is_sealed_in_the_log(engine):
    write(engine, MailDraft("Streng vertraulich", to=(BEN,), subject="Diagnose"))
    for event in engine.store.read(0, 999):
        if event.fact.TOPIC.startswith("case.mail"):
            stored = engine.store.stored_bytes(event.position).state
            assert not any(one in stored for one in (b"vertraulich", b"Diagnose", BEN.encode()))
