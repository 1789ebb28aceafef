"""What a message gives that its contact holds already is heard too, so that it stays when the
interaction that gave it first is taken back."""

import pytest

from tests.support.interactions import change, customer, email, event, message, phone
from tests.support.reevaluating import together
from tests.support.resolving import ANNA, KENTA, MAIL, arrive

BORN = {"date_of_birth": "1990-11-03"}
EARLY = "2026-01-06T07:00:00Z"
LATE, LATER, LATEST = "2026-02-02T09:00:00Z", "2026-02-02T09:05:00Z", "2026-02-03T09:00:00Z"


@pytest.fixture
def anna(engine):
    """Somebody writes an address into a form, then chats, as the same customer."""
    form, chat = arrive(
        engine,
        event("form", customer("C-1"), email(MAIL, True), channel="form", profile=ANNA),
        event("chat", customer("C-1"), channel="messaging", time=LATE),
    )
    assert form.contact_id == chat.contact_id
    return form.contact_id


def says_it_again(id_="m", verified=None):
    """She gives the address in the chat as well."""
    return message(id_, "chat", email(MAIL, verified), time=LATER)


def addresses(engine, contact_id):
    """The addresses that a contact holds now, and whether each is verified."""
    claims = engine.profile(contact_id).identifiers
    return [(one.value, one.verified) for one in claims if one.type == "email" and not one.valid_to]


def no_address(id_="c"):
    return change(id_, "form", "corrected", identifiers=[customer("C-1")], profile=ANNA)


@pytest.mark.parametrize("taken_back", [no_address(), change("r", "form", "retracted")])
def test_it_stays_when_the_first_word_is_taken_back(engine, anna, taken_back):
    arrive(engine, says_it_again(), taken_back)

    assert addresses(engine, anna) == [(MAIL, False)]


def test_so_it_does_where_the_index_was_built_anew(engine, anna):
    arrive(engine, says_it_again())
    engine.rebuild_index()
    arrive(engine, no_address())

    assert addresses(engine, anna) == [(MAIL, False)]


def test_it_is_verified_still_if_the_message_said_so(engine, anna):
    arrive(engine, says_it_again(verified=True), no_address())

    assert addresses(engine, anna) == [(MAIL, True)]


def test_it_goes_with_the_conversation_in_which_it_was_said_last(engine, anna):
    arrive(engine, says_it_again(), no_address(), change("r", "chat", "retracted"))

    assert addresses(engine, anna) == []


def test_what_nobody_said_again_goes(engine, anna):
    arrive(engine, no_address())

    assert addresses(engine, anna) == []


def test_what_a_member_of_the_identity_holds_is_heard_too(engine, anna):
    (other,) = arrive(engine, event("call", phone(), time=LATE))
    engine.desk.merging.merge([anna, other.contact_id], reason="She said so.")
    arrive(engine, message("m", "call", email(MAIL), time=LATER), no_address())

    assert addresses(engine, anna) == [(MAIL, False)]


def test_what_another_contact_holds_is_not_heard(engine, anna):
    (kenta,) = arrive(engine, event("k", phone(), channel="messaging", profile=KENTA, time=LATE))
    arrive(engine, message("m", "k", email(MAIL), time=LATER), no_address())

    assert addresses(engine, anna) == addresses(engine, kenta.contact_id) == []


def test_it_counts_for_the_final_clusters(engine, anna, tmp_path):
    """The chat loses the number that led it there; the address that she gave in it leads there still."""
    arrive(engine, says_it_again(verified=True))
    arrive(engine, change("c", "chat", "corrected", identifiers=[], profile={}))
    engine.reevaluate()

    assert together(engine, tmp_path) == [["chat", "form"]]


def test_an_address_that_mails_show_decides_at_once(engine):
    """On arrival all are one contact. Two of them give an address later, which their channel shows to be
    theirs; the second gives what the contact holds already, and it counts for as much."""
    mail = email("ä@exämple.org")
    arrive(
        engine,
        event("1", mail, channel="messaging", profile={"date_of_birth": "03.11.1990"}),
        event("2", channel="email", time=LATE, profile={"family_name": "Müller", **BORN}),
        event("3", channel="messaging", profile={"full_name": "Hans Mueller", **BORN}),
        event("4", channel="web", time=EARLY, profile={"family_name": "García", **BORN}),
        event("5", channel="email", time=LATER, profile={"full_name": "Hans Mueller"}),
        event("6", mail, channel="email", time=LATEST),
        message("m-5", "5", email("c@example.org"), time="2026-04-09T00:00:00Z"),
        message("m-6", "6", email("c@example.org"), time="2026-04-20T00:00:00Z"),
    )
    engine.reevaluate()

    engine.request_reevaluation()

    assert engine.reevaluate().moved == 0
