"""When a conversation comes to a point at which the CRM is told of it.

Of a call once it has ended and was wrapped up; of all else whenever an agent gives it away, and at its
end. Where no agent was (a voice menu, a bot, a caller who gave up), at its end.
"""

from datetime import datetime
from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from aggregates.crm import Trigger

Turn = Literal["accepted", "transferred", "unassigned", "ended", "wrapped_up"]
"""The changes of an interaction that matter here."""

TURNS = frozenset(get_args(Turn))


class Conversation(Struct, frozen=True):
    """How far a conversation is. `agent` is the last who had it, an opaque id; times are valid times."""

    is_call: bool
    agent: str | None = None
    ended_at: datetime | None = None
    is_wrapped_up: bool = False

    @property
    def is_complete(self) -> bool:
        """Tell whether nothing will happen any more that the CRM is to be told of."""
        if self.ended_at is None:
            return False
        return self.is_wrapped_up or not self.is_call or self.agent is None

    @property
    def waits_for_wrap_up(self) -> bool:
        """Tell whether a call has ended and its agent has not wrapped it up."""
        return self.ended_at is not None and not self.is_complete


def take_turn(
    conversation: Conversation, turn: Turn, agent: str | None, time: datetime
) -> Conversation:
    """Return the conversation after a turn.

    Args:
        conversation: before it.
        turn: what happened.
        agent: who did it, or has it from now on.
        time: when.
    """
    after = replace(conversation, agent=agent or conversation.agent)
    match turn:
        case "ended":
            return replace(after, ended_at=time)
        case "wrapped_up":
            return replace(after, is_wrapped_up=True)
        case _:
            return after


def trigger_of(before: Conversation, after: Conversation, turn: Turn) -> Trigger | None:
    """Return why the CRM is told now, None where it is not.

    Args:
        before, after: the conversation before and after the turn.
        turn: what happened.
    """
    if turn == "accepted":
        return None
    if after.is_call:
        return turn if after.is_complete and not before.is_complete else _late(before, turn)
    if turn == "wrapped_up":
        return None
    return turn


def _late(before: Conversation, turn: Turn) -> Trigger | None:
    """A wrap-up that comes twice may say something else, so the activity is written again."""
    return "wrapped_up" if turn == "wrapped_up" and before.is_complete else None
