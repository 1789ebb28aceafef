"""The traffic as a whole: counts, envelopes, channels, languages and troubles."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from itertools import pairwise

import phonenumbers
import pytest
from msgspec.structs import fields, replace

from identity_engine.errors import UsageError
from identity_engine.simulation import Difficulty, Interaction, simulate, traffic
from identity_engine.simulation.channels import UNRESOLVABLE
from identity_engine.simulation.people import PERIOD
from identity_engine.simulation.traffic import START

from .conftest import INTERACTIONS, PEOPLE

COUNTRIES = {"ja": "JP", "fr": "FR", "de": "DE", "en": "GB"}
TROUBLES = [field.name for field in fields(Difficulty)]
PROFILE_FIELDS = {
    "full_name", "other_names", "given_name", "family_name", "date_of_birth", "gender",
    "address", "city", "region", "postcode", "country", "language", "organisation",
}  # fmt: skip


def identifiers_of(world: list[Interaction], *types: str) -> dict[str, set[str]]:
    """Value -> the people who came with it."""
    owners = defaultdict(set)
    for one in world:
        for identifier in one.event["data"]["identifiers"]:
            if identifier["type"] in types:
                owners[identifier["value"]].add(one.person)
    return owners


def test_as_many_interactions_as_asked_of_no_more_people(world: list[Interaction]) -> None:
    assert len(world) == INTERACTIONS
    assert len({one.person for one in world}) <= PEOPLE


def test_no_interaction_makes_an_empty_stream() -> None:
    assert list(simulate(10, 0, 1)) == []


def test_one_person_can_make_all_the_traffic() -> None:
    assert {person for _, person in simulate(1, 50, 3)} == {"P0000000"}


def test_every_event_has_the_form_of_the_envelope(world: list[Interaction]) -> None:
    for one in world:
        event = one.event
        assert set(event) == {
            "specversion", "type", "source", "id", "time", "datacontenttype", "data"
        }  # fmt: skip
        assert event["specversion"] == "1.0"
        assert event["type"] == "identity_engine.interaction.v1"
        content = event["data"]
        assert set(content) - {"mail"} == {
            "channel", "direction", "identifiers", "profile", "attributes"
        }  # fmt: skip
        assert ("mail" in content) == (content["channel"] == "email")
        assert content["direction"] in {"inbound", "outbound"}
        assert set(content["profile"]) <= PROFILE_FIELDS
        assert all(value and isinstance(value, str) for value in content["profile"].values())
        for identifier in content["identifiers"]:
            assert set(identifier) <= {"type", "value", "scope", "verified"}
            assert identifier["value"]
            assert isinstance(identifier.get("verified", True), bool)


def test_ids_are_unique_and_tell_nothing_personal(world: list[Interaction]) -> None:
    ids = [(one.event["source"], one.event["id"]) for one in world]
    assert len(set(ids)) == len(ids)
    assert all(id_.split("-")[1].isdigit() for _, id_ in ids)


def test_times_lie_in_the_period_and_most_come_in_order(world: list[Interaction]) -> None:
    times = [datetime.fromisoformat(one.event["time"]) for one in world]
    assert min(times) >= START
    assert max(times) < START + timedelta(days=PERIOD)
    assert times != sorted(times)
    steps_back = sum(later < earlier for earlier, later in pairwise(times))
    assert steps_back < 0.04 * len(times)


def test_without_late_arrivals_everything_comes_in_order() -> None:
    punctual = traffic(100, 2_000, 5, Difficulty(late_arrival=0))
    times = [one.event["time"] for one in punctual]
    assert times == sorted(times)


def test_all_channels_and_languages_appear(world: list[Interaction]) -> None:
    channels = Counter(one.event["data"]["channel"] for one in world)
    assert set(channels) == {"voice", "email", "chat", "web", "messaging", "form"}
    assert min(channels.values()) > 0.03 * INTERACTIONS
    languages = Counter(one.language for one in world)
    assert set(languages) == set(COUNTRIES)
    assert min(languages.values()) > 0.1 * INTERACTIONS


def test_few_people_come_often(world: list[Interaction]) -> None:
    visits = sorted(Counter(one.person for one in world).values(), reverse=True)
    assert sum(visits[: PEOPLE // 10]) > 0.2 * INTERACTIONS
    assert visits[len(visits) // 2] < INTERACTIONS / PEOPLE


def test_the_share_that_nobody_could_resolve_is_realistic(world: list[Interaction]) -> None:
    unresolvable = [one for one in world if UNRESOLVABLE in one.troubles]
    assert 0.08 < len(unresolvable) / INTERACTIONS < 0.16
    for one in unresolvable:
        assert not {"full_name", "given_name", "family_name"} & set(one.event["data"]["profile"])


@pytest.mark.parametrize("trouble", TROUBLES)
def test_each_trouble_appears_and_can_be_turned_off(trouble: str, world: list[Interaction]) -> None:
    assert any(trouble in one.troubles for one in world)
    calm = traffic(PEOPLE, 1_500, 11, replace(Difficulty(), **{trouble: 0.0}))
    assert not any(trouble in one.troubles for one in calm)


def test_phones_as_the_network_writes_them_are_valid_for_the_country(
    world: list[Interaction],
) -> None:
    seen = set()
    for one in world:
        for identifier in one.event["data"]["identifiers"]:
            if identifier["type"] in {"phone", "whatsapp"} and identifier["value"].startswith("+"):
                number = phonenumbers.parse(identifier["value"])
                country = COUNTRIES[one.language]
                assert phonenumbers.is_valid_number_for_region(number, country)
                seen.add(country)
    assert seen == set(COUNTRIES.values())


def test_phones_as_people_type_them_mean_the_same_line() -> None:
    tidy = traffic(PEOPLE, 3_000, 2, Difficulty(typo=0, anonymous=0))
    typed = 0
    for one in tidy:
        content = one.event["data"]
        for identifier in content["identifiers"]:
            if identifier["type"] == "phone" and not identifier["value"].startswith("+"):
                number = phonenumbers.parse(identifier["value"], COUNTRIES[one.language])
                assert phonenumbers.is_valid_number(number)
                typed += 1
    assert typed > 50


def test_nobody_shares_a_private_identifier_by_accident() -> None:
    calm = Difficulty(
        typo=0, household_phone=0, family_device=0, hub_address=0, recycled_number=0, anonymous=0
    )
    owners = identifiers_of(
        list(traffic(2_000, 12_000, 4, calm)),
        "email", "phone", "whatsapp", "cookie", "line", "messenger", "login_id", "customer_id",
    )  # fmt: skip
    assert len(owners) > 5_000
    assert all(len(people) == 1 for people in owners.values())


def test_an_organisation_and_a_family_device_are_used_by_several_people(
    world: list[Interaction],
) -> None:
    several = defaultdict(set)
    for one in world:
        for trouble in {"hub_address", "family_device"} & set(one.troubles):
            for identifier in one.event["data"]["identifiers"][:1]:
                several[trouble, identifier["value"]].add(one.person)
    assert max(len(people) for (why, _), people in several.items() if why == "hub_address") > 5
    families = [len(people) for (why, _), people in several.items() if why == "family_device"]
    assert max(families) in {2, 3, 4}


def test_a_household_phone_is_used_by_a_few_people_of_one_name() -> None:
    shared = traffic(160, 8_000, 6, Difficulty(household_phone=1, hub_address=0))
    by_line = defaultdict(set)
    for one in shared:
        if "household_phone" in one.troubles:
            by_line[one.event["data"]["identifiers"][0]["value"]].add(one.person)
    assert max(len(people) for people in by_line.values()) in {2, 3, 4}


def test_a_recycled_number_belongs_to_one_person_and_weeks_later_to_another() -> None:
    busy = list(traffic(96, 12_000, 8, Difficulty(recycled_number=0.5, typo=0, late_arrival=0)))
    calls = defaultdict(list)
    for one in busy:
        for identifier in one.event["data"]["identifiers"]:
            if identifier["type"] == "whatsapp":
                calls[identifier["value"]].append((one.event["time"], one.person))
    handed_over = [made for made in calls.values() if len({person for _, person in made}) > 1]
    assert handed_over
    for made in handed_over:
        owners = [person for _, person in made]
        assert owners == sorted(owners, key=owners.index), "never back to the first owner"
        first = max(time for time, person in made if person == owners[0])
        second = min(time for time, person in made if person != owners[0])
        gap = datetime.fromisoformat(second) - datetime.fromisoformat(first)
        assert gap > timedelta(days=40)


def test_a_cookie_is_bound_late_to_the_login_of_its_person(world: list[Interaction]) -> None:
    bare, bound = set(), set()
    for one in world:
        kinds = {each["type"]: each["value"] for each in one.event["data"]["identifiers"]}
        if set(kinds) == {"cookie"}:
            bare.add(kinds["cookie"])
        elif "login_id" in kinds and kinds.get("cookie") in bare:
            bound.add(kinds["cookie"])
    assert len(bound) > 20


def test_verified_stands_only_where_the_publisher_knows(world: list[Interaction]) -> None:
    said = defaultdict(set)
    for one in world:
        for identifier in one.event["data"]["identifiers"]:
            if "verified" in identifier:
                said[identifier["type"]].add(identifier["verified"])
    assert said["login_id"] == {True}
    assert said["phone"] == {False}
    assert not {"cookie", "line", "messenger", "whatsapp"} & set(said)


@pytest.mark.parametrize(
    ("people", "interactions", "seed"),
    [(0, 1, 1), (5_000_001, 1, 1), (1, -1, 1), (1, 1, -1), (1, 1, 2**64)],
)
def test_a_number_out_of_range_is_refused(people: int, interactions: int, seed: int) -> None:
    with pytest.raises(UsageError, match=r"not -?\d+\. Choose another"):
        simulate(people, interactions, seed)


def test_a_share_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="typo is a share"):
        Difficulty(typo=1.5)
