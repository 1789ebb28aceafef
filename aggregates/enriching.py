"""Enriching a contact: what a record says against what is shown, by one rule for each field."""

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from msgspec import Struct

from aggregates.editing import Edit, Values

Operation = Literal["insert", "update", "upsert", "merge"]
ValueRule = Literal["prefer_provided", "prefer_existing", "always_use_provided"]
ListRule = Literal["fill", "extend", "replace"]
Rule = ValueRule | ListRule

OPERATIONS: tuple[Operation, ...] = get_args(Operation)
VALUE_RULES: tuple[ValueRule, ...] = get_args(ValueRule)
LIST_RULES: tuple[ListRule, ...] = get_args(ListRule)

MOST_IDENTIFIERS = 25
"""Identifiers of one record."""


class Provided(Struct, frozen=True):
    """What a record says of one field: its values, none where it says null, and the rule."""

    values: tuple[str, ...]
    rule: Rule


def edit_of(shown: Values, provided: Mapping[str, Provided]) -> Edit:
    """Return the save that a record asks for.

    One value: `prefer_provided` takes it over, and null changes nothing; `prefer_existing` takes it
    only where none is shown; `always_use_provided` takes it, and null clears the field. Several:
    `fill` takes them only where none is shown, `extend` adds them, `replace` also takes away all
    that are shown and not provided.

    Args:
        shown: field -> the values that the contact shows, whoever said them.
        provided: field -> what the record says.
    """
    single: dict[str, str] = {}
    added: dict[str, tuple[str, ...]] = {}
    removed: dict[str, tuple[str, ...]] = {}
    for name, said in provided.items():
        before = shown.get(name, ())
        match said.rule:
            case "prefer_provided" | "always_use_provided" if said.values:
                single[name] = said.values[0]
            case "prefer_existing" if said.values and not before:
                single[name] = said.values[0]
            case "always_use_provided":
                removed[name] = before
            case "fill" if not before:
                added[name] = said.values
            case "extend":
                added[name] = said.values
            case "replace":
                added[name] = said.values
                removed[name] = _without(before, said.values)
            case _:
                pass
    return Edit(single, _some(added), _some(removed))


def _without(values: Iterable[str], gone: Iterable[str]) -> tuple[str, ...]:
    out = set(gone)
    return tuple(value for value in values if value not in out)


def _some(values: Values) -> Values:
    return {name: some for name, some in values.items() if some}
