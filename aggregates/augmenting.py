"""The rules of augmentation: only what is new is written, and each augmentation can be taken back."""

from collections.abc import Iterable, Mapping

from msgspec import Struct, field

from aggregates.augmentation import (
    AugmentationFact,
    AugmentedIdentifier,
    AugmentedPersonal,
    ContactAugmentationReverted,
    ContactAugmented,
)
from aggregates.editing import HandMade, Values
from aggregates.errors import AlreadyDone, NotYet
from aggregates.values import AugmentationId, Fact


class Augment(Struct, frozen=True):
    """Take values of one record over: `set` for fields of one value, `add` for those of several."""

    augmentation_id: AugmentationId
    source: str
    reference: str
    set: Mapping[str, str] = field(default_factory=dict)
    add: Values = field(default_factory=dict)
    identifiers: tuple[AugmentedIdentifier, ...] = ()


class Revert(Struct, frozen=True):
    """Take one augmentation back."""

    augmentation_id: AugmentationId


def decide(state: HandMade, command: Augment) -> tuple[ContactAugmented, ...]:
    """Return the one fact of an augmentation; none where the contact has it all already."""
    personal = AugmentedPersonal(
        reference=command.reference,
        set={
            name: value
            for name, value in command.set.items()
            if state.values.get(name, ())[:1] != (value,)
        },
        added={
            name: fresh
            for name, values in command.add.items()
            if (fresh := tuple(one for one in values if one not in state.values.get(name, ())))
        },
        identifiers=tuple(one for one in command.identifiers if one.claimed),
    )
    if not (personal.set or personal.added or personal.identifiers):
        return ()
    return (
        ContactAugmented(
            augmentation_id=command.augmentation_id, source=command.source, personal=personal
        ),
    )


def decide_revert(facts: Iterable[Fact], command: Revert) -> tuple[AugmentationFact, ...]:
    """Return the fact that takes an augmentation back.

    Args:
        facts: of the stream that the augmentation stands in.
        command: which one.

    Raises:
        NotYet: there is none.
        AlreadyDone: it was taken back before.
    """
    known = set()
    for fact in facts:
        match fact:
            case ContactAugmented(augmentation_id=augmentation_id):
                known.add(augmentation_id)
            case ContactAugmentationReverted(augmentation_id=command.augmentation_id):
                raise AlreadyDone("This augmentation was taken back before.")
    if command.augmentation_id not in known:
        raise NotYet("This contact has no such augmentation.")
    return (ContactAugmentationReverted(augmentation_id=command.augmentation_id),)
