"""Dead letters for an actor: what could not be used, with every fault, and its original bytes."""

from collections.abc import Sequence
from typing import get_args

from aggregates.access import Action
from identity_engine.application.acting import Operations
from identity_engine.application.input_text import checked_words
from identity_engine.application.permissions import needs
from identity_engine.errors import NotFound
from identity_engine.ingestion.dead_letters import DeadLetter, OpenedLetter, State


class DeadLetterOperations(Operations):
    """What an operator does with dead letters. Nobody knows in which division one belongs, so it takes
    the right in all of them."""

    @needs(Action.OPERATIONS_REDRIVE, everywhere=True)
    def list(self, state: State = "open", *, limit: int = 100) -> Sequence[DeadLetter]:
        """Return dead letters with every fault, the oldest first, without their content.

        Raises:
            UsageError: there is no such state.
            Denied: the actor may do this in some divisions only.
        """
        checked_words([state], get_args(State), "state")
        return self.context.dead_letters.list(state, limit=limit)

    @needs(Action.DATA_REVEAL, everywhere=True)
    def original(self, letter_id: int) -> OpenedLetter:
        """Return one with its original bytes, which hold personal values.

        Raises:
            NotFound: there is none of this id.
            Denied: the actor may do this in some divisions only.
        """
        opened = self.context.dead_letters.get(letter_id)
        if opened is None:
            raise NotFound("No dead letter has this id; see: identity-engine dead-letters list")
        return opened
