"""What is said of a mapping that is wrong: every fault, in plain words, with its place."""

import json
import re

import pytest

from identity_engine.errors import SourceError
from identity_engine.ingestion.files.csv_mapping import CsvMapping

RIGHT = {
    "source": "crm",
    "id": "Ticket",
    "time": "Opened",
    "channel": {"value": "form"},
    "identifiers": [{"type": "email", "column": "E-mail"}],
}
NO_COLUMN = "The value is no column; write its name in quotes, or an object."
REQUIRED = "The field is required; add it."
UNKNOWN = "The field is not known here; remove it."
NO_TEXT = "The value is no text; write it in quotes."
EMPTY = "The text is empty; write something."
NAME = "A name is a lower-case letter and then at most 63 of a-z, 0-9, _ . -"
CASES = [
    ({"colour": "red"}, f"colour: {UNKNOWN}"),
    ({"id": 7}, f"id: {NO_COLUMN}"),
    ({"id": ["a"]}, f"id: {NO_COLUMN}"),
    ({"id": ""}, f"id: {EMPTY}"),
    ({"id": {"value": "a"}}, f"id.column: {REQUIRED} id.value: {UNKNOWN}"),
    ({"channel": {"value": 3}}, f"channel.value: {NO_TEXT}"),
    ({"channel": {"column": 3}}, f"channel.column: {NO_TEXT}"),
    ({"channel": {}}, f"channel.column: {REQUIRED}"),
    ({"division": 3}, f"division: {NO_COLUMN}"),
    (
        {"time": {"column": "Opened", "timezone": "Mars/North"}},
        "time.timezone: No such time zone; write one like Europe/Paris.",
    ),
    ({"time": {"format": "%Y"}}, f"time.column: {REQUIRED}"),
    ({"source": "a\0"}, "source: The text has a control or invisible character; remove it."),
    ({"source": "a" * 2_000}, "source: The text is too long; shorten it."),
    ({"identifiers": {"a": 1}}, "identifiers: The value is no list; write [...]."),
    ({"identifiers": ["a"]}, "identifiers.0: The value is no object; write {...}."),
    ({"identifiers": [{"type": "E mail", "column": "a"}]}, f"identifiers.0.type: {NAME}"),
    (
        {"identifiers": [{"type": "email", "column": "a", "verified": "yes"}]},
        "identifiers.0.verified: The value is neither true nor false; write one of them.",
    ),
    ({"profile": {"Name": "a"}}, f"profile.Name: {NAME}"),
    ({"profile": 3}, "profile: The value is no object; write {...}."),
    ({"attributes": {"Column": ""}}, f"attributes.Column: {EMPTY}"),
    ({"delimiter": "x"}, r"delimiter: The value is not known; write ',', ';', '\t' or '|'."),
    ({"encoding": "utf-16"}, "encoding: Not a superset of ASCII; save the file as UTF-8."),
    ({"identifiers": []}, "No identifiers and no profile; map at least one column."),
]


def said(folder, text):
    (folder / "mapping.json").write_text(text)
    with pytest.raises(SourceError) as refused:
        CsvMapping.load(folder / "mapping.json")
    return str(refused.value)


@pytest.mark.parametrize(("wrong", "sentence"), CASES)
def test_a_fault_is_said_once_with_its_place_and_fix(tmp_path, wrong, sentence):
    faults = said(tmp_path, json.dumps(RIGHT | wrong))

    assert faults == f"The mapping {tmp_path / 'mapping.json'} is wrong. {sentence}"


def test_all_faults_are_said_at_once(tmp_path):
    faults = said(tmp_path, json.dumps(RIGHT | {"id": 7, "delimiter": "x", "colour": "red"}))

    assert re.findall(r"(\w+): The", faults) == ["id", "delimiter", "colour"]


@pytest.mark.parametrize("text", ["[]", "7", '"a"', "null"])
def test_a_file_that_is_no_object_is_said(tmp_path, text):
    assert "The value is no object; write {...}." in said(tmp_path, text)


@pytest.mark.parametrize("text", ["", "{", '{"id": }', "\ufeff{}"])
def test_a_file_that_is_no_json_is_said_with_the_place(tmp_path, text):
    assert re.search(r"It is no valid JSON at line 1 column \d+\.", said(tmp_path, text))
