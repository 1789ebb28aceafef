"""Dead letters for an actor: what could not be used, with every fault, and its original bytes."""

from collections.abc import Sequence
from typing import get_args

from msgspec import Struct

from aggregates.access import Action
from identity_engine.application.acting import Operations
from identity_engine.application.input_text import checked_words
from identity_engine.application.permissions import needs
from identity_engine.errors import NotFound
from identity_engine.ingestion.dead_letters import DeadLetter, OpenedLetter, State


class Closing(Struct, frozen=True):
    """What closing some dead letters did, by their ids: `closed` were open until then; nothing changed
    for those that had been closed or redriven before."""

    closed: tuple[int, ...] = ()
    closed_before: tuple[int, ...] = ()
    redriven_before: tuple[int, ...] = ()


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

    @needs(Action.OPERATIONS_REDRIVE, everywhere=True)
    def close(self, ids: Sequence[int], *, dry_run: bool = False) -> Closing:
        """Close those that need nothing more, such as one whose event came again, corrected.

        Nothing of them is deleted. What is refused once more at the same place is open again.

        Raises:
            NotFound: one of the ids is that of no dead letter; none is closed.
            Denied: the actor may do this in some divisions only.
        """
        letters = self.context.dead_letters
        states = letters.states(ids)

        def those(state: State) -> tuple[int, ...]:
            return tuple(letter_id for letter_id, own in states.items() if own == state)

        if not dry_run:
            letters.mark(those("open"), "closed")
        return Closing(those("open"), those("closed"), those("redriven"))
