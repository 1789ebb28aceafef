"""To whom the engine links an interaction, what that makes of the contact, and who is shown beside."""

import pytest

from tests.support.interactions import customer, email, event, phone
from tests.support.resolving import (
    ANNA,
    KENTA,
    MAIL,
    NUMBER,
    arrive,
    capped_at,
    change_channel,
    change_policy,
    evidence,
    facts,
    mailed,
)

PEOPLE = [
    ("Anna", "Berger"),
    ("Kenta", "Moriyama"),
    ("Louise", "Fontaine"),
    ("Oskar", "Zimmermann"),
    ("Yuki", "Hasegawa"),
    ("Pierre", "Deschamps"),
    ("Grace", "Holloway"),
    ("Dieter", "Kowalski"),
    ("Naomi", "Ishiguro"),
    ("Baptiste", "Lefebvre"),
    ("Ursula", "Pfeiffer"),
    ("Victor", "Quennell"),
    ("Hiroshi", "Tanizaki"),
]
"""Nobody of them is like another."""


class TestStages:
    def test_a_contact_is_born_ephemeral(self, engine):
        (first,) = arrive(engine, mailed("1"))

        assert (first.decision, first.stage) == ("none", "ephemeral")
        assert facts(engine, "contact.identified") == []

    def test_a_second_message_from_a_verified_address_links_and_identifies(self, engine):
        first, second = arrive(engine, mailed("1"), mailed("2"))

        assert second.contact_id == first.contact_id
        assert (second.decision, second.stage) == ("exact_strong", "identified")
        (risen,) = facts(engine, "contact.identified")
        assert (risen.by, risen.interaction_id) == ("second_interaction", second.interaction_id)
        assert (risen.identifier_id,) == evidence(engine).identifiers

    def test_a_third_message_does_not_identify_again(self, engine):
        arrive(engine, mailed("1"), mailed("2"), mailed("3"))

        assert len(facts(engine, "contact.identified")) == 1

    def test_weight_alone_links_and_never_identifies(self, engine):
        said = ANNA | {"postcode": "10115", "city": "Berlin"}

        first, second = arrive(
            engine,
            event("1", channel="form", profile=said),
            event("2", channel="form", profile=said),
        )

        assert (second.decision, second.contact_id) == ("score", first.contact_id)
        assert evidence(engine).weight > 0
        assert second.stage == "ephemeral"

    @pytest.mark.parametrize(
        ("identifier", "by"),
        [(customer("C-1"), "exclusive"), (email(MAIL, verified=True), "verified")],
        ids=["an exclusive identifier", "an explicitly verified one"],
    )
    def test_a_contact_is_born_identified_by(self, engine, identifier, by):
        (first,) = arrive(engine, event("1", identifier, channel="form"))

        assert first.stage == "identified"
        assert [one.by for one in facts(engine, "contact.identified")] == [by]

    def test_an_unverified_address_links_and_does_not_identify(self, engine):
        first, second = arrive(
            engine,
            event("1", email(MAIL), channel="form"),
            event("2", email(MAIL), channel="form"),
        )

        assert (second.contact_id, second.decision) == (first.contact_id, "exact_weak")
        assert second.stage == "ephemeral"

    def test_a_customer_number_that_nobody_checked_does_not_identify(self, engine):
        typed = customer("C-1") | {"verified": None}

        (first,) = arrive(engine, event("1", typed, channel="form"))

        assert first.stage == "ephemeral"


class TestVerified:
    @pytest.mark.parametrize(
        ("channel", "type_", "value", "verified"),
        [
            ("voice", "phone", NUMBER, True),
            ("email", "email", MAIL, True),
            ("web", "login_id", "anna", True),
            ("messaging", "whatsapp", NUMBER, True),
            ("form", "phone", NUMBER, False),
            ("form", "email", MAIL, False),
            ("voice", "email", MAIL, False),
            ("chat", "phone", NUMBER, False),
            ("email", "phone", NUMBER, False),
        ],
    )
    def test_where_nothing_is_said_the_channel_vouches_for_what_it_carries(
        self, engine, channel, type_, value, verified
    ):
        arrive(engine, event("1", {"type": type_, "value": value}, channel=channel))

        (claim,) = facts(engine, "identifier.claimed")
        assert claim.verified is verified

    @pytest.mark.parametrize("said", [True, False])
    def test_the_word_of_the_publisher_comes_before_the_table(self, engine, said):
        arrive(engine, mailed("1", verified=said))

        (claim,) = facts(engine, "identifier.claimed")
        assert claim.verified is said

    def test_the_table_is_in_the_policy(self, engine):
        change_channel(engine, "kiosk", carries=["phone"])

        arrive(engine, event("1", phone(), channel="kiosk"), event("2", phone("+81312345699")))

        assert [one.verified for one in facts(engine, "identifier.claimed")] == [True, True]

    def test_an_address_that_was_typed_is_verified_once_mail_comes_from_it(self, engine):
        first, second = arrive(engine, event("1", email(MAIL), channel="form"), mailed("2"))

        assert second.contact_id == first.contact_id
        (raised,) = facts(engine, "identifier.verified")
        assert raised.contact_id == first.contact_id


class TestSeveralHolders:
    @pytest.fixture
    def two_holders(self, engine):
        """Anna has had the number since February, Kenta since March; both call from it."""
        return arrive(
            engine,
            event("1", phone(), time="2026-02-04T09:00:00Z", profile=ANNA),
            event("2", phone(), time="2026-03-20T09:00:00Z", profile=KENTA),
        )

    def test_who_contradicts_the_holder_is_refused_and_becomes_a_second_one(
        self, engine, two_holders
    ):
        anna, kenta = two_holders

        assert kenta.contact_id != anna.contact_id
        (refusal,) = evidence(engine).refusals
        assert (refusal.contact_id, refusal.guard) == (anna.contact_id, "contradiction")
        claims = facts(engine, "identifier.claimed")
        assert [one.contact_id for one in claims] == [anna.contact_id, kenta.contact_id]

    def test_the_earliest_holder_is_linked_and_the_other_is_shown(self, engine, two_holders):
        anna, kenta = two_holders

        (third,) = arrive(engine, event("3", phone(), time="2026-03-21T09:00:00Z"))

        assert (third.contact_id, third.decision) == (anna.contact_id, "exact_strong")
        assert [one.contact_id for one in evidence(engine).candidates] == [kenta.contact_id]
        assert evidence(engine).considered == 1

    def test_attributes_choose_among_the_holders(self, engine, two_holders):
        _, kenta = two_holders

        (third,) = arrive(engine, event("3", phone(), time="2026-03-21T09:00:00Z", profile=KENTA))

        assert third.contact_id == kenta.contact_id

    def test_a_late_arrival_from_between_goes_to_who_held_the_number_then(
        self, engine, two_holders
    ):
        anna, _ = two_holders

        (late,) = arrive(engine, event("3", phone(), time="2026-02-10T09:00:00Z"))

        assert late.contact_id == anna.contact_id
        assert evidence(engine).considered == 0

    def test_a_late_arrival_from_before_the_first_claim_goes_to_the_earliest_holder(
        self, engine, two_holders
    ):
        anna, _ = two_holders

        (late,) = arrive(engine, event("3", phone(), time="2025-12-01T09:00:00Z"))

        assert (late.contact_id, late.decision) == (anna.contact_id, "exact_strong")

    def test_a_weak_value_with_several_holders_does_not_link_alone(self, engine):
        typed = [
            event("1", phone(), channel="form", profile=ANNA),
            event("2", phone(), channel="form", profile=KENTA),
            event("3", phone(), channel="form"),
        ]

        anna, kenta, third = arrive(engine, *typed)

        assert third.contact_id not in (anna.contact_id, kenta.contact_id)
        assert third.stage == "ephemeral"

    def test_evidence_shows_at_most_ten_of_the_others_and_tells_their_number(self, engine):
        change_policy(engine, classes=capped_at(20))
        people = [
            event(
                f"{number:02}",
                phone(),
                time=f"2026-02-{number:02}T09:00:00Z",
                profile={
                    "given_name": given,
                    "family_name": family,
                    "date_of_birth": f"19{number * 6 + 15}-{number * 7 % 12 + 1:02}-{number + 9}",
                },
            )
            for number, (given, family) in enumerate(PEOPLE, 1)
        ]

        contacts = {one.contact_id for one in arrive(engine, *people)}
        arrive(engine, event("last", phone(), time="2026-03-01T09:00:00Z"))

        assert len(contacts) == len(PEOPLE) == 13
        assert evidence(engine).considered == 12
        assert len(evidence(engine).candidates) == 10


class TestExclusive:
    def test_another_value_of_the_same_type_vetoes(self, engine):
        first, second = arrive(
            engine,
            event("1", customer("C-1"), phone(), profile=ANNA),
            event("2", customer("C-2"), phone(), profile=ANNA),
        )

        assert second.contact_id != first.contact_id
        (refusal,) = evidence(engine).refusals
        assert (refusal.contact_id, refusal.guard) == (first.contact_id, "exclusive_conflict")

    def test_the_same_value_links_whatever_else_is_said(self, engine):
        first, second = arrive(
            engine,
            event("1", customer("C-1"), profile=ANNA),
            event("2", customer("C-1"), profile=ANNA | {"family_name": "Schmitt"}),
        )

        assert (second.contact_id, second.decision) == (first.contact_id, "exact_exclusive")

    def test_it_goes_before_a_strong_value_of_another_contact(self, engine):
        _, owner, third = arrive(
            engine,
            event("1", phone()),
            event("2", customer("C-1"), phone("+81398765432")),
            event("3", phone(), customer("C-1")),
        )

        assert third.contact_id == owner.contact_id
        assert third.decision == "exact_exclusive"
