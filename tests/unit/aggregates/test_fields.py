"""Fields that a person may fill: what each type takes, and what a schema may say."""

import pytest
from pydantic import ValidationError

from aggregates.fields import BUILT_IN, ContactField
from aggregates.settings import Settings

SETTINGS = {"format": 1, "name": "centre"}


@pytest.mark.parametrize(
    ("field", "taken", "refused"),
    [
        (ContactField(), ["Bonn"], [""]),
        (ContactField(type="number"), ["12", "-0.5", "0"], ["", "1e5", "12 kg", "１２", "1."]),
        (ContactField(type="date"), ["1980-05-06"], ["", "1980-05", "6.5.1980", "1980-02-30"]),
        (
            ContactField(type="choice", choices=("gold", "silver")),
            ["gold"],
            ["", "Gold", "bronze"],
        ),
        (
            BUILT_IN["date_of_birth"],
            ["1980-05-06", "1980-05", "1980"],
            ["", "80", "1980-13", "1980-5", "1980-05-06T00:00", "198", "19800506", "1980-05-0"],
        ),
    ],
    ids=["text", "number", "date", "choice", "date of birth"],
)
def test_a_field_takes_what_has_its_form(field, taken, refused):
    assert all(field.takes(value) for value in taken)
    assert [value for value in refused if field.takes(value)] == []


def test_only_a_choice_lists_choices():
    for wrong in ({"type": "choice"}, {"type": "text", "choices": ["a"]}):
        with pytest.raises(ValidationError, match="choice"):
            ContactField.model_validate(wrong)


def test_an_administrators_field_stands_beside_the_usual_ones():
    settings = Settings.model_validate({**SETTINGS, "fields": {"tier": {"type": "number"}}})
    assert settings.contact_fields["tier"].type == "number"
    assert settings.contact_fields["city"] == ContactField()


@pytest.mark.parametrize("name", ["city", "Tier", "", "a b"])
def test_a_field_has_a_name_of_its_own(name):
    with pytest.raises(ValidationError):
        Settings.model_validate({**SETTINGS, "fields": {name: {}}})
