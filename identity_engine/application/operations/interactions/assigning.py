"""Interactions as people work with them: what waits, who has them, and whom they belong to."""

from datetime import datetime

from msgspec import Struct

from aggregates import contact
from aggregates.access import Action
from aggregates.change import AwaitedPersonal, InteractionChangeDeferred
from aggregates.values import ContactId, instant_text
from identity_engine.application.acting import Operations
from identity_engine.application.command import Command, Done
from identity_engine.application.ids import checked_id, checked_interaction
from identity_engine.application.operations import reasons
from identity_engine.application.operations.interactions.linking import (
    Identifiers,
    LinkByHand,
    target_row,
)
from identity_engine.application.permissions import needs
from identity_engine.event_store.match_index.conversation_tables import all_waiting


class Waiting(Struct, frozen=True):
    """A change that came before its interaction, by what names both upstream (None once erased)."""

    change: str
    source: str | None
    id: str | None
    interaction_source: str | None
    interaction: str | None
    time: str
    received_at: str


class Interactions(Operations):
    """What an actor does with interactions."""

    @needs(Action.CONVERSATION_ASSOCIATE)
    def unlink(
        self,
        interaction_id: str,
        *,
        reason: str,
        effective_at: datetime | None = None,
        dry_run: bool = False,
    ) -> Done:
        """Take an interaction from its contact; it belongs to nobody and is listed for review.

        The values that had led there lead there no more by themselves: later interactions with
        nothing else wait for a person.

        Args:
            interaction_id: the interaction.
            reason: why, for the audit.
            effective_at: since when the values lead there no more; None for now.
            dry_run: decide, and write nothing.

        Raises:
            NotYet: it is linked to no contact.
        """
        why = reasons.needed(reason)
        with self.command(dry_run=dry_run, effective_at=effective_at) as command:
            link = LinkByHand(command, checked_interaction(interaction_id))
            wrong = link.wrong
            link.unlink(why)
        return command.done(wrong)

    @needs(Action.CONVERSATION_ASSOCIATE)
    def associate(
        self,
        interaction_id: str,
        contact_id: str,
        *,
        reason: str,
        identifiers: Identifiers = "keep",
        tell_apart: bool = False,
        effective_at: datetime | None = None,
        dry_run: bool = False,
    ) -> Done:
        """Give an interaction to a contact, for good: only a person moves it again.

        Args:
            interaction_id: the interaction.
            contact_id: any id of the contact; the link stands on exactly this member.
            reason: why, for the audit.
            identifiers: what becomes of the interaction's values that the contact which had it holds:
                it keeps them, they are transferred (needs the right), or both share them (likewise).
                Kept or shared, later interactions with nothing else do not go there any more.
            tell_apart: also record that the two contacts are two people (needs the right).
            effective_at: since when; None for now.
            dry_run: decide, and write nothing.

        Raises:
            AlreadyDone: it belongs there.
            Refused: `retracted`, the publisher took it back; `divisions`.
        """
        why = reasons.needed(reason)
        with self.command(dry_run=dry_run, effective_at=effective_at) as command:
            link = LinkByHand(command, checked_interaction(interaction_id))
            target = target_row(command, checked_id(contact_id), link.division).contact_id
            link.give(target, why, identifiers, tell_apart=tell_apart)
        return command.done(target)

    @needs(Action.CONVERSATION_ASSOCIATE)
    def create_contact(
        self,
        interaction_id: str,
        *,
        reason: str,
        identifiers: Identifiers = "keep",
        tell_apart: bool = False,
        effective_at: datetime | None = None,
        dry_run: bool = False,
    ) -> Done:
        """Give an interaction to a new, curated contact; needs the right to add contacts too.

        One that was made for it before, on its arrival or by a person, and has nothing else, is not
        made again: it is promoted, and the link is a person's.
        Arguments and refusals are those of `associate`.
        """
        why = reasons.needed(reason)
        with self.command(dry_run=dry_run, effective_at=effective_at) as command:
            link = LinkByHand(command, checked_interaction(interaction_id))
            command.require(Action.CONTACT_ADD, link.division, link.interaction_id)
            whose = link.own_contact()
            if whose is not None:
                link.keep(whose, why)
            else:
                whose = _new_contact(command, link)
                link.give(whose, why, identifiers, tell_apart=tell_apart)
        return command.done(whose)

    @needs(Action.OPERATIONS_REDRIVE, everywhere=True)
    def waiting(self, limit: int = 100) -> list[Waiting]:
        """Return changes that wait for their interaction, the oldest first."""
        with self.context.store.reading() as cursor:
            streams = [one.stream for one in all_waiting(cursor, limit)]
            events = self.context.store.read_streams(streams, cursor=cursor)
        found = []
        for event in events:
            fact = event.fact
            assert isinstance(fact, InteractionChangeDeferred)
            known = fact.personal if isinstance(fact.personal, AwaitedPersonal) else None
            found.append(
                Waiting(
                    fact.change.kind,
                    known.said.source if known else None,
                    known.said.id if known else None,
                    known.source if known else None,
                    known.id if known else None,
                    instant_text(event.header.valid_from),
                    instant_text(event.recorded_at),
                )
            )
        return found


def _new_contact(command: Command, link: LinkByHand) -> ContactId:
    """Write a new, curated contact for an interaction and return it."""
    fresh = ContactId(command.new_id())
    create = contact.Create(division=link.division, interaction_id=link.interaction_id)
    command.write(fresh, *contact.decide(None, create))
    promoted = contact.decide(command.index.contacts[fresh].state, contact.Promote())
    command.write(fresh, *promoted)
    return fresh
