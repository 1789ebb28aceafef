"""Values by hand: what people gave the fields of a contact, and what they took away.

Only this is stored with the contact. What interactions say stays with them, so the profile is a fold
over both: a value by hand comes first, a removed one is not shown.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import ClassVar

from msgspec import Struct, field

from aggregates.augmentation import (
    AugmentedPersonal,
    ContactAugmentationReverted,
    ContactAugmented,
)
from aggregates.errors import Refused
from aggregates.values import ContactId, Erased, Fact, Instant, Stored


class EditPersonal(Stored, frozen=True, kw_only=True):
    """What a save changed: `set` gives a field its value, `added` and `removed` change one value of it.

    A value that is removed is shown no longer, whoever says it, until a person gives it again.
    """

    set: dict[str, str] = field(default_factory=dict)
    added: dict[str, tuple[str, ...]] = field(default_factory=dict)
    removed: dict[str, tuple[str, ...]] = field(default_factory=dict)


class ContactEdited(Fact, frozen=True, kw_only=True):
    """A person saved values of the contact; one event for each save."""

    TOPIC: ClassVar[str] = "contact.edited"

    personal: EditPersonal | Erased


class Word(Stored, frozen=True, kw_only=True):
    """The last word of people on a value: that it is so, or that it is wrong, by whom and since when."""

    value: str
    removed: bool = False
    actor: str
    time: Instant


class WithdrawnPersonal(Stored, frozen=True, kw_only=True):
    """What people say, without the save, of each field that it changed, the last word at the end."""

    words: dict[str, tuple[Word, ...]]


class ContactEditWithdrawn(Fact, frozen=True, kw_only=True):
    """A save of this contact was meant for another one, which has it now: it is as if it had not been
    made here. `save` is its version in the stream."""

    TOPIC: ClassVar[str] = "contact.edit_withdrawn"

    save: int
    given_to: ContactId
    personal: WithdrawnPersonal | Erased


Values = Mapping[str, tuple[str, ...]]
"""Field -> values."""


class HandMade(Struct, frozen=True):
    """The values by hand of each field, the newest first, and those that were taken away."""

    values: Values = field(default_factory=dict)
    removed: Values = field(default_factory=dict)


class Edit(Struct, frozen=True):
    """Save values: `set` replaces what people gave a field, `add` and `remove` change one value."""

    set: Mapping[str, str] = field(default_factory=dict)
    add: Values = field(default_factory=dict)
    remove: Values = field(default_factory=dict)


def decide(
    state: HandMade, command: Edit, own: HandMade | None = None
) -> tuple[ContactEdited, ...]:
    """Return the one event of a save; none where it would change nothing.

    Args:
        state: the values by hand of the whole identity.
        command: what is saved.
        own: those of the member that it is saved for, where that is not the same: what only another
            member has is new to this one, so that an unmerge leaves it what was said of it.

    Raises:
        Refused: `contradiction`, it gives and removes one value.
    """
    for name, values in command.remove.items():
        given = {*command.add.get(name, ()), command.set.get(name)}
        if given & set(values):
            raise Refused("contradiction", f"A value of {name} is both given and removed.")
    own = own or state
    changed = EditPersonal(
        set={
            name: value
            for name, value in command.set.items()
            if not state.values.get(name, ()) == own.values.get(name, ()) == (value,)
        },
        added=_only_new(command.add, _in_both(state.values, own.values)),
        removed=_only_new(command.remove, _in_both(state.removed, own.removed)),
    )
    return () if changed == EditPersonal() else (ContactEdited(personal=changed),)


def evolve(state: HandMade, fact: Fact) -> HandMade:
    """Return the values after `fact`."""
    if isinstance(fact, ContactAugmented) and isinstance(fact.personal, AugmentedPersonal):
        return _augmented(state, fact.personal)
    if not isinstance(fact, ContactEdited) or isinstance(fact.personal, Erased):
        return state
    values, removed = dict(state.values), dict(state.removed)
    for name, value in fact.personal.set.items():
        values[name] = (value,)
        removed[name] = _without(removed.get(name, ()), (value,))
    for name, added in fact.personal.added.items():
        values[name] = (*reversed(added), *_without(values.get(name, ()), added))
        removed[name] = _without(removed.get(name, ()), added)
    for name, gone in fact.personal.removed.items():
        values[name] = _without(values.get(name, ()), gone)
        removed[name] = (*_without(removed.get(name, ()), gone), *gone)
    return HandMade(
        {name: some for name, some in values.items() if some},
        {name: some for name, some in removed.items() if some},
    )


def hand_made(facts: Iterable[Fact]) -> HandMade:
    """Return what all edits among these facts, in log order, and the augmentations that were not taken
    back, made of the values by hand."""
    facts = list(facts)
    reverted = {
        one.augmentation_id for one in facts if isinstance(one, ContactAugmentationReverted)
    }
    state = HandMade()
    for fact in facts:
        if not (isinstance(fact, ContactAugmented) and fact.augmentation_id in reverted):
            state = evolve(state, fact)
    return state


def withdrawn(facts: Iterable[Fact]) -> frozenset[int]:
    """Return the versions of the saves that were withdrawn, of the facts of one stream."""
    return frozenset(fact.save for fact in facts if isinstance(fact, ContactEditWithdrawn))


Save = tuple[EditPersonal, str, datetime]
"""What a save changed, whose it is, and when it became true."""


def words_of(saves: Iterable[Save]) -> dict[str, tuple[Word, ...]]:
    """Return the last word on each value of each field after the saves of one contact, in order."""
    words: dict[str, dict[str, Word]] = {}
    for changed, actor, time in saves:
        given = {name: (value,) for name, value in changed.set.items()}
        for name in given:
            known = words.get(name, {})
            words[name] = {value: word for value, word in known.items() if word.removed}
        for removed, some in ((False, given), (False, changed.added), (True, changed.removed)):
            for name, values in some.items():
                for value in values:
                    of_field = words.setdefault(name, {})
                    of_field.pop(value, None)
                    of_field[value] = Word(value=value, removed=removed, actor=actor, time=time)
    return {name: tuple(some.values()) for name, some in words.items()}


def _augmented(state: HandMade, personal: AugmentedPersonal) -> HandMade:
    """Put what was taken over in front; what a person gave before is kept behind it."""
    values, removed = dict(state.values), dict(state.removed)
    taken = {name: (value,) for name, value in personal.set.items()} | personal.added
    for name, given in taken.items():
        values[name] = (*reversed(given), *_without(values.get(name, ()), given))
        removed[name] = _without(removed.get(name, ()), given)
    return HandMade(values, {name: some for name, some in removed.items() if some})


def _only_new(wanted: Values, known: Values) -> dict[str, tuple[str, ...]]:
    fresh = {
        name: tuple(dict.fromkeys(_without(values, known.get(name, ()))))
        for name, values in wanted.items()
    }
    return {name: values for name, values in fresh.items() if values}


def _in_both(ours: Values, own: Values) -> Values:
    return {
        name: tuple(one for one in ours[name] if one in own[name]) for name in ours.keys() & own
    }


def _without(values: tuple[str, ...], gone: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value for value in values if value not in gone)
