"""Viewing interactions: own ones, by division, in all divisions; journeys and customer cards."""

from datetime import timedelta

from msgspec import Struct

from aggregates.access import Action
from aggregates.values import ContactId, IdentifierClass
from identity_engine.application.acting import Operations
from identity_engine.application.ids import checked_id, checked_interaction
from identity_engine.application.permissions import needs
from identity_engine.errors import NotFound
from projections.identity.query import find_identity
from projections.journey.query import (
    InteractionView,
    Session,
    find_interaction,
    interactions_given_to,
    interactions_in,
    interactions_of,
    sessions_of,
    was_given_to,
)
from projections.profile.query import Profile

ABSENT = "No interaction has this id."


class Card(Struct, frozen=True):
    """The customer card of an interaction.

    `reason` says why there is none: `not_enabled` (the administrator has not switched cards on) or
    `no_contact` (the interaction belongs to nobody). Else `contact` is the profile, `current` the
    interaction and `related` the others of its contact, the newest first.
    """

    reason: str | None
    current: InteractionView | None = None
    contact: Profile | None = None
    related: tuple[InteractionView, ...] = ()


class Conversations(Operations):
    """What an actor sees of interactions."""

    @needs(Action.CONVERSATION_VIEW)
    def show(self, interaction_id: str) -> InteractionView:
        """Return an interaction of a division that the actor sees, with its changes.

        Raises:
            NotFound: there is none.
        """
        return self._find(interaction_id)

    @needs(Action.CONVERSATION_VIEW_OWN)
    def show_own(self, interaction_id: str) -> InteractionView:
        """Return an interaction that the actor accepted or was given.

        Raises:
            NotFound: there is none, or it was never the actor's.
        """
        found = self._find(interaction_id)
        if not was_given_to(self.views, self.context.actor, found.interaction_id):
            raise NotFound(ABSENT)
        return found

    @needs(Action.CONVERSATION_VIEW)
    def in_divisions(self, limit: int = 50) -> list[InteractionView]:
        """Return the newest interactions of the divisions that the actor sees."""
        return interactions_in(self.views, self.divisions, limit)

    @needs(Action.CONVERSATION_VIEW_OWN)
    def own(self, limit: int = 50) -> list[InteractionView]:
        """Return the newest interactions that the actor accepted or was given."""
        return interactions_given_to(self.views, self.context.actor, self.divisions, limit)

    @needs(Action.CONVERSATION_VIEW_ALL)
    def everywhere(self, limit: int = 50) -> list[InteractionView]:
        """Return the newest interactions of all divisions."""
        return interactions_in(self.views, self.divisions, limit)

    @needs(Action.SESSION_VIEW)
    def journey(self, contact_id: str) -> list[Session]:
        """Return the sessions of a contact, the earliest first.

        Raises:
            NotFound: there is no such contact, or none that the actor sees.
        """
        views = self.views
        found = find_identity(views, checked_id(contact_id))
        identity = self.seen(found, "No contact has this id.")
        rules = self.context.rules
        rule = rules.policy.classes.get(IdentifierClass.DEVICE)
        devices = rule.types if rule is not None else ()
        gap = timedelta(minutes=rules.settings.conversations.session_gap_minutes)
        return sessions_of(interactions_of(views, identity.members), devices, gap)

    @needs(Action.CONTACT_VIEW)
    def card(self, interaction_id: str) -> Card:
        """Return the customer card that opening an interaction shows; every message is in the next one.

        Raises:
            NotFound: there is no such interaction, or none that the actor sees: one of a division whose
                interactions are the actor's to view, or one that the actor was given.
        """
        current = self._find(interaction_id)
        if not self._may_open(current):
            raise NotFound(ABSENT)
        if not self.context.rules.settings.conversations.card:
            return Card("not_enabled")
        if current.contact_id is None:
            return Card("no_contact", current)
        profile = self.context.queries.profile(ContactId(current.contact_id))
        others = interactions_of(self.views, profile.members)
        related = [one for one in others if one.interaction_id != current.interaction_id]
        return Card(None, current, profile, tuple(reversed(related)))

    def _find(self, interaction_id: str) -> InteractionView:
        return self.seen(find_interaction(self.views, checked_interaction(interaction_id)), ABSENT)

    def _may_open(self, found: InteractionView) -> bool:
        rights = self.context.rights
        if rights.allow(Action.CONVERSATION_VIEW, found.division):
            return True
        return rights.allow(Action.CONVERSATION_VIEW_OWN, found.division) and was_given_to(
            self.views, self.context.actor, found.interaction_id
        )
