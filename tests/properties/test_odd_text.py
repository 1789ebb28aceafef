"""Whatever somebody types, it can be folded, blocked and compared: no text stops an ingest."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from matchers.blocking import block_keys, hash_keys, refined_keys
from matchers.comparison import LEVELS, comparison_of
from matchers.normalise import InvalidIdentifier, is_placed, line_type, normalise_identifier
from matchers.record import TEXT_FIELDS, build_record, pack, unpack
from tests.support.histories import examples

PROFILE_FIELDS = (
    *("given_name", "family_name", "full_name", "other_names", "date_of_birth", "birth_place"),
    *("gender", "occupation", "address", "city", "region", "postcode", "country", "language"),
    *("organisation", "national_id", "hobby"),
)
COMPARISONS = [
    *(comparison_of(kind, "") for kind in LEVELS if kind not in ("text", "code")),
    *(comparison_of("text", field) for field in (*sorted(TEXT_FIELDS), "hobby")),
    *(comparison_of("code", field) for field in ("gender", "hobby")),
]

MARKS = (
    "ー々〆ゝゞ・゛゜\u3099\u309a\u0300\u0307\u0328\u0345\u034f\u064b\u0670\u20e3\ufe0f\U000e0100"
)
HIDDEN = "\u00ad\u200b\u200d\u200e\u202e\u2028\u3000\ufeff\x00\x1b\x85"
LETTERS = "İıŞßẞǅﬁŉΐςѐёйЪьҀأإىیگ山髙﨑𠮷ㄱ각가ﾔｰアー゠กำ\u0bbeaAzZ"
DIGITS = "0189٠٩۰۹०९１９²½Ⅻ①〇一元𝟘"
SIGNS = " -'’./@+#;:,_・年月日号"
ODD = st.text(alphabet=MARKS + HIDDEN + LETTERS + DIGITS + SIGNS, max_size=6)
TEXTS = st.one_of(ODD, st.text(max_size=6), st.builds("{} {}".format, ODD, st.just("Yamada")))


@st.composite
def records(draw):
    profile = {field: draw(TEXTS) for field in draw(st.sets(st.sampled_from(PROFILE_FIELDS)))}
    raw = draw(st.lists(st.tuples(st.sampled_from(("phone", "email")), TEXTS), max_size=2))
    raw += [
        ("email", f"{one}@{other}")
        for one, other in draw(st.lists(st.tuples(ODD, ODD), max_size=2))
    ]
    return build_record(profile, normalised(raw), raw)


def normalised(raw):
    made = []
    for kind, value in raw:
        try:
            made.append(normalise_identifier(kind, value, "JP"))
        except InvalidIdentifier:
            continue
    return made


def named(name):
    return build_record({"full_name": name}, [], [])


@given(records(), records())
@example(named("ー"), named("Taro Yamada"))
@example(named("山田 ー"), named("Taro Yamada"))
@examples(100)
def test_any_two_records_can_be_compared_in_every_respect(one, other):
    for compare in COMPARISONS:
        assert compare(one, other) == compare(other, one)


@given(records(), records())
@example(named("ーー"), named("ー"))
@examples(100)
def test_any_record_can_be_stored_and_found(record, other):
    assert unpack(pack(record)) == record
    keys = block_keys(record)
    finer = [key for one in keys for key in refined_keys(other, one)]
    assert len(hash_keys([*keys, *finer], b"secret")) == len(keys) + len(finer)


@given(st.sampled_from(("phone", "whatsapp", "email", "customer_id")), TEXTS)
@examples(100)
def test_any_identifier_is_normalised_or_refused_with_a_reason(kind, value):
    try:
        made = normalise_identifier(kind, value, "JP")
    except InvalidIdentifier:
        return
    assert made.value
    if made.family == "phone":
        line_type(made.value)
        is_placed(made.value)


@pytest.mark.parametrize("name", ["ー", "ｰ", "ーー", "ー ー", "-", "・", "\u3099"])
def test_a_name_without_a_letter_says_nothing(name):
    assert named(name).is_empty


def test_every_letter_before_han_can_stand_alone_as_a_name():
    latin = named("Taro Yamada")
    for code in range(0x20, 0x3400):
        if unicodedata.category(chr(code)) in ("Cs", "Cn", "Co"):
            continue
        record = named(chr(code))
        if record.name:
            comparison_of("name", "")(record, latin)
            block_keys(record)
