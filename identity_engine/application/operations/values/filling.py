"""What people fill in: fields and values, checked against the schema in force."""

from collections.abc import Collection, Mapping

from aggregates.editing import Edit, Values
from aggregates.errors import NotYet, Refused
from aggregates.fields import ContactField
from identity_engine.application.input_text import NAME, checked, checked_text
from identity_engine.application.rules import Rules
from identity_engine.errors import UsageError
from matchers.normalise import FAMILY_OF_TYPE


class Filling:
    """The fields of one contact as a person may fill them.

    Args:
        rules: in force; their settings hold the schema.
        shown: what the contact shows; a field that only interactions gave it may be corrected too.
    """

    def __init__(self, rules: Rules, shown: Values | None = None) -> None:
        self._schema = rules.settings.contact_fields
        self._identifier_types = FAMILY_OF_TYPE.keys() | {
            type_ for rule in rules.policy.classes.values() for type_ in rule.types
        }
        self._shown: Values = shown or {}

    def edit(
        self,
        set_: Mapping[str, str],
        add: Mapping[str, Collection[str]],
        remove: Mapping[str, Collection[str]],
    ) -> Edit:
        """Return a save with its values checked.

        Raises:
            UsageError: a field is none that a person may fill, or a value has not its form.
        """
        for name in add:
            if not self.field(name).multi:
                raise UsageError(f"The field {name} takes one value; set it instead of adding one.")
        return Edit(
            set={name: self._value(name, value) for name, value in set_.items()},
            add={name: tuple(self._value(name, one) for one in add[name]) for name in add},
            remove={
                checked(NAME, name, "The name of a field"): tuple(
                    checked_text(one, f"A value of {name}") for one in values
                )
                for name, values in remove.items()
            },
        )

    def check_removed(self, wanted: Edit) -> None:
        """Check that what is removed is there, and that no required field is left without a value.

        Raises:
            NotYet: a value is none of the contact's.
            Refused: `required`, the last value of a required field would go.
        """
        for name, gone in wanted.remove.items():
            shown = self._shown.get(name, ())
            if set(gone) - set(shown):
                raise NotYet(f"The contact has no such value in the field {name}.")
            given = wanted.set.get(name) or wanted.add.get(name)
            field = self._schema.get(name)
            if field is not None and field.required and not given and set(shown) <= set(gone):
                raise Refused("required", f"The field {name} is required; give it another value.")

    def check_required(self, wanted: Edit) -> None:
        """Check that a new contact has every field that is required.

        Raises:
            Refused: `required`, some have no value.
        """
        given = wanted.set.keys() | wanted.add.keys()
        required = {name for name, field in self._schema.items() if field.required}
        missing = sorted(required - given)
        if missing:
            raise Refused("required", f"These fields are required: {', '.join(missing)}.")

    def field(self, name: str) -> ContactField:
        """Return what a field takes.

        Raises:
            UsageError: a person may not fill it.
        """
        checked(NAME, name, "The name of a field")
        if name in self._schema:
            return self._schema[name]
        if name in self._identifier_types:
            raise UsageError(
                f"{name} is a type of identifier, not a field; add it as an identifier instead."
            )
        if name in self._shown:
            return ContactField()
        raise UsageError(
            f"There is no field {name}. An administrator adds fields in the settings; there are: "
            f"{', '.join(sorted(self._schema))}."
        )

    def _value(self, name: str, value: str) -> str:
        field = self.field(name)
        text = checked_text(value, f"The value of {name}")
        if not field.takes(text):
            raise UsageError(f"The field {name} takes {field.form}.")
        return text
