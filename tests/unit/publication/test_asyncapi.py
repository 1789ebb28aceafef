"""The AsyncAPI document is valid by the schema of AsyncAPI 3.0, and its contracts by JSON Schema."""

import gzip
import json
from pathlib import Path

import jsonschema
import orjson
import pytest

from identity_engine.publication.asyncapi import document
from identity_engine.publication.contracts import EVENTS, PROFILES
from identity_engine.publication.translation import translate
from identity_engine.settings.publication import Publication
from tests.unit.publication.facts import FACTS, recorded

SCHEMA = Path(__file__).parents[2] / "schemas" / "asyncapi" / "3.0.0.json.gz"
"""From the package @asyncapi/specs (Apache-2.0), as it came."""
WITH_PROFILES = Publication("events", ("here:9092",), "profiles")


@pytest.fixture(scope="module")
def of_asyncapi():
    return json.loads(gzip.decompress(SCHEMA.read_bytes()))


@pytest.mark.parametrize("publication", [WITH_PROFILES, Publication("events", ())])
def test_the_document_is_valid(of_asyncapi, publication):
    jsonschema.Draft7Validator(of_asyncapi).validate(document(publication))


def test_a_document_that_is_not_valid_is_found(of_asyncapi):
    broken = document(WITH_PROFILES)
    broken["channels"]["events"]["adress"] = "typed wrongly"
    assert not jsonschema.Draft7Validator(of_asyncapi).is_valid(broken)


def test_every_reference_leads_somewhere():
    whole = document(WITH_PROFILES)
    for reference in _references(whole):
        found = whole
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def test_profiles_stand_in_it_only_where_they_are_published():
    assert set(document(WITH_PROFILES)["channels"]) == {"events", "profiles"}
    alone = document(Publication("events", ()))
    assert set(alone["channels"]) == {"events"}
    assert set(alone["components"]["messages"]) == {one.TYPE for one in EVENTS}


def test_topics_say_how_they_are_cleaned_up():
    channels = document(WITH_PROFILES)["channels"]
    policies = {
        channel["bindings"]["kafka"]["topic"]: channel["bindings"]["kafka"]["topicConfiguration"]
        for channel in channels.values()
    }
    assert policies == {
        "events": {"cleanup.policy": ["delete"]},
        "profiles": {"cleanup.policy": ["compact"]},
    }


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.TOPIC)
def test_what_is_told_is_valid_by_the_document(fact):
    whole = document(WITH_PROFILES)
    for told in translate(recorded(fact)):
        sent = orjson.loads(told.model_dump_json(exclude_none=True))
        schema = {"$ref": f"#/components/schemas/{type(told).__name__}", **whole}
        jsonschema.Draft202012Validator(schema).validate(sent)


def test_every_contract_has_a_message():
    messages = document(WITH_PROFILES)["components"]["messages"]
    assert set(messages) == {one.TYPE for one in (*EVENTS, *PROFILES)} | {"tombstone"}


def _references(part):
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            yield from _references(one)
