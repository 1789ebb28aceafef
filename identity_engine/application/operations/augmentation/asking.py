"""What a source outside says of a contact: asked with what the contact holds, shown apart by record."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Literal

from msgspec import Struct

from aggregates.augmentation import AugmentedIdentifier
from aggregates.augmenting import Augment
from aggregates.errors import Refused
from aggregates.settings import AugmentationSource as SourceSettings
from aggregates.values import AugmentationId
from identity_engine.application.actor_context import ActorContext
from identity_engine.application.command import Command
from identity_engine.application.operations.values.claiming import ManualClaim, Value
from identity_engine.bootstrap import connect_source
from identity_engine.ports.augmentation import FoundRecord, Named
from matchers.normalise import FAMILY_OF_TYPE, InvalidIdentifier, normalise_identifier
from projections.match_index.rows import ContactRow
from projections.profile.query import Profile

Effect = Literal["add", "replace", "same"]


class FoundValue(Struct, frozen=True):
    """One value of a record. `effect` says what taking it over does: `add` it beside the values of the
    contact, `replace` the one shown (which is kept), or nothing, because the contact has the `same`.
    `is_identifier` tells an identifier from a field."""

    name: str
    value: str
    effect: Effect
    is_identifier: bool


class SourceRecord(Struct, frozen=True):
    """One record of a source."""

    reference: str
    values: tuple[FoundValue, ...]


class Asking:
    """Asks sources on behalf of an actor."""

    def __init__(self, context: ActorContext) -> None:
        self._context = context

    def asked(self, settings: SourceSettings, profile: Profile) -> list[Named]:
        """Return the identifiers of a contact that a source may be sent."""
        return list(
            dict.fromkeys(
                Named(one.type, one.value)
                for one in profile.identifiers
                if one.valid_to is None
                and one.type in settings.identifier_types
                and one.value is not None
            )
        )

    def matching(self, settings: SourceSettings, profile: Profile) -> list[FoundRecord]:
        """Return the records of a source that have an identifier of the contact."""
        asked = self.asked(settings, profile)
        if not asked:
            return []
        known = {self._key(one) for one in asked}
        source = connect_source(settings, self._identifier_types(), self._folded)
        try:
            found = source.look_up(asked)
        finally:
            source.close()
        records: dict[str, FoundRecord] = {}
        for one in found:
            if known & {self._key(named) for named in one.identifiers}:
                records.setdefault(one.reference, one)  # one name names one record
        return list(records.values())

    def shown(self, record: FoundRecord, profile: Profile) -> SourceRecord:
        """Return a record as it would come to a contact; what no contact can have is left out."""
        schema = self._context.rules.settings.contact_fields
        held = {
            self._key(Named(one.type or "", one.value or ""))
            for one in profile.identifiers
            if one.valid_to is None
        }
        values = []
        for name, texts in record.fields.items():
            field = schema.get(name)
            have = [one.value for one in profile.fields.get(name, ())]
            for text in dict.fromkeys(texts if field is not None and field.multi else texts[:1]):
                if field is not None and field.takes(text):
                    same = text in have if field.multi else have[:1] == [text]
                    effect: Effect = "add" if field.multi or not have else "replace"
                    values.append(FoundValue(name, text, "same" if same else effect, False))
        for named in filter(self._is_identifier, record.identifiers):
            effect = "same" if self._key(named) in held else "add"
            values.append(FoundValue(named.type, named.value, effect, True))
        return SourceRecord(record.reference, tuple(values))

    def _identifier_types(self) -> frozenset[str]:
        """Return the words that name an identifier, and no field of a contact."""
        classes = self._context.rules.policy.classes.values()
        types = {type_ for rule in classes for type_ in rule.types} | FAMILY_OF_TYPE.keys()
        return frozenset(types - self._context.rules.settings.contact_fields.keys())

    def _is_identifier(self, named: Named) -> bool:
        """Tell whether a contact can hold it: it is of a known type, valid, and not blocked."""
        folded = self._folded(*named) if named.type in self._identifier_types() else None
        policy = self._context.rules.policy
        return folded is not None and not any(map(policy.is_blocked, (named.value, folded)))

    def _folded(self, type_: str, value: str) -> str | None:
        country = self._context.rules.policy.default_country
        try:
            return normalise_identifier(type_, value, country).value
        except InvalidIdentifier:
            return None

    def _key(self, named: Named) -> tuple[str, str | None]:
        """Return what two identifiers have in common if they are one."""
        return FAMILY_OF_TYPE.get(named.type, named.type), self._folded(*named)


def augment_of(
    command: Command,
    row: ContactRow,
    record: tuple[str, str],
    values: Iterable[FoundValue],
    *,
    leave_out: bool = False,
) -> Augment:
    """Return what takes values over; the identifiers among them are claimed.

    Args:
        command: under way.
        row: the contact, a member on which it is to stand.
        record: the source, and the record there.
        values: what was chosen.
        leave_out: leave out the identifiers that the contact cannot be given.

    Raises:
        Refused: another contact holds one of the identifiers.
    """
    schema = command.rules.settings.contact_fields
    single: dict[str, str] = {}
    several: dict[str, tuple[str, ...]] = {}
    identifiers = []
    for one in values:
        if one.is_identifier:
            with suppress(*((Refused,) if leave_out else ())):
                identifiers.append(_claimed(command, row, one))
        elif schema[one.name].multi:
            several[one.name] = (*several.get(one.name, ()), one.value)
        else:
            single[one.name] = one.value
    new = AugmentationId(command.new_id())
    return Augment(new, *record, single, several, tuple(identifiers))


def _claimed(command: Command, row: ContactRow, one: FoundValue) -> AugmentedIdentifier:
    """Claim an identifier for the contact, unverified, if it does not hold it."""
    held = ManualClaim(command, row, Value(one.name, one.value))
    before = held.held()
    offered = held.add(verified=False) if not before else ()
    if offered:
        raise Refused(
            "merge_offered",
            f"The ephemeral contact {', '.join(offered)} holds one of these identifiers. Merge it with "
            "this contact, or leave the identifier out.",
        )
    return AugmentedIdentifier(type=one.name, value=one.value, claimed=not before)
