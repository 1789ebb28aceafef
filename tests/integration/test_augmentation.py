"""Further values of a contact: what sources say, what a person takes over, and how it is taken back."""

import json

import pytest

from aggregates.errors import AlreadyDone, NotYet, Refused
from identity_engine import Engine
from identity_engine.application.explanation.sentences import sentences_in
from identity_engine.application.operations.augmentation.applying import Choice
from identity_engine.errors import Conflict, Denied, NotFound, RemoteError
from tests.contract.test_augmentation import Registry
from tests.support.crm_servers import TOKEN, listening
from tests.support.interactions import email, event, phone
from tests.support.resolving import arrive
from tests.support.soundness import is_sound
from tests.support.world import world

PEOPLE = """id,phone,email,city,occupation,shoe_size
r-1,03-1234-5678,new@example.org,Osaka,teacher|writer,38
r-2,03-1234-5678,,Kobe,,
r-3,03-1234-0000,stranger@example.org,Nara,,
"""
ALL = None


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "people.csv").write_text(PEOPLE)
    return tmp_path


@pytest.fixture
def engine(folder):
    with Engine.in_memory(world()) as engine:
        configure(engine, folder)
        yield engine
        assert is_sound(engine)


def source_in(folder, **changes):
    given = {"name": "directory", "kind": "csv", "folder": str(folder)}
    return given | {"identifier_types": ["phone", "email"]} | changes


def configure(engine, folder, *more, **changes):
    content = {
        "format": 1,
        "name": "augmentation",
        "augmentation": {"sources": [source_in(folder, **changes), *more]},
    }
    engine.desk.administration.activate("settings", json.dumps(content).encode())
    policy = json.loads(engine.policies.rules.policy.model_dump_json()) | {"default_country": "JP"}
    engine.desk.administration.activate("policy", json.dumps(policy).encode())


@pytest.fixture
def anna(engine):
    called = event("c-1", phone(), profile={"full_name": "Anna Berger", "city": "Tokyo"})
    return arrive(engine, called)[0].contact_id


def values(engine, contact, field):
    return [one.value for one in engine.profile(contact).fields.get(field, ())]


def held(engine, contact):
    found = engine.profile(contact).identifiers
    return {(one.type, one.value, one.verified) for one in found if one.valid_to is None}


def take(engine, contact, *ticked, reference="r-1", source="directory"):
    choice = Choice(source, reference, ticked or None)
    return engine.desk.augmentation.apply(contact, [choice])


class TestWhatNoContactCanHave:
    """Of a record everything is shown that can be taken, and all of that can be."""

    @pytest.fixture
    def looked(self, folder, engine, anna):
        (folder / "people.csv").write_text(
            "id,phone,email,shoe,city\n"
            "r-1,03-1234-5678|0000000000,no address,44,Osaka\n"
            "r-1,03-1234-5678,,,Kobe\n"
        )
        return engine.desk.augmentation.look(anna)

    def test_is_not_shown(self, looked):
        ((record,),) = [one.records for one in looked.answers]
        assert [(one.name, one.value) for one in record.values if one.effect != "same"] == [
            ("city", "Osaka")
        ]

    def test_stops_nothing_else(self, engine, anna, looked):
        assert take(engine, anna).done.written
        assert values(engine, anna, "city")[0] == "Osaka"
        assert held(engine, anna) == {("phone", "+81312345678", True)}


class TestLooking:
    def test_it_is_off_until_an_administrator_configures_a_source(self):
        with Engine.in_memory(world()) as engine:
            contact = arrive(engine, event("c-1", phone()))[0].contact_id
            assert engine.desk.augmentation.look(contact).reason == "not_configured"

    def test_no_match_and_not_configured_both_say_no_data(self, engine):
        contact = arrive(engine, event("c-9", phone("+81399999999")))[0].contact_id
        assert engine.desk.augmentation.look(contact).reason == "no_match"
        said = [sentences_in(one).say("augmentation.no_data") for one in ("en", "fr", "de", "ja")]
        assert said == ["No data.", "Pas de données", "Keine Daten.", "データなし。"]

    def test_several_records_are_shown_apart_with_what_taking_them_over_would_do(
        self, engine, anna
    ):
        looked = engine.desk.augmentation.look(anna)
        (answer,) = looked.answers
        assert (looked.reason, [one.reference for one in answer.records]) == (None, ["r-1", "r-2"])
        assert {(one.name, one.value, one.effect) for one in answer.records[0].values} == {
            ("city", "Osaka", "replace"),
            ("occupation", "teacher", "add"),
            ("occupation", "writer", "add"),
            ("phone", "+81312345678", "same"),
            ("email", "new@example.org", "add"),
        }

    def test_looking_writes_nothing(self, engine, anna):
        head = engine.store.head()
        engine.desk.augmentation.look(anna)
        assert engine.store.head() == head

    def test_only_identifiers_of_the_allowed_types_are_sent(self, engine, folder, monkeypatch):
        monkeypatch.setenv("REGISTRY_TOKEN", TOKEN)
        with listening(Registry) as server:
            registry = {
                "name": "registry",
                "kind": "http",
                "url": f"{server.url}/people",
                "identifier_types": ["email"],
                "token_env": "REGISTRY_TOKEN",
                "allow_private": True,
            }
            configure(engine, folder, registry)
            called = event("c-1", phone(), email("anna@example.org"))
            contact = arrive(engine, called)[0].contact_id
            looked = engine.desk.augmentation.look(contact)
            ((_, _, body),) = server.requests
        assert json.loads(body) == {"identifiers": [{"type": "email", "value": "anna@example.org"}]}
        assert [one.reference for one in looked.answers[1].records] == ["r-1"]

    def test_a_contact_without_such_an_identifier_asks_nobody(self, engine, folder):
        configure(engine, folder / "nowhere", identifier_types=["email"])
        contact = arrive(engine, event("c-1", phone()))[0].contact_id
        assert engine.desk.augmentation.look(contact).reason == "no_match"

    def test_a_source_that_fails_says_so_and_is_never_no_data(self, engine, folder, anna):
        configure(engine, folder / "nowhere")
        looked = engine.desk.augmentation.look(anna)
        assert (looked.reason, looked.answers[0].failure) == (None, "unreachable")

    def test_one_source_that_fails_hides_no_other(self, engine, folder, anna):
        configure(engine, folder, source_in(folder / "nowhere", name="gone"))
        first, second = engine.desk.augmentation.look(anna).answers
        assert (len(first.records), second.failure) == (2, "unreachable")

    def test_the_right_is_needed_and_another_division_is_absent(self, engine, anna):
        engine.desk.administration.grant("reader", "auditor")
        engine.desk.administration.grant("north", "agent", divisions=["north"], new_division=True)
        with pytest.raises(Denied):
            engine.acting_as("reader").augmentation.look(anna)
        with pytest.raises(NotFound):
            engine.acting_as("north").augmentation.look(anna)

    def test_a_contact_that_is_gone_is_asked_about_no_more(self, engine, anna):
        engine.desk.lifecycle.delete(anna, reason="wanted so")
        with pytest.raises(Refused, match="deleted"):
            engine.desk.augmentation.look(anna)


class TestTakingOver:
    def test_all_of_a_record(self, engine, anna):
        done = take(engine, anna).done
        assert done.written == ("identifier.claimed", "contact.augmented")
        assert values(engine, anna, "city") == ["Osaka", "Tokyo"]
        assert set(values(engine, anna, "occupation")) == {"teacher", "writer"}
        assert ("email", "new@example.org", False) in held(engine, anna)

    def test_identifiers_of_other_types_than_are_sent_come_along(self, engine, folder, anna):
        configure(engine, folder, identifier_types=["phone"])
        take(engine, anna)
        assert ("email", "new@example.org", False) in held(engine, anna)

    def test_single_fields(self, engine, anna):
        take(engine, anna, ("occupation", "writer"))
        assert values(engine, anna, "city") == ["Tokyo"]
        assert values(engine, anna, "occupation") == ["writer"]
        assert ("email", "new@example.org", False) not in held(engine, anna)

    def test_each_value_names_its_source_and_who_took_it_over(self, engine, anna):
        take(engine, anna, ("city", "Osaka"))
        (origin,) = engine.profile(anna).fields["city"][0].origins
        assert (origin.source, origin.id, origin.actor) == ("directory", "r-1", "owner")

    def test_several_records_at_once_are_taken_over_together(self, engine, anna):
        choices = [
            Choice("directory", "r-1", (("occupation", "teacher"),)),
            Choice("directory", "r-2", (("city", "Kobe"),)),
        ]
        augmented = engine.desk.augmentation.apply(anna, choices)
        assert len(augmented.augmentation_ids) == 2
        assert (values(engine, anna, "city")[0], values(engine, anna, "occupation")) == (
            "Kobe",
            ["teacher"],
        )

    def test_nothing_ticked_writes_nothing(self, engine, anna):
        head = engine.store.head()
        augmented = engine.desk.augmentation.apply(anna, [Choice("directory", "r-1", ())])
        assert (augmented.done.written, engine.store.head()) == ((), head)

    def test_what_the_contact_has_already_writes_nothing(self, engine, anna):
        take(engine, anna)
        head = engine.store.head()
        assert take(engine, anna).augmentation_ids == ()
        assert engine.store.head() == head

    def test_a_dry_run_writes_nothing(self, engine, anna):
        head = engine.store.head()
        choice = Choice("directory", "r-1", ALL)
        done = engine.desk.augmentation.apply(anna, [choice], dry_run=True).done
        assert (done.written[-1], engine.store.head()) == ("contact.augmented", head)

    def test_an_identifier_of_another_contact_is_refused_and_nothing_is_written(self, engine, anna):
        other = event("m-1", email("new@example.org"), channel="email")
        holder = arrive(engine, other)[0].contact_id
        head = engine.store.head()
        with pytest.raises(Refused, match=holder):
            take(engine, anna)
        assert engine.store.head() == head

    def test_a_value_that_the_source_does_not_say_any_more_is_refused(self, engine, folder, anna):
        (folder / "people.csv").write_text(PEOPLE.replace("Osaka", "Kyoto"))
        with pytest.raises(Conflict):
            take(engine, anna, ("city", "Osaka"))

    @pytest.mark.parametrize(("source", "reference"), [("none", "r-1"), ("directory", "r-3")])
    def test_a_record_of_somebody_else_cannot_be_taken_over(self, engine, anna, source, reference):
        with pytest.raises(NotFound):
            take(engine, anna, source=source, reference=reference)

    def test_a_source_that_fails_by_then_writes_nothing(self, engine, folder, anna):
        (folder / "people.csv").write_bytes(b"\xff")
        with pytest.raises(RemoteError):
            take(engine, anna)

    def test_it_raises_the_revision_and_stands_in_the_history_without_a_value(self, engine, anna):
        before = engine.profile(anna).revision
        take(engine, anna, ("city", "Osaka"))
        assert engine.profile(anna).revision == before + 1
        told = engine.history(anna)[-1].summary
        assert told == f"Values of the source directory were taken over into {anna}."

    def test_a_later_edit_stands_in_front(self, engine, anna):
        take(engine, anna, ("city", "Osaka"))
        engine.desk.contacts.edit(anna, set={"city": "Sapporo"})
        assert values(engine, anna, "city") == ["Sapporo", "Osaka", "Tokyo"]

    def test_an_edit_back_to_the_value_before_is_a_change(self, engine, anna):
        engine.desk.contacts.edit(anna, set={"city": "Tokyo"})
        take(engine, anna, ("city", "Osaka"))
        assert engine.desk.contacts.edit(anna, set={"city": "Tokyo"}).written
        assert values(engine, anna, "city")[0] == "Tokyo"


class TestMatching:
    SAME = {"full_name": "Anna Berger", "date_of_birth": "1980-05-06", "postcode": "530-0001"}  # noqa: RUF012

    @pytest.fixture
    def caller(self, engine, folder):
        """Somebody of whom nothing is known but the number, which the source knows."""
        (folder / "people.csv").write_text(
            "id,phone,full_name,date_of_birth,postcode\n"
            "r-1,03-1234-5678,Anna Berger,1980-05-06,530-0001\n"
        )
        return arrive(engine, event("c-1", phone()))[0].contact_id

    def told(self, engine):
        said = event("i-1", channel="import", profile=self.SAME)
        return arrive(engine, said)[0].contact_id

    def test_what_was_taken_over_is_compared_like_what_people_said(self, engine, caller):
        take(engine, caller)
        assert self.told(engine) == caller

    def test_what_was_taken_back_is_not(self, engine, caller):
        (augmentation,) = take(engine, caller).augmentation_ids
        engine.desk.augmentation.revert(caller, augmentation)
        assert self.told(engine) != caller

    def test_an_identifier_that_was_taken_over_finds_the_contact(self, engine, anna):
        take(engine, anna)
        mail = event("m-1", email("new@example.org"), channel="email")
        assert arrive(engine, mail)[0].contact_id == anna


class TestTakingBack:
    def test_one_command_undoes_it_as_if_it_had_never_been(self, engine, anna):
        before = engine.profile(anna)
        (augmentation,) = take(engine, anna).augmentation_ids
        done = engine.desk.augmentation.revert(anna, augmentation)
        after = engine.profile(anna)
        assert done.written == ("contact.augmentation_reverted", "identifier.released")
        assert after.fields == before.fields
        assert held(engine, anna) == {("phone", "+81312345678", True)}

    def test_an_edit_made_before_is_back_and_one_made_since_stays(self, engine, anna):
        engine.desk.contacts.edit(anna, set={"city": "Sapporo"})
        (augmentation,) = take(engine, anna, ("city", "Osaka")).augmentation_ids
        engine.desk.contacts.edit(anna, set={"postcode": "060-0000"})
        engine.desk.augmentation.revert(anna, augmentation)
        assert values(engine, anna, "city") == ["Sapporo", "Tokyo"]
        assert values(engine, anna, "postcode") == ["060-0000"]

    def test_a_claim_that_was_verified_since_stays(self, engine, anna):
        from identity_engine.application.operations.values.claiming import Value

        (augmentation,) = take(engine, anna).augmentation_ids
        engine.desk.identifiers.verify(anna, Value("email", "new@example.org"))
        engine.desk.augmentation.revert(anna, augmentation)
        assert ("email", "new@example.org", True) in held(engine, anna)

    def test_the_list_shows_what_was_taken_back(self, engine, anna):
        (augmentation,) = take(engine, anna, ("city", "Osaka")).augmentation_ids
        (shown,) = engine.desk.augmentation.applied(anna)
        assert (shown.source, shown.reference, shown.values) == (
            "directory",
            "r-1",
            (("city", "Osaka"),),
        )
        assert not shown.is_reverted
        engine.desk.augmentation.revert(anna, augmentation)
        assert [one.is_reverted for one in engine.desk.augmentation.applied(anna)] == [True]

    def test_twice_is_said_and_so_is_what_never_was(self, engine, anna):
        (augmentation,) = take(engine, anna, ("city", "Osaka")).augmentation_ids
        engine.desk.augmentation.revert(anna, augmentation)
        with pytest.raises(AlreadyDone):
            engine.desk.augmentation.revert(anna, augmentation)
        with pytest.raises(NotYet):
            engine.desk.augmentation.revert(anna, anna)
