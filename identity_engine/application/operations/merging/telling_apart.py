"""Two people: a person says so, and no rule and no other person joins them until that is lifted."""

from datetime import UTC, datetime

from aggregates.access import Action
from aggregates.contact import ContactToldApart, ContactToldApartLifted
from aggregates.errors import NotYet, Refused
from aggregates.values import ContactId
from identity_engine.application.acting import Operations
from identity_engine.application.command import Command, Done
from identity_engine.application.ids import checked_id
from identity_engine.application.operations.reasons import needed, said
from identity_engine.application.permissions import needs
from identity_engine.errors import UsageError


class TellingApart(Operations):
    """Durable "A is not B": it holds for all members of both, whatever is merged later."""

    @needs(Action.IDENTITY_TELL_APART)
    def tell(
        self,
        one: str,
        other: str,
        *,
        reason: str,
        until: datetime | None = None,
        dry_run: bool = False,
    ) -> Done:
        """Say that two contacts are two people.

        Args:
            one, other: the contacts.
            reason: why, in the person's words.
            until: aware time from which it holds no longer; None until it is lifted.
            dry_run: decide, and write nothing.

        Raises:
            UsageError: an id is none, both are the same, or the end has no offset or lies in the past.
            NotFound, Denied: as for every command.
            Refused: `already_one`, they are one contact; `erased`.
        """
        why, (a, b) = needed(reason), _two(one, other)
        if until is not None and until.tzinfo is None:
            raise UsageError("The end of telling them apart needs its offset.")
        until = until and until.astimezone(UTC)  # what is stored has no offset with seconds
        with self.command(dry_run=dry_run) as command:
            rows = command.contacts([a, b])
            if any(row.state.presence == "erased" for row in rows):
                raise Refused("erased", "One of these contacts is erased.")
            if rows[0].canonical == rows[1].canonical:
                raise Refused(
                    "already_one", "These are one contact. Undo the merge that made them one."
                )
            if until is not None and until <= command.now:
                raise UsageError("The end of telling them apart lies in the past.")
            pair = frozenset((a, b))
            if pair not in command.index.apart or command.index.apart[pair] != until:
                fact = ContactToldApart(other=b, until=until, personal=said(why))
                command.write(a, fact)
                if rows[0].state.division != rows[1].state.division:
                    evaluate_again(command, frozenset((a, b)))  # nor are they alike over divisions
        return command.done(a)

    @needs(Action.IDENTITY_TELL_APART)
    def lift(self, one: str, other: str, *, reason: str, dry_run: bool = False) -> Done:
        """Let two contacts be merged again: whatever told a member of one from a member of the other.

        Raises:
            UsageError, NotFound, Denied: as for `tell`.
            NotYet: nobody told them apart.
        """
        why, (a, b) = needed(reason), _two(one, other)
        with self.command(dry_run=dry_run) as command:
            command.contacts([a, b])
            ours, theirs = (command.index.identity(id_).members for id_ in (a, b))
            pairs = [
                (min(pair & ours), min(pair & theirs))
                for pair in sorted(command.index.apart, key=sorted)
                if len(pair & ours) == 1 and len(pair & theirs) == 1
            ]
            if not pairs:
                raise NotYet("Nobody told these contacts apart.")
            for mine, yours in pairs:
                command.write(mine, ContactToldApartLifted(other=yours, personal=said(why)))
            evaluate_again(command, ours | theirs)
        return command.done(a)


def evaluate_again(command: Command, contact_ids: frozenset[ContactId]) -> None:
    """Let re-evaluation look at what these contacts have: it may join them otherwise than before."""
    command.index.evaluate_again(command.reader.numbers_of(contact_ids))


def _two(one: str, other: str) -> tuple[ContactId, ContactId]:
    a, b = checked_id(one), checked_id(other)
    if a == b:
        raise UsageError("A contact cannot be told apart from itself.")
    return a, b
