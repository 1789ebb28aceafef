"""Contacts are filled from records of another system, one record at a time, all or nothing (GX-13)."""

from datetime import UTC, datetime

import orjson
import pytest

from aggregates.access import Action
from identity_engine import NewIdentifier, Value
from identity_engine.application.operations.enrichment.record import Enrichment, EnrichmentRefused
from identity_engine.errors import Denied, SourceError
from tests.support.interactions import event, phone
from tests.support.merging import guest, known, shown, vouched
from tests.support.resolving import arrive, facts

NUMBER = "+81312345678"
WHY = "One customer."
FREE = NewIdentifier(Value("email", "free@mail.example"))


def of(name, **more):
    return NewIdentifier(Value("email", f"{name}@shop.example"), **more)


def enrich(engine, operation, *identifiers, dry_run=False, **record):
    wanted = Enrichment(operation, list(identifiers), **({"reason": WHY} | record))
    return engine.desk.enriching.enrich(wanted, dry_run=dry_run)


def refused(engine, operation, *identifiers, **record):
    """Why a record is refused: code and place of each fault; nothing is written."""
    head = engine.store.head()
    with pytest.raises(EnrichmentRefused) as why:
        enrich(engine, operation, *identifiers, **record)
    assert engine.store.head() == head
    return [(one.code, one.pointer) for one in why.value.faults]


def numbers(*values):
    """Customer numbers that were checked: a person has one."""
    return [NewIdentifier(Value("customer_id", value), verified=True) for value in values]


def held(engine, contact_id):
    return {one.value: one.verified for one in engine.profile(contact_id).identifiers}


class TestInsert:
    def test_a_new_contact_is_curated_and_holds_its_identifiers_unverified(self, engine):
        sure = NewIdentifier(Value("phone", NUMBER), verified=True)
        done = enrich(engine, "insert", FREE, sure, fields={"city": ["Bonn"]})
        assert done.outcome == "inserted"
        profile = engine.profile(done.done.contact_id)
        assert (profile.stage, shown(profile)) == ("curated", {"city": ["Bonn"]})
        assert held(engine, profile.contact_id) == {"free@mail.example": False, NUMBER: True}
        assert {one.interaction_id for one in facts(engine, "identifier.claimed")} == {None}

    def test_it_is_refused_if_any_identifier_matches(self, engine):
        known(engine, "anna")
        assert refused(engine, "insert", FREE, of("anna")) == [("matched", "/identifiers")]

    def test_a_required_field_must_be_given(self, engine):
        content = {"format": 1, "name": "centre", "fields": {"branch": {"required": True}}}
        engine.desk.administration.activate("settings", orjson.dumps(content))
        assert refused(engine, "insert", FREE) == [("required", "/fields")]
        assert enrich(engine, "insert", FREE, fields={"branch": ["Bonn"]}).outcome == "inserted"


class TestUpdate:
    def test_the_first_identifier_that_matches_says_who_is_meant(self, engine):
        anna, bert = known(engine, "anna"), known(engine, "bert")
        done = enrich(engine, "update", FREE, of("bert"), of("anna"), fields={"city": ["Bonn"]})
        assert (done.outcome, done.done.contact_id, done.matched) == ("updated", bert, (bert, anna))
        assert shown(engine.profile(bert))["city"] == ["Bonn"]
        assert "city" not in shown(engine.profile(anna))

    def test_a_free_identifier_is_claimed_and_one_of_another_stays_there(self, engine):
        anna, bert = known(engine, "anna"), known(engine, "bert")
        done = enrich(engine, "update", of("bert"), of("anna"), FREE)
        assert held(engine, bert) == {"bert@shop.example": True, "free@mail.example": False}
        assert held(engine, anna) == {"anna@shop.example": True}
        ((place, message),) = [(one.place, one.message) for one in done.not_claimed]
        assert (place, anna in message) == (1, True)

    def test_none_that_matches_is_refused(self, engine):
        assert refused(engine, "update", FREE) == [("no_match", "/identifiers")]

    def test_the_same_record_twice_changes_nothing(self, engine):
        known(engine, "anna")
        record = {"fields": {"city": ["Bonn"], "language": ["fr"]}, "rules": {"language": "extend"}}
        assert enrich(engine, "update", of("anna"), FREE, **record).outcome == "updated"
        head = engine.store.head()
        assert enrich(engine, "update", of("anna"), FREE, **record).outcome == "unchanged"
        assert engine.store.head() == head

    def test_a_shared_value_and_one_of_another_division_match_nobody(self, engine):
        anna, bert = known(engine, "anna"), known(engine, "bert")
        engine.desk.identifiers.share(
            bert, Value("email", "anna@shop.example"), reason="One mailbox."
        )
        assert refused(engine, "update", of("anna")) == [("no_match", "/identifiers")]
        elsewhere = refused(engine, "update", of("bert"), division="south")
        assert elsewhere == [("no_match", "/identifiers")]
        assert anna != bert

    def test_a_released_value_and_a_deleted_contact_match_nobody(self, engine):
        anna, bert = known(engine, "anna"), known(engine, "bert")
        engine.desk.identifiers.release(anna, Value("email", "anna@shop.example"))
        engine.desk.lifecycle.delete(bert, reason="Asked for.")
        assert refused(engine, "update", of("anna"), of("bert")) == [("no_match", "/identifiers")]

    def test_null_clears_a_field_for_good_only_if_it_is_told_to(self, engine):
        anna = known(engine, "anna", city="Lyon")
        enrich(engine, "update", of("anna"), fields={"city": None})
        assert shown(engine.profile(anna))["city"] == ["Lyon"]
        rules = {"city": "always_use_provided"}
        enrich(engine, "update", of("anna"), fields={"city": None}, rules=rules)
        assert "city" not in shown(engine.profile(anna))

    def test_a_list_is_replaced_by_what_is_provided(self, engine):
        anna = known(engine, "anna", language="fr")
        rules = {"language": "replace"}
        enrich(engine, "update", of("anna"), fields={"language": ["de", "ja"]}, rules=rules)
        assert sorted(shown(engine.profile(anna))["language"]) == ["de", "ja"]

    def test_it_promotes_if_asked(self, engine):
        anna = known(engine, "anna")
        done = enrich(engine, "update", of("anna"), promote=True)
        assert done.done.written == ("contact.promoted",)
        assert engine.profile(anna).stage == "curated"

    def test_it_stands_on_the_contact_that_stands_for_its_identity(self, engine):
        anna, bert = known(engine, "anna"), known(engine, "bert", day=2)
        engine.desk.merging.merge([anna, bert], reason=WHY)
        done = enrich(engine, "update", of("bert"), fields={"city": ["Bonn"]})
        assert done.done.contact_id == engine.profile(bert).contact_id

    def test_it_becomes_true_when_the_record_says(self, engine):
        anna = known(engine, "anna")
        since = datetime(2029, 5, 6, tzinfo=UTC)
        enrich(engine, "update", of("anna"), fields={"city": ["Bonn"]}, effective_at=since)
        (value,) = engine.profile(anna).fields["city"]
        assert value.origins[0].time.startswith("2029-05-06")


class TestUpsert:
    def test_it_updates_a_match_and_inserts_where_there_is_none(self, engine):
        anna = known(engine, "anna")
        assert enrich(engine, "upsert", of("anna"), fields={"city": ["Bonn"]}).outcome == "updated"
        assert enrich(engine, "upsert", FREE).outcome == "inserted"
        assert enrich(engine, "upsert", FREE).outcome == "unchanged"
        assert shown(engine.profile(anna))["city"] == ["Bonn"]

    def test_an_ephemeral_match_is_updated_and_stays_ephemeral(self, engine):
        caller = guest(engine, "call-1", number=NUMBER)
        done = enrich(engine, "upsert", NewIdentifier(Value("phone", NUMBER)), FREE)
        assert (done.outcome, done.done.contact_id) == ("updated", caller)
        assert engine.profile(caller).stage == "ephemeral"

    def test_a_contact_without_anything_of_its_own_is_not_made(self, engine):
        anna, bert = known(engine, "anna"), known(engine, "bert")
        engine.desk.identifiers.share(
            bert, Value("email", "anna@shop.example"), reason="One mailbox."
        )
        assert refused(engine, "upsert", of("anna")) == [("nothing_given", "")]
        done = enrich(engine, "upsert", of("anna"), fields={"city": ["Bonn"]})
        assert [one.place for one in done.not_claimed] == [0]
        assert done.done.contact_id not in (anna, bert)


class TestMerge:
    def test_all_matches_become_one_that_is_filled_and_one_command_parts_them(self, engine):
        anna, bert = known(engine, "anna", city="Lyon"), known(engine, "bert", day=2)
        caller = guest(engine, "call-1", number=NUMBER)
        every = of("bert"), of("anna"), NewIdentifier(Value("phone", NUMBER)), FREE
        fields, rules = {"city": ["Bonn"], "gender": ["f"]}, {"city": "prefer_existing"}
        done = enrich(engine, "merge", *every, fields=fields, rules=rules, reason="One customer.")
        assert (done.outcome, done.matched) == ("merged", (bert, anna, caller))
        profile = engine.profile(anna)
        assert set(profile.members) == {anna, bert, caller}
        assert (shown(profile)["city"], shown(profile)["gender"]) == (["Lyon"], ["f"])
        assert held(engine, anna).keys() >= {NUMBER, "free@mail.example"}
        engine.desk.unmerging.unmerge(done.merge_id, reason=WHY)
        assert len({engine.profile(one).contact_id for one in (anna, bert, caller)}) == 3

    def test_one_match_is_updated_and_none_is_inserted(self, engine):
        known(engine, "anna")
        assert enrich(engine, "merge", of("anna"), FREE).outcome == "updated"
        assert enrich(engine, "merge", of("nobody")).outcome == "inserted"

    def test_a_merge_of_several_needs_a_reason(self, engine):
        both = [of(known(engine, name) and name) for name in ("anna", "bert")]
        assert refused(engine, "merge", *both, reason=None) == [("reason", "/reason")]

    def test_two_curated_contacts_need_to_be_confirmed(self, engine):
        vouched(engine, "anna")
        vouched(engine, "bert")
        assert refused(engine, "merge", of("anna"), of("bert")) == [
            ("both_curated", "/identifiers")
        ]
        assert enrich(engine, "merge", of("anna"), of("bert"), confirmed=True).outcome == "merged"

    def test_contacts_that_are_told_apart_are_not_merged(self, engine):
        anna, bert = known(engine, "anna"), known(engine, "bert")
        engine.desk.telling_apart.tell(anna, bert, reason=WHY)
        assert refused(engine, "merge", of("anna"), of("bert")) == [("told_apart", "/identifiers")]

    def test_numbers_that_each_of_them_holds_already_are_no_conflict(self, engine):
        for number in numbers("C-1", "C-2"):
            enrich(engine, "insert", number)
        done = enrich(engine, "merge", *numbers("C-1", "C-2"), confirmed=True)
        assert (done.outcome, done.not_claimed) == ("merged", ())
        assert done.done.written == ("contact.merged",)

    def test_a_value_that_a_person_took_from_one_of_them_counts_as_none(self, engine):
        anna, bert = known(engine, "anna", city="Lyon"), known(engine, "bert", city="Lyon")
        engine.desk.contacts.edit(anna, remove={"city": ["Lyon"]})
        fields, rules = {"city": ["Bonn"]}, {"city": "prefer_existing"}
        enrich(engine, "merge", of("anna"), of("bert"), fields=fields, rules=rules)
        assert shown(engine.profile(bert))["city"] == ["Bonn"]


class TestRefused:
    def test_every_fault_is_listed_at_once(self, engine):
        known(engine, "anna")
        bad = NewIdentifier(Value("email", "nowhere"))
        fields = {"date_of_birth": ["once"], "city": ["Bonn", "Lyon"], "nonsense": ["x"]}
        rules = {"city": "extend", "language": "fill"}
        assert refused(engine, "insert", bad, of("anna"), fields=fields, rules=rules) == [
            ("not_an_address", "/identifiers/0"),
            ("matched", "/identifiers"),
            ("invalid_value", "/fields/date_of_birth"),
            ("unknown_rule", "/fields/city"),
            ("several_values", "/fields/city"),
            ("invalid_value", "/fields"),
            ("rule_without_field", "/rules"),
        ]

    @pytest.mark.parametrize("count", [0, 26])
    def test_a_record_has_1_to_25_identifiers(self, engine, count):
        every = [of(f"n{number}") for number in range(count)]
        assert ("identifiers", "/identifiers") in refused(engine, "upsert", *every)
        assert enrich(engine, "upsert", *[of(f"m{n}") for n in range(25)]).outcome == "inserted"

    def test_an_operation_that_is_none_is_refused(self, engine):
        assert refused(engine, "delete", FREE)[0] == ("unknown_operation", "/operation")

    def test_a_second_value_of_an_exclusive_type_undoes_the_whole_record(self, engine):
        first, second = numbers("C-1", "C-2")
        done = enrich(engine, "insert", first, FREE)
        why = refused(engine, "update", FREE, second, fields={"city": ["Bonn"]})
        assert why == [("exclusive_conflict", "/identifiers/1")]
        assert "city" not in shown(engine.profile(done.done.contact_id))

    def test_no_fault_says_a_value(self, engine):
        with pytest.raises(EnrichmentRefused) as why:
            enrich(engine, "insert", of("a secret"), fields={"date_of_birth": ["secret"]})
        assert "secret" not in str(why.value)


class TestDryRun:
    def test_it_says_what_would_be_done_and_writes_nothing(self, engine):
        known(engine, "anna")
        known(engine, "bert", day=2)
        head = engine.store.head()
        fields = {"city": ["Bonn"]}
        done = enrich(engine, "merge", of("anna"), of("bert"), FREE, fields=fields, dry_run=True)
        assert (done.outcome, done.done.position, engine.store.head()) == ("merged", None, head)
        assert done.done.written == ("contact.merged", "contact.edited", "identifier.claimed")


class TestRights:
    @pytest.fixture
    def clerk(self, engine):
        def with_rights(*missing):
            needed = {
                Action.CONTACT_VIEW,
                Action.CONTACT_EDIT,
                Action.CONTACT_ADD,
                Action.IDENTITY_CLAIM,
                Action.IDENTITY_MERGE,
                Action.IDENTITY_PROMOTE,
            }
            engine.desk.administration.define_role("clerk", sorted(needed - set(missing)))
            engine.desk.administration.grant("clerk-1", "clerk")
            return engine.acting_as("clerk-1").enriching

        return with_rights

    @pytest.mark.parametrize(
        ("missing", "record"),
        [
            (Action.CONTACT_EDIT, Enrichment("update", [of("anna")])),
            (Action.IDENTITY_CLAIM, Enrichment("update", [of("anna")])),
            (Action.CONTACT_ADD, Enrichment("upsert", [FREE])),
            (Action.IDENTITY_MERGE, Enrichment("merge", [of("anna"), of("bert")], reason=WHY)),
            (Action.IDENTITY_PROMOTE, Enrichment("update", [of("anna")], promote=True)),
        ],
    )
    def test_without_a_right_that_it_needs_nothing_is_written(self, engine, clerk, missing, record):
        known(engine, "anna")
        known(engine, "bert", day=2)
        enriching = clerk(missing)
        written = len(facts(engine, "contact.created")), len(facts(engine, "contact.merged"))
        with pytest.raises(Denied) as denied:
            enriching.enrich(record)
        assert denied.value.action == missing
        assert [one.action for one in facts(engine, "access.refused")] == [missing]
        now = len(facts(engine, "contact.created")), len(facts(engine, "contact.merged"))
        assert (now, facts(engine, "contact.promoted")) == (written, [])
        assert clerk().enrich(record).outcome in ("unchanged", "inserted", "merged", "updated")

    def test_a_contact_is_not_named_to_whoever_may_not_view_it(self, engine, clerk):
        anna = known(engine, "anna")
        with pytest.raises(EnrichmentRefused) as why:
            clerk(Action.CONTACT_VIEW).enrich(Enrichment("insert", [of("anna")]))
        assert anna not in str(why.value)

    def test_another_division_is_refused(self, engine):
        engine.desk.administration.grant("north-1", "agent", divisions=["north"], new_division=True)
        with pytest.raises(Denied):
            engine.acting_as("north-1").enriching.enrich(Enrichment("upsert", [FREE]))


class TestFile:
    @pytest.fixture
    def run(self, engine, tmp_path):
        def run_file(*records, desk=None):
            path = tmp_path / "records.jsonl"
            path.write_bytes(
                b"\n".join(r if isinstance(r, bytes) else orjson.dumps(r) for r in records)
            )
            told = []
            (desk or engine.desk).enriching.enrich_file(path, told.append)
            return told

        return run_file

    def test_it_goes_on_after_a_refused_record_and_says_which_and_why(self, engine, run):
        mail = {"type": "email", "value": "free@mail.example"}
        told = run(
            {"operation": "insert", "identifiers": [mail], "fields": {"city": "Bonn"}},
            {"operation": "insert", "identifiers": [mail]},
            b"{oops",
            b"",
            {"operation": "update", "identifiers": [mail], "fields": {"city": "Lyon"}},
        )
        assert [(one.line, one.outcome) for one in told] == [
            (1, "inserted"),
            (2, "refused"),
            (3, "refused"),
            (5, "updated"),
        ]
        assert [[fault.code for fault in one.faults] for one in told[1:3]] == [
            ["matched"],
            ["not_json"],
        ]

    def test_a_line_over_1_mib_is_refused_and_the_next_is_read(self, run):
        mail = {"type": "email", "value": "free@mail.example"}
        told = run(b"x" * (1024 * 1024 + 1), {"operation": "upsert", "identifiers": [mail]})
        assert [one.outcome for one in told] == ["refused", "inserted"]
        assert told[0].faults[0].code == "line_too_long"

    def test_who_may_not_edit_anywhere_is_refused_once(self, engine, run):
        mail = {"type": "email", "value": "free@mail.example"}
        record = {"operation": "upsert", "identifiers": [mail]}
        with pytest.raises(Denied):
            run(record, record, desk=engine.acting_as("stranger"))
        assert len(facts(engine, "access.refused")) == 1

    def test_a_division_without_the_right_is_refused_by_line(self, engine, run):
        engine.desk.administration.define_role("clerk", sorted(Action))
        engine.desk.administration.grant("north-1", "clerk", divisions=["north"], new_division=True)
        mail = {"type": "email", "value": "free@mail.example"}
        record = {"operation": "upsert", "identifiers": [mail]}
        told = run(record, record | {"division": "north"}, desk=engine.acting_as("north-1"))
        assert [one.outcome for one in told] == ["refused", "inserted"]
        assert told[0].faults[0].code == "denied"

    def test_a_file_that_is_not_there_is_said(self, engine, tmp_path):
        with pytest.raises(SourceError):
            engine.desk.enriching.enrich_file(tmp_path / "none.jsonl", print)


def test_the_next_interaction_finds_an_inserted_contact(engine):
    made = enrich(engine, "insert", NewIdentifier(Value("phone", NUMBER), verified=True))
    came = arrive(engine, event("call-9", phone(NUMBER), time="2030-01-01T00:00:01Z"))
    assert came[0].contact_id == made.done.contact_id
