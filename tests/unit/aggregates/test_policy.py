"""The rules of a day: what an identifier may decide, what is verified, what stands for nobody."""

from datetime import timedelta

import orjson
import pytest
from pydantic import ValidationError

from aggregates.policy import NEW, Activate, Policy, PolicyActivated, PolicyState, decide, evolve
from aggregates.values import IdentifierClass
from identity_engine.application.rules import shipped_policy

SHIPPED = Policy.model_validate_json(shipped_policy())
EXCLUSIVE, STRONG, WEAK, PLACE, DEVICE = IdentifierClass


def changed(**changes):
    """The shipped policy with some fields of its own."""
    return Policy.model_validate({**SHIPPED.model_dump(), **changes})


@pytest.mark.parametrize(
    ("type_", "verified", "class_"),
    [
        ("customer_id", True, EXCLUSIVE),
        ("passport", True, EXCLUSIVE),
        ("phone", True, STRONG),
        ("email", True, STRONG),
        ("address", True, WEAK),
        ("cookie", True, DEVICE),
        ("never_heard_of", True, WEAK),
        ("customer_id", False, WEAK),
        ("phone", False, WEAK),
        ("address", False, WEAK),
        ("cookie", False, DEVICE),
        ("never_heard_of", False, WEAK),
    ],
)
def test_an_identifier_decides_by_its_type_and_an_unverified_one_is_weak(type_, verified, class_):
    assert SHIPPED.class_of(type_, verified) is class_


@pytest.mark.parametrize(
    ("channel", "type_", "counts"),
    [
        ("voice", "phone", True),
        ("voice", "email", False),
        ("email", "email", True),
        ("email", "phone", False),
        ("web", "login_id", True),
        ("web", "cookie", True),
        ("web", "email", False),
        ("messaging", "whatsapp", True),
        ("form", "email", False),
        ("never_heard_of", "phone", False),
    ],
)
def test_where_nothing_is_said_the_address_that_the_channel_carries_is_verified(
    channel, type_, counts
):
    assert SHIPPED.counts_as_verified(channel, type_, None) is counts


@pytest.mark.parametrize("channel", ["voice", "form", "never_heard_of"])
@pytest.mark.parametrize("said", [True, False])
def test_what_the_publisher_says_counts_more_than_the_channel(channel, said):
    assert SHIPPED.counts_as_verified(channel, "phone", said) is said


@pytest.mark.parametrize(
    "value",
    [
        "0", "000-0000", "-", "-1", "null", "N/A", "Anonymous", "ANONYMOUS", "unbekannt", "inconnu",
        "非通知", "test@test.com", "no-reply@shop.example", "noreply+123@shop.example",
        "do-not-reply@shop.example", "nicht-antworten@laden.example", "+1111111", "9999999",
        "123456789", "+1234567890",
    ],
)  # fmt: skip
def test_a_value_that_stands_for_nobody_is_blocked(value):
    assert SHIPPED.is_blocked(value)


@pytest.mark.parametrize(
    "value",
    [
        "+81312345678", "100", "anonymous.bosch@shop.example", "testa@test.com", "reply@shop.example",
        "+11111112", "jean.inconnu@shop.example", "C-000-1", "aaaaaa",
    ],
)  # fmt: skip
def test_a_value_of_a_person_is_not_blocked(value):
    assert not SHIPPED.is_blocked(value)


def test_a_policy_without_blocked_values_blocks_nothing():
    assert not changed(blocked_values=()).is_blocked("")


def test_a_back_reference_counts_the_groups_of_its_own_pattern():
    policy = changed(blocked_values=("^(x)$", r"^(\d)\1+$"))
    assert policy.is_blocked("777")
    assert not policy.is_blocked("7x")


def test_the_division_is_the_events_then_the_channels_then_the_default():
    policy = changed(channels={"voice": {"division": "north"}}, default_division="everybody")

    assert policy.division_of("voice", "south") == "south"
    assert policy.division_of("voice", None) == "north"
    assert policy.division_of("email", None) == "everybody"
    assert policy.division_of("never_heard_of", None) == "everybody"


@pytest.mark.parametrize(("class_", "cap"), [(EXCLUSIVE, 1), (STRONG, 5), (WEAK, 10), (DEVICE, 3)])
def test_each_class_has_the_cap_of_the_design(class_, cap):
    assert SHIPPED.cap_of(class_) == cap


def test_a_class_that_is_not_listed_allows_one_holder():
    assert changed(classes={}).cap_of(STRONG) == 1
    assert changed(classes={}).window_of(STRONG) is None


def test_a_class_has_a_window_only_where_the_policy_says_so():
    strong = {"types": ("phone",), "cap": 5, "window_days": 365}

    assert changed(classes={"strong": strong}).window_of(STRONG) == timedelta(days=365)
    assert [SHIPPED.window_of(class_) for class_ in IdentifierClass] == [None] * 5


@pytest.mark.parametrize(("channel", "live"), [("voice", True), ("email", False), ("other", True)])
def test_a_channel_is_live_unless_it_says_otherwise(channel, live):
    assert SHIPPED.channel(channel).live is live


@pytest.mark.parametrize(
    "change",
    [
        {"blocked_values": ["("]},
        {"default_country": "de"},
        {"block_cap": 0},
        {"candidate_cap": 10_001},
        {"no_such_rule": True},
        {"default_class": "mighty"},
    ],
)
def test_a_policy_with_a_mistake_is_refused(change):
    with pytest.raises(ValidationError):
        changed(**change)


def new(**changes):
    """The shipped policy with some fields of its own, read as one that is to be put in force."""
    content = {**orjson.loads(shipped_policy()), **changes}
    return Policy.model_validate_json(orjson.dumps(content), context=NEW)


def faults(refused):
    return {".".join(map(str, one["loc"])): one["msg"] for one in refused.value.errors()}


def test_every_pattern_with_a_mistake_is_listed():
    patterns = ["(", "fine", "[a", "(?i)x", "a{99999999999}"]
    with pytest.raises(ValidationError) as refused:
        new(blocked_values=patterns, block_cap=0)
    listed = {f"blocked_values.{place}" for place in (0, 2, 3, 4)}
    assert faults(refused).keys() == {*listed, "block_cap"}


def test_a_type_of_two_classes_is_refused_before_the_policy_comes_into_force():
    classes = orjson.loads(shipped_policy())["classes"]
    classes["weak"]["types"] += ["customer_id", "email", "email"]
    with pytest.raises(ValidationError) as refused:
        new(classes=classes)
    assert "customer_id, email" in faults(refused)["classes"]


NO_DIVISIONS = ["", "   ", " north", "nor\tth", "north\u202e", "north\u2028", "n" * 257]


@pytest.mark.parametrize("name", NO_DIVISIONS)
def test_a_name_that_is_no_division_is_refused_before_the_policy_comes_into_force(name):
    named = {
        "default_division": name,
        "channels": {"voice": {"division": name}},
        "default_channel": {"division": name},
        "across": ["north", name],
    }
    with pytest.raises(ValidationError) as refused:
        new(**named)
    places = ("default_division", "channels.voice.division", "default_channel.division", "across.1")
    assert faults(refused).keys() == {*places}
    assert all("a division has 1 to 256 visible" in said for said in faults(refused).values())


def test_divisions_may_have_spaces_within_and_letters_of_any_script():
    assert new(default_division="Zürich 東京 2").default_division == "Zürich 東京 2"


def test_a_policy_that_was_in_force_once_is_read_for_ever():
    classes = orjson.loads(shipped_policy())["classes"]
    classes["weak"]["types"].append("customer_id")
    content = orjson.loads(shipped_policy()) | {"classes": classes, "default_division": ""}
    assert Policy.model_validate_json(orjson.dumps(content)).classes


class TestActivating:
    ONE = Activate(kind="policy", name="one", version="v1", content="{}")
    TWO = Activate(kind="policy", name="two", version="v2", content="[]")

    def given(self, *commands):
        state = None
        for command in commands:
            for fact in decide(state, command):
                state = evolve(state, fact)
        return state

    def test_the_first_activation_stores_the_content(self):
        assert decide(None, self.ONE) == (
            PolicyActivated(kind="policy", name="one", version="v1", content="{}"),
        )

    def test_what_is_in_force_is_not_activated_again(self):
        assert decide(self.given(self.ONE), self.ONE) == ()

    def test_going_back_to_an_earlier_version_names_it_only(self):
        state = self.given(self.ONE, self.TWO)

        assert decide(state, self.ONE) == (
            PolicyActivated(kind="policy", name="one", version="v1", content=None),
        )

    def test_the_content_of_every_version_stays_known(self):
        assert self.given(self.ONE, self.TWO, self.ONE) == PolicyState(
            version="v1", contents={"v1": "{}", "v2": "[]"}
        )
