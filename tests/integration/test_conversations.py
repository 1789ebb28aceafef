"""Who sees which interactions, journeys in sessions, and the customer card (GX-9, NX-1, NX-2)."""

import orjson
import pytest

from identity_engine.errors import Denied, NotFound
from tests.integration.test_changes import revision
from tests.support.interactions import change, email, event, message, phone
from tests.support.resolving import ANNA, MAIL, arrive, cookie, mailed
from tests.support.soundness import is_sound


@pytest.fixture
def agent(engine):
    engine.desk.administration.grant("agent-7", "agent")
    return engine.acting_as("agent-7").conversations


def enable_card(engine):
    """Let opening an interaction show a card."""
    content = {"format": 1, "name": "with cards", "conversations": {"card": True}}
    engine.policies.activate({"settings": orjson.dumps(content)})


def ids(interactions):
    """The upstream ids."""
    return [one.id for one in interactions]


class TestView:
    def test_an_agent_sees_what_it_accepted_or_was_given_and_nothing_else(self, engine, agent):
        one, two, three = arrive(engine, event("1"), event("2"), event("3"))
        arrive(
            engine,
            change("a", "1", "accepted", agent="agent-7"),
            change("b", "2", "accepted", agent="agent-8"),
            change("c", "2", "transferred", agent="agent-8", to_agent="agent-7"),
            change("d", "3", "accepted", agent="agent-8"),
        )

        assert set(ids(agent.own())) == {"1", "2"}
        assert agent.show_own(two.interaction_id).agent == "agent-7"
        with pytest.raises(NotFound):
            agent.show_own(three.interaction_id)
        with pytest.raises(Denied):
            agent.show(one.interaction_id)
        assert is_sound(engine)

    def test_what_was_given_away_stays_visible_to_who_had_it(self, engine, agent):
        (call,) = arrive(engine, event("1"))
        arrive(
            engine,
            change("a", "1", "accepted", agent="agent-7"),
            change("b", "1", "transferred", agent="agent-7", to_queue="billing"),
        )

        assert agent.show_own(call.interaction_id).agent is None

    def test_a_supervisor_sees_the_interactions_of_the_own_division(self, engine):
        north, south = arrive(engine, event("1", division="north"), event("2", division="south"))
        engine.desk.administration.grant("sup-1", "supervisor", divisions=["north"])
        desk = engine.acting_as("sup-1").conversations

        assert ids(desk.in_divisions()) == ["1"]
        assert desk.show(north.interaction_id).division == "north"
        with pytest.raises(NotFound):
            desk.show(south.interaction_id)
        with pytest.raises(Denied):
            desk.everywhere()
        assert set(ids(engine.desk.conversations.everywhere())) == {"1", "2"}

    def test_it_shows_how_the_conversation_went_on(self, engine):
        (chat,) = arrive(engine, event("1", phone(), channel="messaging"))
        arrive(
            engine,
            change("a", "1", "accepted", agent="agent-7", time="2026-02-01T09:01:00Z"),
            message("b", "1", email(MAIL), time="2026-02-01T09:02:00Z"),
            change("c", "1", "ended", time="2026-02-01T09:03:00Z"),
            change("d", "1", "wrapped_up", agent="agent-7", time="2026-02-01T09:04:00Z"),
        )

        shown = engine.desk.conversations.show(chat.interaction_id)

        assert [one.kind for one in shown.changes] == ["accepted", "message", "ended", "wrapped_up"]
        assert shown.changes[1].said == {"identifiers": [["email", MAIL]]}
        assert (shown.state, shown.last[:19]) == ("wrapped_up", "2026-02-01T09:04:00")
        assert shown.contact_id == chat.contact_id


class TestJourney:
    def test_a_session_is_the_publishers_else_one_device_without_long_gaps(self, engine):
        def visit(id_, minute, *identifiers, **more):
            return event(
                id_,
                *identifiers,
                channel="web",
                time=f"2026-02-01T{10 + minute // 60}:{minute % 60:02}:00Z",
                **more,
            )

        outcomes = arrive(
            engine,
            visit("1", 0, cookie()),
            visit("2", 20, cookie()),
            visit("3", 49, cookie()),
            visit("4", 79, cookie()),
            visit("5", 80, cookie(), session="s-1"),
            visit("6", 119, cookie(), session="s-1"),
        )
        assert len({one.contact_id for one in outcomes}) == 1

        sessions = engine.desk.conversations.journey(outcomes[0].contact_id)

        assert [ids(one.interactions) for one in sessions] == [["1", "2", "3"], ["4"], ["5", "6"]]
        assert [one.session for one in sessions] == [None, None, "s-1"]

    def test_it_needs_its_right(self, engine):
        (call,) = arrive(engine, event("1"))
        engine.desk.administration.grant("c-1", "consumer")

        with pytest.raises(Denied):
            engine.acting_as("c-1").conversations.journey(call.contact_id)


class TestCard:
    def test_it_shows_the_interaction_and_the_related_ones_of_its_contact(self, engine):
        enable_card(engine)
        first, second = arrive(
            engine, mailed("1", profile=ANNA), mailed("2", time="2026-02-02T09:00:00Z")
        )

        card = engine.desk.conversations.card(second.interaction_id)

        assert card.reason is None
        assert (card.current.id, ids(card.related)) == ("2", ["1"])
        assert card.contact.contact_id == first.contact_id

    def test_without_the_switch_there_is_none_and_it_says_why(self, engine):
        (call,) = arrive(engine, event("1", phone()))

        card = engine.desk.conversations.card(call.interaction_id)

        assert (card.reason, card.contact, card.related) == ("not_enabled", None, ())

    def test_an_interaction_of_nobody_has_none(self, engine):
        enable_card(engine)
        (call,) = arrive(engine, event("1", phone()))
        arrive(engine, change("r", "1", "retracted"))

        assert engine.desk.conversations.card(call.interaction_id).reason == "no_contact"

    def test_each_message_is_in_the_next_card_and_does_not_raise_the_revision(self, engine):
        enable_card(engine)
        (chat,) = arrive(engine, event("1", phone(), channel="messaging"))
        before = revision(engine, chat.contact_id)

        for number in range(3):
            said = {"attributes": {"text": f"message {number}"}}
            arrive(engine, message(f"m{number}", "1", **said))
            shown = engine.desk.conversations.card(chat.interaction_id).current.changes
            assert shown[-1].said == said
            assert len(shown) == number + 1

        assert revision(engine, chat.contact_id) == before
        assert is_sound(engine)
