"""Laws of matching that hold for all input."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from matchers.blocking import block_keys, keys_in_use
from matchers.dates import normalise_date
from matchers.decision import decide
from matchers.model import parse_model
from matchers.models import shipped_model
from matchers.name_words import name_words
from matchers.normalise import (
    InvalidIdentifier,
    normalise_identifier,
    normalise_postcode,
)
from matchers.record import build_record, pack, unpack
from matchers.scoring import Scorer
from matchers.text import fold, words
from matchers.vocabulary import Candidate, ContactFacts, HeldIdentifier, Holder, LinkRules
from tests.support.histories import examples

SCORER = Scorer(parse_model(shipped_model()))
RULES = LinkRules(attach=0, review=-2_000)

NAMES = st.sampled_from(
    [
        *("", "Anna", "anna", "Ana", "Anne", "Bill", "William", "J", "Müller", "Mueller"),
        *("山田", "太郎", "Иван", "Ivan", "さとう", "Sato", "von Berg", "Le Gall", "LeGall"),
    ]
)
DATES = st.sampled_from(
    ["", "1985", "1985-03", "1985-03-07", "1985-07-03", "1985-03-97", "1990-01-01", "unknown"]
)
EMAILS = st.sampled_from(["ann@a.example", "ann@b.example", "anm@a.example", "info@a.example"])
PHONES = st.sampled_from(["+442079460018", "02079460018", "+442079460019", "+4973112345"])
WORDS = st.text(alphabet="abcd1 -", max_size=12)

PROFILES = st.fixed_dictionaries(
    {
        "given_name": NAMES,
        "family_name": NAMES,
        "full_name": st.one_of(st.just(""), st.builds("{} {} {}".format, NAMES, NAMES, NAMES)),
        "other_names": NAMES,
        "date_of_birth": DATES,
        "birth_place": WORDS,
        "gender": st.sampled_from(["", "male", "female"]),
        "occupation": WORDS,
        "address": WORDS,
        "city": WORDS,
        "postcode": st.sampled_from(["", "N1 9GU", "N1 9GX", "2614", "2641", "89073"]),
        "national_id": st.sampled_from(["", "123456", "123465", "9"]),
        "organisation": WORDS,
    }
)


@st.composite
def records(draw):
    raw = [("email", value) for value in draw(st.lists(EMAILS, max_size=2))]
    raw += [("phone", value) for value in draw(st.lists(PHONES, max_size=2))]
    identifiers = [normalise_identifier(kind, value) for kind, value in raw]
    return build_record(draw(PROFILES), identifiers, raw)


@given(st.text())
@example("0:DE:L:0")
@example("0 la ae")
@example("0:\u00d0U\u00a8")
def test_folding_twice_changes_nothing(text):
    assert fold(fold(text)) == fold(text)
    for split in (words, name_words):
        assert split(" ".join(split(text))) == split(text)
    assert normalise_date(normalise_date(text)) == normalise_date(text)
    assert normalise_postcode(normalise_postcode(text)) == normalise_postcode(text)


NUMBERS = st.one_of(
    st.from_regex(r"\+?[0-9 ()./-]{2,24}", fullmatch=True),
    st.from_regex(r"(tel:|sip:)?\+(1|44|49|81|33|39|55)[0-9 ]{4,14}(;ext=1)?", fullmatch=True),
)
IDENTIFIERS = st.one_of(
    st.tuples(st.sampled_from(["phone", "whatsapp", "sms"]), st.one_of(NUMBERS, st.text())),
    st.tuples(st.just("email"), st.one_of(st.emails(), st.text())),
    st.tuples(st.sampled_from(["customer_id", "cookie"]), st.text()),
)


@given(IDENTIFIERS, st.sampled_from([None, "GB", "DE", "JP", "FR", "BR", "IT", "US"]))
@examples(100)
def test_normalising_a_normalised_identifier_changes_nothing(identifier, country):
    kind, value = identifier
    try:
        once = normalise_identifier(kind, value, country)
    except InvalidIdentifier:
        return
    assert normalise_identifier(kind, once.value, country) == once


@given(records())
def test_a_packed_record_opens_to_itself(record):
    assert unpack(pack(record)) == record
    assert block_keys(unpack(pack(record))) == block_keys(record)


@given(records(), st.sets(st.sampled_from(["word", "date", "unit", "street", "email", "phone"])))
def test_a_record_is_found_under_the_keys_under_which_it_stands(record, crowded_rules):
    def is_crowded(key):
        return "+" not in key and key.partition(":")[0] in crowded_rules

    in_use, crowded = keys_in_use(record, is_crowded)
    assert keys_in_use(unpack(pack(record)), is_crowded) == (in_use, crowded)
    assert len(set(in_use)) == len(in_use)
    assert set(block_keys(record)) <= {*in_use, *crowded}


@given(records(), records())
def test_weights_add_up_and_are_symmetric(one, other):
    score = SCORER.explain(one, other)
    assert score.weight == SCORER.weight(one, other) == SCORER.weight(other, one)
    assert score.weight == score.prior + sum(part.weight for part in score.parts)
    assert SCORER.explain(other, one) == score
    assert SCORER.compare(one, other).corroboration == SCORER.corroboration(one, other)
    assert SCORER.corroboration(one, other) == SCORER.corroboration(other, one)


@given(records())
def test_a_record_is_never_less_alike_to_itself_than_the_prior(record):
    assert SCORER.weight(record, record) >= SCORER.prior


CLASSES = st.sampled_from(["exclusive", "strong", "weak", "device"])
HOLDERS = st.lists(
    st.builds(Holder, st.sampled_from("abcd"), st.integers(0, 3)),
    max_size=3,
    unique_by=lambda holder: holder.contact_id,
)


@given(
    records(),
    st.lists(st.tuples(st.sampled_from("abcd"), records()), max_size=8),
    st.lists(st.tuples(CLASSES, st.booleans(), st.booleans(), HOLDERS), max_size=3),
    st.randoms(use_true_random=False),
)
@pytest.mark.parametrize("live", [True, False])
def test_any_order_of_candidates_gives_the_same_decision(live, record, seen, given_ids, chance):
    candidates = [Candidate(c, f"i{n}", earlier) for n, (c, earlier) in enumerate(seen)]
    identifiers = [
        HeldIdentifier(f"id{n}", cls, verified, shared, tuple(holders))
        for n, (cls, verified, shared, holders) in enumerate(given_ids)
    ]
    contacts = {c: ContactFacts(c, "ephemeral", {}, 1) for c in "abcd"}

    def decided():
        return decide(
            record, identifiers, {}, candidates, contacts, SCORER, RULES, live_channel=live
        )

    first = decided()
    chance.shuffle(candidates)
    chance.shuffle(identifiers)
    contacts = dict(reversed(contacts.items()))
    assert decided() == first
