"""The single view of a contact, now and as it was, and how it is found by text (GX-2, GX-15)."""

from datetime import UTC, datetime

import pytest

from identity_engine.errors import NotFound
from tests.support.interactions import SOURCE, customer, event, phone
from tests.support.resolving import ANNA, MAIL, NUMBER, arrive, mailed
from tests.support.world import Clock

HANDLE = {"type": "whatsapp", "value": "+33612345678"}
CARD = customer("C-1")
MARRIED = ANNA | {"family_name": "Lindqvist"}
FIRST_DAY, SECOND_DAY = datetime(2030, 1, 1, tzinfo=UTC), datetime(2030, 1, 2, tzinfo=UTC)


@pytest.fixture
def clock():
    return Clock(FIRST_DAY)


@pytest.fixture
def anna(engine):
    """A contact that called, then wrote a message, then a mail, under two names."""
    outcomes = arrive(
        engine,
        event("call", CARD, phone(NUMBER), time="2026-02-01T09:00:00Z", profile=ANNA),
        event("chat", CARD, HANDLE, channel="messaging", time="2026-02-02T09:00:00Z"),
        event(
            "mail",
            CARD,
            {"type": "email", "value": MAIL},
            channel="email",
            time="2026-02-03T09:00:00Z",
            profile=MARRIED,
        ),
    )
    assert len({one.contact_id for one in outcomes}) == 1
    return outcomes[0].contact_id


def ids(found):
    """The contacts found."""
    return [one.contact_id for one in found]


class TestProfile:
    def test_it_shows_the_addresses_numbers_and_handles_of_all_channels(self, engine, anna):
        shown = {(one.type, one.value): one for one in engine.profile(anna).identifiers}

        assert shown.keys() == {
            ("customer_id", "C-1"),
            ("phone", NUMBER),
            ("whatsapp", HANDLE["value"]),
            ("email", MAIL),
        }
        assert all(one.verified and one.valid_to is None for one in shown.values())

    def test_each_identifier_names_the_interaction_it_came_from(self, engine, anna):
        profile = engine.profile(anna)
        by_id = {one.interaction_id: one.id for one in profile.interactions}

        came_from = {one.type: by_id[one.interaction_id] for one in profile.identifiers}

        assert came_from == {
            "customer_id": "call",
            "phone": "call",
            "whatsapp": "chat",
            "email": "mail",
        }

    def test_it_shows_the_interactions_of_all_channels(self, engine, anna):
        shown = [(one.id, one.channel, one.source) for one in engine.profile(anna).interactions]

        assert shown == [
            ("call", "voice", SOURCE),
            ("chat", "messaging", SOURCE),
            ("mail", "email", SOURCE),
        ]

    def test_the_newest_value_comes_first_and_the_older_one_stays_visible(self, engine, anna):
        names = engine.profile(anna).fields["family_name"]

        assert [one.value for one in names] == ["Lindqvist", "Berger"]

    def test_a_value_that_arrives_late_does_not_pass_a_newer_one(self, engine, anna):
        late = ANNA | {"family_name": "Altmann"}
        arrive(engine, event("late", CARD, time="2026-01-01T09:00:00Z", profile=late))

        names = engine.profile(anna).fields["family_name"]

        assert [one.value for one in names] == ["Lindqvist", "Berger", "Altmann"]

    def test_each_value_names_every_interaction_that_said_it_newest_first(self, engine, anna):
        (given,) = engine.profile(anna).fields["given_name"]

        assert [(one.id, one.channel, one.source) for one in given.origins] == [
            ("mail", "email", SOURCE),
            ("call", "voice", SOURCE),
        ]
        assert given.origins[0].time.startswith("2026-02-03")


class TestAsOf:
    def test_at_a_position_profile_and_history_are_as_they_were(self, engine, anna):
        then, history = engine.profile(anna), engine.history(anna)
        head = engine.store.head()
        arrive(engine, event("more", CARD, time="2026-02-04T09:00:00Z", profile=MARRIED))
        assert engine.profile(anna) != then

        assert engine.profile(anna, f"pos:{head}") == then
        assert engine.history(anna, f"pos:{head}") == history

    def test_at_a_time_profile_and_history_are_as_they_were(self, engine, anna, clock):
        then, history = engine.profile(anna), engine.history(anna)
        clock.set(SECOND_DAY)
        arrive(engine, event("more", CARD, time="2026-02-04T09:00:00Z", profile=MARRIED))

        assert engine.profile(anna, "2030-01-01T23:59:59Z") == then
        assert engine.history(anna, "2030-01-01T23:59:59Z") == history
        assert len(engine.profile(anna, "2030-01-03").interactions) == 4

    def test_the_stage_is_the_one_of_that_moment(self, engine):
        (first,) = arrive(engine, mailed("1"))
        head = engine.store.head()
        arrive(engine, mailed("2"))

        assert engine.profile(first.contact_id, f"pos:{head}").stage == "ephemeral"
        assert engine.profile(first.contact_id).stage == "identified"

    @pytest.mark.parametrize("moment", ["pos:1", "2029-12-31T00:00:00Z"])
    def test_before_it_came_into_being_there_is_no_such_contact(self, engine, anna, moment):
        with pytest.raises(NotFound):
            engine.profile(anna, moment)
        with pytest.raises(NotFound):
            engine.history(anna, moment)


class TestSearch:
    @pytest.mark.parametrize(
        "text",
        ["Lindqvist", "lindqv", "ndqvi", "anna lindqvist", "Lindqvist ANNA", "berger", "C-1"],
    )
    def test_whole_words_and_parts_in_any_order_and_case_find_the_contact(self, engine, anna, text):
        assert ids(engine.search(text)) == [anna]

    @pytest.mark.parametrize("text", [MAIL, "anna.berger", "12345678", NUMBER])
    def test_identifiers_are_found_whole_and_in_part(self, engine, anna, text):
        assert ids(engine.search(text)) == [anna]

    def test_every_word_must_occur(self, engine, anna):
        assert engine.search("anna nakamura") == []

    def test_a_field_is_looked_in_alone(self, engine, anna):
        assert ids(engine.search("lindqvist", field="family_name")) == [anna]
        assert engine.search("lindqvist", field="given_name") == []
        assert engine.search(MAIL, field="phone") == []

    def test_a_stage_can_be_asked_for(self, engine, anna):
        other = arrive(engine, event("x", profile={"given_name": "Anna"}))[0].contact_id

        assert set(ids(engine.search("anna"))) == {anna, other}
        assert ids(engine.search("anna", stages=["ephemeral"])) == [other]
        assert ids(engine.search("anna", stages=["identified"])) == [anna]
        assert engine.search("anna", stages=["curated"]) == []

    def test_whole_matches_come_first_and_the_limit_keeps_them(self, engine):
        part, whole = arrive(
            engine,
            event("1", profile={"given_name": "Annabel"}),
            event("2", profile={"given_name": "Anna"}),
        )

        assert ids(engine.search("anna")) == [whole.contact_id, part.contact_id]
        assert ids(engine.search("anna", limit=1)) == [whole.contact_id]

    @pytest.mark.parametrize("text", ["林", "健", "林 健", "健 林"])
    def test_japanese_names_of_one_and_two_letters_are_found(self, engine, text):
        hayashi, _ = arrive(
            engine,
            event("1", profile={"family_name": "林", "given_name": "健"}),
            event("2", profile={"family_name": "森山", "given_name": "花子"}),
        )

        assert ids(engine.search(text)) == [hayashi.contact_id]

    def test_a_two_letter_japanese_name_is_found(self, engine):
        _, moriyama = arrive(
            engine,
            event("1", profile={"family_name": "林", "given_name": "健"}),
            event("2", profile={"family_name": "森山", "given_name": "花子"}),
        )

        assert ids(engine.search("森山")) == [moriyama.contact_id]

    def test_wildcards_and_quotes_are_taken_literally(self, engine):
        literal, _ = arrive(
            engine,
            event("1", profile={"company": "100%_\\\"sure\" 'Ltd'"}),
            event("2", profile={"company": "1000 Assured Ltd"}),
        )

        for text in ("%", "100%", "_", "\\", '"sure"', "'Ltd'", "100%_"):
            assert ids(engine.search(text)) == [literal.contact_id], text
        assert engine.search("1_0") == []
        assert engine.search("1%d") == []

    @pytest.mark.parametrize("text", ["", "   ", "nobody", "*", "OR", 'a" OR "b'])
    def test_nothing_found_is_an_empty_answer(self, engine, anna, text):
        assert engine.search(text) == []
