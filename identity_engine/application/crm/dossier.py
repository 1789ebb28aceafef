"""All that is known of one interaction where the CRM is concerned."""

from collections.abc import Sequence
from datetime import datetime
from functools import reduce
from typing import cast

from aggregates.change import InteractionChanged
from aggregates.crm import CrmFact
from aggregates.crm_conversation import TURNS, Conversation, Turn, take_turn
from aggregates.crm_rules import CrmCommand, decide
from aggregates.crm_state import CrmState, evolve
from aggregates.interaction import InteractionReceived
from aggregates.settings import Crm as CrmSettings
from aggregates.values import ContactId, InteractionId
from identity_engine.application.command import Command
from projections.base import Recorded


class Dossier:
    """One interaction, under the write lock of a command.

    Args:
        command: under way.
        interaction_id: the interaction.
        settings: of the CRM.

    Raises:
        NotFound, Denied: as `Command.interaction` does.
    """

    def __init__(
        self, command: Command, interaction_id: InteractionId, settings: CrmSettings
    ) -> None:
        self._command = command
        self.interaction_id = interaction_id
        row = command.interaction(interaction_id)
        contact = command.index.contacts.get(row.contact_id) if row.contact_id else None
        self.canonical_id = contact.canonical if contact is not None else None
        self.stream = command.stream(interaction_id)
        self.state = state_of(self.stream)
        self.conversation = conversation_of(self.stream, settings)

    def carry_out(self, wanted: CrmCommand) -> tuple[CrmFact, ...]:
        """Decide, write, and know it from now on; return the facts."""
        facts = decide(self.state, wanted)
        self._command.write(self.interaction_id, *facts)
        self.state = reduce(evolve, facts, self.state)
        return facts

    @property
    def contact_id(self) -> ContactId | None:
        """The member contact that the interaction is linked to."""
        return self.state.contact_id


def state_of(stream: Sequence[Recorded]) -> CrmState:
    """Return what the CRM is told about an interaction."""
    return reduce(evolve, (event.fact for event in stream), CrmState())


def conversation_of(stream: Sequence[Recorded], settings: CrmSettings) -> Conversation:
    """Return how far a conversation is."""
    received = stream[0].fact
    channel = received.channel if isinstance(received, InteractionReceived) else ""
    conversation = Conversation(is_call=channel in settings.call_channels)
    for event in stream:
        turn = turn_of(event)
        if turn is not None:
            conversation = take_turn(conversation, *turn)
    return conversation


def turn_of(event: Recorded) -> tuple[Turn, str | None, datetime] | None:
    """Return what an event says of the life of its interaction: the turn, the agent and the time."""
    if not isinstance(event.fact, InteractionChanged):
        return None
    change = event.fact.change
    if change.kind not in TURNS:
        return None
    agent = change.to_agent if change.kind == "transferred" else change.agent
    return cast(Turn, change.kind), agent, event.header.valid_from
