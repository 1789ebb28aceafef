"""What was said in a message counts for the final clusters, where the contact came to hold it."""

import pytest

from tests.support.interactions import change, customer, email, event, message, phone
from tests.support.reevaluating import together
from tests.support.resolving import ANNA, KENTA, MAIL, arrive, facts, mailed

LATER, LATE = "2026-02-01T09:05:00Z", "2026-02-03T09:00:00Z"


def chat(id_="chat", *said, **more):
    return event(id_, *said, channel="messaging", **more)


@pytest.fixture
def told(engine):
    """Somebody chats, and gives an address on the way."""
    (outcome,) = arrive(engine, chat("chat", phone()))
    arrive(engine, message("m", "chat", email(MAIL), time=LATER))
    return outcome


def test_a_mail_that_was_linked_by_it_stays(engine, told, tmp_path):
    (mail,) = arrive(engine, mailed("mail", time=LATE))
    assert mail.contact_id == told.contact_id
    again = engine.reevaluate()

    assert (again.moved, again.merged) == (0, 0)
    assert together(engine, tmp_path) == [["chat", "mail"]]


def test_so_it_does_where_each_is_evaluated_at_once(engine, told, tmp_path):
    engine.reevaluate()
    arrive(engine, mailed("mail", time=LATE))
    engine.reevaluate()

    assert together(engine, tmp_path) == [["chat", "mail"]]


def test_two_values_that_were_heard_in_one_conversation_join_both(engine, told, tmp_path):
    arrive(engine, message("m2", "chat", customer("C-1"), time=LATER))
    arrive(engine, mailed("mail", time=LATE), event("shop", customer("C-1"), time=LATE))
    engine.reevaluate()

    assert together(engine, tmp_path) == [["chat", "mail", "shop"]]


def test_whoever_says_that_he_is_another_is_no_longer_joined_by_it(engine, told, tmp_path):
    arrive(engine, change("c", "chat", "corrected", identifiers=[phone()], profile=KENTA))
    arrive(engine, mailed("mail", time=LATE, profile=ANNA))
    engine.reevaluate()

    assert together(engine, tmp_path) == [["chat"], ["mail"]]


def test_what_was_taken_back_joins_nobody(engine, told, tmp_path):
    (mail,) = arrive(engine, mailed("mail", time=LATE))
    arrive(engine, change("r", "chat", "retracted"))
    engine.reevaluate()

    assert [one.id for one in engine.profile(mail.contact_id).interactions] == ["mail"]


def test_a_number_of_another_that_was_only_heard_keeps_them_two(engine, told, tmp_path):
    """A person has one customer number, whether it stood in the first message or in a later one."""
    arrive(engine, message("m2", "chat", customer("C-1"), time=LATER))
    said = [change("c", "chat", "corrected", identifiers=[phone()], profile=ANNA)]
    arrive(engine, *said, event("shop", customer("C-2"), profile=ANNA, time=LATE))
    engine.reevaluate()

    assert together(engine, tmp_path) == [["chat"], ["shop"]]
    assert facts(engine, "contact.merged") == []


def test_a_value_of_somebody_else_that_was_named_joins_nobody(engine, tmp_path):
    anna, _ = arrive(engine, mailed("mail", profile=ANNA), chat("chat", phone()))
    arrive(engine, message("m", "chat", email(MAIL), time=LATER))
    engine.reevaluate()

    assert together(engine, tmp_path) == [["chat"], ["mail"]]
    assert [item.proposed for item in engine.review()] == [anna.contact_id]


@pytest.mark.parametrize("said", [{}, {"given_name": "Anna"}], ids=["silent", "named"])
def test_evaluating_again_changes_nothing_more(engine, tmp_path, said):
    """What one step makes of the claims must not decide who heard what in the next."""
    typed = email(MAIL, verified=False)
    arrive(engine, chat("x", typed, phone(), profile=ANNA), chat("y", time=LATE, profile=ANNA))
    arrive(engine, message("m", "y", email(MAIL, True), time="2026-02-03T09:05:00Z"))
    arrive(engine, mailed("mail", time="2026-02-04T09:00:00Z", profile=said))
    arrive(engine, change("c", "x", "corrected", identifiers=[typed], profile=KENTA))
    engine.reevaluate()
    before = together(engine, tmp_path)

    engine.request_reevaluation()
    again = engine.reevaluate()

    assert together(engine, tmp_path) == before
    assert (again.moved, again.merged, again.unmerged) == (0, 0, 0)
