"""The ladder: each rung, each guard, each outcome."""

import pytest
from msgspec.structs import replace

from matchers.decision import decide
from matchers.model import parse_model
from matchers.models import shipped_model
from matchers.record import MatchRecord, build_record
from matchers.scoring import Scorer
from matchers.vocabulary import Candidate, ContactFacts, HeldIdentifier, Holder, LinkRules

MODEL = parse_model(shipped_model())
SCORER = Scorer(MODEL)
RULES = LinkRules(attach=0, review=-2_000, contradiction=round(1_000 * MODEL.contradiction))

ANNA = build_record(
    {
        "given_name": "Anna",
        "family_name": "Zimmermann",
        "date_of_birth": "1985-03-07",
        "city": "Ulm",
        "postcode": "89073",
    },
    [],
    [],
)
OTTO = build_record(
    {"given_name": "Otto", "family_name": "Zimmermann", "date_of_birth": "1951-11-22"}, [], []
)
SILENT = MatchRecord()


def held(name, cls, *holders, verified=True, shared=False):
    return HeldIdentifier(
        name, cls, verified, shared, tuple(Holder(contact, seen) for contact, seen in holders)
    )


def refused(decision):
    return [(refusal.contact_id, refusal.guard) for refusal in decision.refusals]


def known(contact, record, interaction=None):
    return Candidate(contact, interaction or f"i-{contact}", record)


def run(
    record=SILENT,
    identifiers=(),
    candidates=(),
    *,
    own_exclusive=None,
    stages=None,
    exclusive=None,
    sizes=None,
    rules=RULES,
    live=False,
    lasting=False,
):
    named = {c.contact_id for c in candidates}
    named.update(holder.contact_id for one in identifiers for holder in one.holders)
    contacts = {
        contact: ContactFacts(
            contact,
            (stages or {}).get(contact, "ephemeral"),
            (exclusive or {}).get(contact, {}),
            (sizes or {}).get(contact, 1),
        )
        for contact in named
    }
    return decide(
        record,
        identifiers,
        own_exclusive or {},
        candidates,
        contacts,
        SCORER,
        rules,
        live_channel=live,
        is_lasting=lasting,
    )


def outcome(decision):
    return decision.kind, decision.contact_id, decision.rule


def test_nothing_found_makes_a_new_contact():
    decision = run(ANNA)
    assert outcome(decision) == ("new", None, "none")
    assert decision.losing == ()


def test_an_exclusive_identifier_links_before_a_strong_one():
    decision = run(
        identifiers=[held("mail", "strong", ("a", 1)), held("customer", "exclusive", ("b", 2))]
    )
    assert outcome(decision) == ("link", "b", "exact_exclusive")
    assert decision.matched_identifiers == ("customer",)


def test_a_strong_identifier_with_several_holders_links_the_earliest_and_shows_the_others():
    decision = run(identifiers=[held("phone", "strong", ("b", 20), ("a", 4), ("c", 30))])
    assert outcome(decision) == ("link", "a", "exact_strong")
    assert [contact for contact, _ in decision.losing] == ["b", "c"]
    assert decision.considered == 2


def test_holders_seen_at_the_same_time_are_ordered_by_id():
    assert run(identifiers=[held("phone", "strong", ("b", 4), ("a", 4))]).contact_id == "a"


def test_attributes_that_speak_choose_among_several_holders():
    decision = run(
        ANNA,
        [held("phone", "strong", ("otto", 1), ("anna", 9))],
        [known("otto", OTTO), known("anna", ANNA)],
    )
    assert outcome(decision) == ("link", "anna", "exact_strong")
    assert decision.matched_interaction == "i-anna"
    assert decision.losing == (("otto", SCORER.weight(ANNA, OTTO)),)


def test_an_unverified_strong_identifier_is_weak():
    decision = run(identifiers=[held("mail", "strong", ("a", 1), verified=False)])
    assert outcome(decision) == ("link", "a", "exact_weak")


@pytest.mark.parametrize("stage", ["identified", "curated"])
def test_an_unverified_identifier_links_no_lasting_person_to_another(stage):
    mail = [held("mail", "strong", ("a", 1), verified=False)]
    decision = run(identifiers=mail, stages={"a": stage}, lasting=True)
    assert outcome(decision) == ("new", None, "none")
    assert refused(decision) == [("a", "unverified")]


def test_an_unverified_identifier_links_where_either_is_no_lasting_person_or_what_is_said_speaks():
    mail = [held("mail", "strong", ("a", 1), verified=False)]
    linked = ("link", "a", "exact_weak")
    assert outcome(run(identifiers=mail, stages={"a": "identified"})) == linked
    assert outcome(run(identifiers=mail, lasting=True)) == linked
    said = run(ANNA, mail, [known("a", ANNA)], stages={"a": "identified"}, lasting=True)
    assert outcome(said) == linked


def test_a_weak_identifier_with_several_holders_does_not_link_alone():
    decision = run(identifiers=[held("mail", "weak", ("a", 1), ("b", 2))])
    assert outcome(decision) == ("new", None, "none")


@pytest.mark.parametrize("cls", ["exclusive", "strong", "weak", "device"])
def test_a_shared_identifier_alone_makes_a_new_contact_and_shows_its_holders(cls):
    decision = run(identifiers=[held("x", cls, ("a", 1), ("b", 2), shared=True)])
    assert outcome(decision) == ("new", None, "shared_identifier")
    assert [contact for contact, _ in decision.losing] == ["a", "b"]
    assert decision.matched_identifiers == ("x",)


@pytest.mark.parametrize("cls", ["strong", "weak", "device"])
def test_a_household_phone_with_another_name_and_birth_date_is_refused(cls):
    decision = run(ANNA, [held("phone", cls, ("otto", 1))], [known("otto", OTTO)])
    assert outcome(decision) == ("new", None, "none")
    assert refused(decision) == [("otto", "contradiction")]


def test_kin_who_share_a_phone_are_not_linked_by_likeness_either():
    phones = ("+4973112345",)
    wife, husband = (
        replace(ANNA, phones=phones),
        replace(OTTO, phones=phones, birth_date=""),
    )
    lives_with = replace(husband, city="ulm", postcode="89073")
    decision = run(wife, [held("phone", "weak", ("otto", 1))], [known("otto", lives_with)])
    assert decision.kind == "new"
    assert refused(decision) == [("otto", "contradiction")]


def test_another_value_of_an_exclusive_type_vetoes_every_rung():
    candidates = [known("a", ANNA)]
    decision = run(
        ANNA,
        [held("phone", "strong", ("a", 1))],
        candidates,
        own_exclusive={"customer_id": "digest-2"},
        exclusive={"a": {"customer_id": "digest-1"}},
    )
    assert outcome(decision) == ("new", None, "none")
    assert refused(decision) == [("a", "exclusive_conflict")]


def test_the_same_value_of_an_exclusive_type_is_no_veto():
    decision = run(
        identifiers=[held("phone", "strong", ("a", 1))],
        own_exclusive={"customer_id": "d"},
        exclusive={"a": {"customer_id": "d"}},
    )
    assert decision.contact_id == "a"


def test_a_refused_holder_gives_way_to_the_next():
    decision = run(
        identifiers=[held("phone", "strong", ("a", 1), ("b", 2))],
        sizes={"a": 50},
        rules=replace(RULES, size_cap=50),
    )
    assert outcome(decision) == ("link", "b", "exact_strong")
    assert refused(decision) == [("a", "size_cap")]


def test_a_device_leads_an_interaction_that_says_more_to_an_ephemeral_contact_only():
    device = held("cookie", "device", ("known", 1), ("fresh", 2))
    decision = run(ANNA, [device], stages={"known": "identified"})
    assert outcome(decision) == ("link", "fresh", "device")
    known_user = held("cookie", "device", ("known", 1))
    assert run(ANNA, [known_user], stages={"known": "curated"}).kind == "new"


def test_a_device_leads_an_interaction_that_says_nothing_to_its_one_user():
    known_user = held("cookie", "device", ("known", 1))
    decision = run(identifiers=[known_user], stages={"known": "identified"})
    assert outcome(decision) == ("link", "known", "device")
    family = held("cookie", "device", ("mother", 1), ("son", 2))
    stages = {"mother": "identified", "son": "identified"}
    assert run(identifiers=[family], stages=stages).kind == "new"
    signed_in = run(
        identifiers=[known_user], own_exclusive={"login_id": "x"}, stages={"known": "identified"}
    )
    assert signed_in.kind == "new"


def test_likeness_links_the_most_alike_contact_with_its_reasons():
    near = replace(ANNA, birth_date="", postcode="")
    decision = run(ANNA, candidates=[known("near", near), known("same", ANNA)])
    assert outcome(decision) == ("link", "same", "score")
    assert decision.matched_interaction == "i-same"
    assert decision.score is not None
    assert decision.score.weight == decision.weight == SCORER.weight(ANNA, ANNA)
    assert decision.losing == (("near", SCORER.weight(ANNA, near)),)


def test_what_is_only_rather_alike_is_held_for_review():
    weight = SCORER.weight(ANNA, ANNA)
    rules = replace(RULES, attach=weight + 1, review=weight)
    decision = run(ANNA, candidates=[known("a", ANNA)], rules=rules)
    assert outcome(decision) == ("review", "a", "review_band")


def test_what_is_less_alike_is_new_and_shown():
    rules = replace(RULES, attach=10**6, review=10**6)
    decision = run(ANNA, candidates=[known("a", ANNA)], rules=rules)
    assert outcome(decision) == ("new", None, "none")
    assert decision.losing == (("a", SCORER.weight(ANNA, ANNA)),)


def test_a_contact_whose_other_records_differ_goes_to_review():
    others = [known("a", OTTO, f"o{n}") for n in range(3)]
    decision = run(ANNA, candidates=[known("a", ANNA, "same"), *others])
    assert outcome(decision) == ("review", "a", "review_band")
    assert refused(decision) == [("a", "members_differ")]


def test_a_bare_name_on_a_live_channel_is_shown_and_not_linked():
    name = build_record({"full_name": "Anna Zimmermann"}, [], [])
    candidates = [known("a", name)]
    assert run(name, candidates=candidates, live=False).kind == "link"
    decision = run(name, candidates=candidates, live=True)
    assert outcome(decision) == ("new", None, "none")
    assert refused(decision) == [("a", "bare_name")]
    assert [contact for contact, _ in decision.losing] == ["a"]
    allowed = replace(RULES, live_name_only_links=True)
    assert run(name, candidates=candidates, live=True, rules=allowed).kind == "link"


def test_a_bare_name_is_no_proof_against_another_mailbox():
    def written(address):
        name = build_record({"full_name": "Anna Zimmermann"}, [], [])
        return replace(name, emails=(address,))

    decision = run(
        written("anna@mail.example"),
        candidates=[known("a", written("zimmermann75@post.example"))],
        live=False,
    )
    assert outcome(decision) == ("new", None, "none")
    assert refused(decision) == [("a", "bare_name")]


def test_attributes_together_link_on_a_live_channel():
    assert run(ANNA, candidates=[known("a", ANNA)], live=True).rule == "score"


def test_equal_weights_are_decided_by_contact_id():
    assert run(ANNA, candidates=[known("b", ANNA), known("a", ANNA)]).contact_id == "a"


def test_at_most_ten_losing_contacts_are_named_and_all_are_counted():
    candidates = [known(f"c{n:02}", ANNA) for n in range(15)]
    decision = run(ANNA, candidates=candidates)
    assert len(decision.losing) == 10
    assert decision.considered == 14


def test_a_silent_record_of_a_contact_does_not_hide_one_that_contradicts():
    silent = MatchRecord(phones=("+4915112345678",))
    decision = run(
        ANNA,
        [held("phone", "strong", ("otto", 1))],
        [known("otto", OTTO), Candidate("otto", "i-silent", silent)],
    )
    assert decision.kind == "new"
    assert [(one.contact_id, one.guard) for one in decision.refusals] == [("otto", "contradiction")]
