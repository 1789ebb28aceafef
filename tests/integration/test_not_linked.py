"""What the engine does not link: values that prove nothing, doubt, other divisions, resends."""

import pytest
from msgspec.json import encode

from tests.support.interactions import SOURCE, customer, email, event, phone
from tests.support.resolving import (
    ANNA,
    KENTA,
    MAIL,
    NUMBER,
    arrive,
    capped_at,
    change_channel,
    change_policy,
    cookie,
    evidence,
    facts,
    mailed,
)

JOHANNA = {"given_name": "Johanna", "family_name": "Weidenfeld", "date_of_birth": "1971-03-09"}
RATHER_LIKE_HER = {
    "given_name": "Johana",
    "family_name": "Weidenfelt",
    "date_of_birth": "1971-11-28",
}


class TestValuesThatProveNothing:
    @pytest.mark.parametrize(
        ("type_", "value"),
        [
            ("phone", "anonymous"),
            ("phone", "0000"),
            ("phone", "1111111111"),
            ("customer_id", "1111111"),
            ("customer_id", "null"),
            ("email", "noreply@shop.example"),
            ("email", "test@test.com"),
        ],
    )
    def test_a_blocked_value_links_nobody_and_is_claimed_by_nobody(self, engine, type_, value):
        blocked = {"type": type_, "value": value, "verified": True}

        first, second = arrive(engine, event("1", blocked), event("2", blocked))

        assert second.contact_id != first.contact_id
        assert (second.decision, second.stage) == ("none", "ephemeral")
        assert facts(engine, "identifier.claimed") == []

    def test_a_value_over_its_cap_is_shared_once_and_links_nobody_alone(self, engine):
        change_policy(engine, classes=capped_at(1))
        anna, kenta = arrive(
            engine, event("1", phone(), profile=ANNA), event("2", phone(), profile=KENTA)
        )

        third, fourth = arrive(engine, event("3", phone()), event("4", phone()))

        assert len({one.contact_id for one in (anna, kenta, third, fourth)}) == 4
        assert (fourth.decision, fourth.stage) == ("shared_identifier", "ephemeral")
        shown = {one.contact_id for one in evidence(engine).candidates}
        assert shown >= {anna.contact_id, kenta.contact_id}
        (shared,) = facts(engine, "identifier.shared")
        assert (shared.by, shared.holders, shared.cap) == ("cap", 2, 1)

    @pytest.mark.parametrize("channel", ["voice", "chat", "web", "messaging"])
    def test_a_bare_name_on_a_live_channel_never_links(self, engine, channel):
        rare = {"given_name": "Wilhelmine", "family_name": "Zschokke"}

        first, second = arrive(
            engine,
            event("1", channel=channel, profile=rare),
            event("2", channel=channel, profile=rare),
        )

        assert second.contact_id != first.contact_id
        assert [(one.contact_id, one.guard) for one in evidence(engine).refusals] == [
            (first.contact_id, "bare_name")
        ]

    def test_a_device_with_one_user_recognises_a_silent_visit(self, engine):
        user, visit = arrive(
            engine,
            event("1", cookie(), customer("C-1"), channel="web"),
            event("2", cookie(), channel="web"),
        )

        assert (visit.contact_id, visit.decision) == (user.contact_id, "device")

    def test_a_device_does_not_make_its_user_of_somebody_who_says_who_he_is(self, engine):
        user, other = arrive(
            engine,
            event("1", cookie(), customer("C-1"), channel="web", profile=ANNA),
            event("2", cookie(), customer("C-2"), channel="web", profile=KENTA),
        )

        assert other.contact_id != user.contact_id


class TestDoubt:
    def test_a_doubtful_likeness_gets_its_own_contact_and_a_review_item(self, engine):
        first, second = arrive(
            engine,
            event("1", channel="form", profile=JOHANNA),
            event("2", channel="form", profile=RATHER_LIKE_HER),
        )

        assert second.contact_id != first.contact_id
        assert (second.decision, second.stage) == ("review_band", "ephemeral")
        (item,) = engine.review()
        assert (item.interaction_id, item.proposed) == (second.interaction_id, first.contact_id)
        (held,) = facts(engine, "interaction.held_for_review")
        assert held.proposed == first.contact_id


class TestDivisions:
    def test_the_same_address_in_two_divisions_makes_two_contacts(self, engine):
        north, south, again = arrive(
            engine,
            mailed("1", division="north", profile=ANNA),
            mailed("2", division="south", profile=ANNA),
            mailed("3", division="south", profile=ANNA),
        )

        assert north.contact_id != south.contact_id
        assert again.contact_id == south.contact_id

    def test_evidence_never_names_a_contact_of_another_division(self, engine):
        (north,) = arrive(engine, mailed("1", division="north", profile=ANNA))

        for id_ in ("2", "3"):
            arrive(engine, mailed(id_, division="south", profile=KENTA))
            told = evidence(engine)

            assert north.contact_id not in encode(told).decode()
            assert (told.considered, told.candidates, told.refusals) == (0, (), ())

    def test_a_channel_can_belong_to_a_division(self, engine):
        change_channel(engine, "email", division="north")

        (first,) = arrive(engine, mailed("1"))

        assert engine.profile(first.contact_id).division == "north"


class TestChannels:
    def test_a_channel_that_does_not_resolve_makes_a_contact_of_its_own(self, engine):
        (first,) = arrive(engine, mailed("1", profile=ANNA))
        change_channel(engine, "email", resolve=False)

        (second,) = arrive(engine, mailed("2", profile=ANNA))

        assert second.contact_id != first.contact_id
        assert second.decision == evidence(engine).rule == "resolution_off"

    def test_a_value_keeps_its_one_stream_on_a_channel_that_does_not_resolve(self, engine):
        change_channel(engine, "email", resolve=False)

        arrive(engine, mailed("1"), mailed("2"))

        assert len(facts(engine, "identifier.claimed")) == 1
        assert engine.verify_index().is_sound

    def test_phone_and_whatsapp_are_one_family(self, engine):
        caller, writer = arrive(
            engine,
            event("1", phone(NUMBER)),
            event("2", {"type": "whatsapp", "value": NUMBER}, channel="messaging"),
        )

        assert (writer.contact_id, writer.decision) == (caller.contact_id, "exact_strong")

    def test_one_handle_in_two_scopes_is_two_people(self, engine):
        handle = {"type": "messenger", "value": "anna"}

        one, other = arrive(
            engine,
            event("1", handle | {"scope": "page-1"}, channel="messaging"),
            event("2", handle | {"scope": "page-2"}, channel="messaging"),
        )

        assert one.contact_id != other.contact_id


class TestDelivery:
    def test_a_resend_is_answered_with_the_present_link_and_writes_nothing(self, engine):
        (first,) = arrive(engine, mailed("1"))
        head = engine.store.head()

        (again,) = arrive(engine, mailed("1"))

        assert again.status == "duplicate"
        assert (again.interaction_id, again.contact_id) == (first.interaction_id, first.contact_id)
        assert engine.store.head() == head

    def test_the_same_id_with_other_content_is_a_conflict_and_changes_nothing(self, engine):
        (first,) = arrive(engine, mailed("1"))
        head = engine.store.head()

        (other,) = arrive(engine, mailed("1", "someone.else@gmail.com"))

        assert (other.status, other.interaction_id) == ("conflict", first.interaction_id)
        assert engine.store.head() == head

    def test_the_same_id_of_another_source_is_another_interaction(self, engine):
        first, second = arrive(engine, event("1"), event("1", source="//centre/chats"))

        assert second.status == "accepted"
        assert second.interaction_id != first.interaction_id


def test_evidence_holds_no_value(engine):
    values = (*ANNA.values(), *KENTA.values(), MAIL, NUMBER, NUMBER[1:], SOURCE)
    arrive(
        engine,
        event("1", phone(), email(MAIL), profile=ANNA),
        event("2", phone(), email(MAIL), profile=KENTA),
        event("3", phone(), email(MAIL), profile=ANNA),
        event("4", phone(), email(MAIL)),
    )

    for link in facts(engine, "interaction.linked"):
        told = encode(link.evidence).decode()
        assert [value for value in values if value.casefold() in told.casefold()] == []
