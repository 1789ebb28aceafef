"""Augmentation: what sources outside say of a contact, and what a person takes over (BP-3, BP-4)."""

from collections.abc import Sequence
from datetime import datetime
from functools import reduce
from typing import Literal

from msgspec import Struct

from aggregates import augmenting
from aggregates.access import Action
from aggregates.augmentation import (
    AugmentedPersonal,
    ContactAugmentationReverted,
    ContactAugmented,
)
from aggregates.augmenting import Revert
from aggregates.editing import evolve
from aggregates.errors import NotYet
from aggregates.ownership import Release
from aggregates.settings import AugmentationSource as SourceSettings
from aggregates.values import AugmentationId, ContactId, instant_text
from identity_engine.application.acting import Operations
from identity_engine.application.command import Command, Done
from identity_engine.application.ids import checked_id
from identity_engine.application.operations.augmentation.asking import (
    Asking,
    FoundValue,
    SourceRecord,
    augment_of,
)
from identity_engine.application.operations.contacts.editing import by_hand
from identity_engine.application.operations.values.claiming import ManualClaim, Value
from identity_engine.application.permissions import needs
from identity_engine.errors import ConfigurationError, Conflict, NotFound, RemoteError
from projections.match_index.rows import ContactRow
from projections.profile.query import Profile


class Answer(Struct, frozen=True):
    """What one source answered: its records, or why it failed."""

    source: str
    records: tuple[SourceRecord, ...] = ()
    failure: str | None = None


class Looked(Struct, frozen=True):
    """What all sources answered. `reason` is `not_configured` or `no_match` where there is no data; it
    is None where there is some, and also where a source failed."""

    reason: Literal["not_configured", "no_match"] | None
    answers: tuple[Answer, ...] = ()


class Choice(Struct, frozen=True):
    """What a person ticked of one record: (name, value) pairs, None for all of it."""

    source: str
    reference: str
    ticked: tuple[tuple[str, str], ...] | None = None


class Augmented(Struct, frozen=True):
    """What taking over did, and the ids by which it can be taken back, one for each record."""

    done: Done
    augmentation_ids: tuple[AugmentationId, ...]


class Applied(Struct, frozen=True):
    """One augmentation of a contact; `at` is when, UTC text. The values are gone once erased."""

    augmentation_id: AugmentationId
    contact_id: ContactId
    source: str
    reference: str | None
    values: tuple[tuple[str, str], ...]
    actor: str
    at: str
    is_reverted: bool


class Augmentations(Operations):
    """What a person does with sources of further values."""

    @needs(Action.AUGMENTATION_RUN)
    def look(self, contact_id: str) -> Looked:
        """Ask every source for the records that match an identifier of the contact; write nothing.

        Only identifiers of the types that a source allows are sent to it.
        """
        profile = self._profile(contact_id)
        settings = self.context.rules.settings.augmentation
        if not settings.sources:
            return Looked("not_configured")
        answers = tuple(self._answer(source, profile) for source in settings.sources)
        nothing = not any(one.records or one.failure for one in answers)
        return Looked("no_match" if nothing else None, answers)

    @needs(Action.AUGMENTATION_RUN)
    def apply(
        self,
        contact_id: str,
        choices: Sequence[Choice],
        *,
        effective_at: datetime | None = None,
        dry_run: bool = False,
    ) -> Augmented:
        """Take the ticked values over, all or nothing; nothing ticked: nothing is written.

        Each source is asked again, so that what is written is what it says. Identifiers become
        unverified claims.

        Args:
            contact_id: any id of the contact; what is written stands on exactly this member.
            choices: what was ticked, by record.
            effective_at: when the values became true; None for now.
            dry_run: decide, and write nothing.

        Raises:
            NotFound: a source or record is not there.
            Conflict: a ticked value is not what the source says by now.
            RemoteError: a source failed.
            Refused: an identifier is held by another contact; nothing is written.
        """
        profile = self._profile(contact_id)
        chosen = [
            (one, self._ticked(one, profile)) for one in choices if one.ticked is None or one.ticked
        ]
        written: list[AugmentationId] = []
        with self.command(dry_run=dry_run, effective_at=effective_at) as command:
            row = command.contact(checked_id(contact_id))
            state = by_hand(command, row)
            for choice, values in chosen:
                wanted = augment_of(command, row, (choice.source, choice.reference), values)
                facts = augmenting.decide(state, wanted)
                state = reduce(evolve, facts, state)
                command.write(row.contact_id, *facts)
                written += [fact.augmentation_id for fact in facts]
        return Augmented(command.done(row.contact_id), tuple(written))

    @needs(Action.AUGMENTATION_RUN)
    def revert(self, contact_id: str, augmentation_id: str, *, dry_run: bool = False) -> Done:
        """Take an augmentation back: its values go, and its claims, unless they were verified since.

        Raises:
            NotYet: the contact has no such augmentation.
            AlreadyDone: it was taken back before.
        """
        wanted = Revert(AugmentationId(checked_id(augmentation_id)))
        with self.command(dry_run=dry_run) as command:
            row = command.contact(checked_id(contact_id))
            for member in sorted(command.index.members(row.canonical)):
                facts = command.facts(member)
                if any(_is(one, wanted.augmentation_id) for one in facts):
                    command.write(member, *augmenting.decide_revert(facts, wanted))
                    self._release(command, command.index.contacts[member], wanted)
                    break
            else:
                raise NotYet("This contact has no such augmentation.")
        return command.done(row.contact_id)

    @needs(Action.AUGMENTATION_RUN)
    def applied(self, contact_id: str) -> list[Applied]:
        """Return the augmentations of a contact, the oldest first, those taken back included."""
        profile = self._profile(contact_id)
        events = [e for member in profile.members for e in self.context.store.read_stream(member)]
        reverted = {
            event.fact.augmentation_id
            for event in events
            if isinstance(event.fact, ContactAugmentationReverted)
        }
        return [
            Applied(
                event.fact.augmentation_id,
                ContactId(event.stream_id),
                event.fact.source,
                getattr(event.fact.personal, "reference", None),
                _values_of(event.fact),
                event.header.actor,
                instant_text(event.recorded_at),
                event.fact.augmentation_id in reverted,
            )
            for event in sorted(events, key=lambda one: one.position)
            if isinstance(event.fact, ContactAugmented)
        ]

    def _profile(self, contact_id: str) -> Profile:
        """Return the profile of a contact that the call may act on."""
        id_ = checked_id(contact_id)
        with self.command(dry_run=True) as command:
            command.contact(id_)
        return self.context.queries.profile(id_)

    def _answer(self, source: SourceSettings, profile: Profile) -> Answer:
        try:
            records = Asking(self.context).matching(source, profile)
        except RemoteError as failure:
            return Answer(source.name, failure=failure.reason)
        except ConfigurationError:
            return Answer(source.name, failure="misconfigured")
        return Answer(
            source.name, tuple(Asking(self.context).shown(one, profile) for one in records)
        )

    def _ticked(self, choice: Choice, profile: Profile) -> list[FoundValue]:
        """Return the values that were ticked, as the source says them now."""
        sources = {one.name: one for one in self.context.rules.settings.augmentation.sources}
        if choice.source not in sources:
            raise NotFound("No source of augmentation has this name.")
        records = {
            one.reference: Asking(self.context).shown(one, profile)
            for one in Asking(self.context).matching(sources[choice.source], profile)
        }
        if choice.reference not in records:
            raise NotFound("The source has no such record of this contact.")
        said = records[choice.reference].values
        if choice.ticked is None:
            return list(said)
        known = {(one.name, one.value): one for one in said}
        if not set(choice.ticked) <= known.keys():
            raise Conflict(
                "The source does not say this any more, or never did. Look again and tick again."
            )
        return [known[one] for one in dict.fromkeys(choice.ticked)]

    def _release(self, command: Command, row: ContactRow, wanted: Revert) -> None:
        for fact in command.facts(row.contact_id):
            if _is(fact, wanted.augmentation_id) and isinstance(fact, ContactAugmented):
                for one in getattr(fact.personal, "identifiers", ()):
                    held = ManualClaim(command, row, Value(one.type, one.value))
                    for holding in held.held():
                        if holding.contact_id == row.contact_id and not holding.verified:
                            held.write(Release(row.contact_id, command.moment, None))


def _is(fact: object, augmentation_id: AugmentationId) -> bool:
    return isinstance(fact, ContactAugmented) and fact.augmentation_id == augmentation_id


def _values_of(fact: ContactAugmented) -> tuple[tuple[str, str], ...]:
    if not isinstance(fact.personal, AugmentedPersonal):
        return ()
    said = fact.personal
    several = [(name, value) for name, values in said.added.items() for value in values]
    return (*said.set.items(), *several, *((one.type, one.value) for one in said.identifiers))
