"""How a set goes and comes back: a fact in the stream of each member, and its claims with it."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from aggregates import identifier, lifecycle, ownership
from aggregates.identifier import ClaimPersonal, IdentifierClaimed, IdentifierState
from aggregates.lifecycle import (
    ContactDeleted,
    ContactExpired,
    ContactRestored,
    LifecycleFact,
    Restore,
    Standing,
)
from aggregates.ownership import Release
from aggregates.release import IdentifierReclaimed, IdentifierReleased
from aggregates.values import ContactId, Erased, IdentifierId
from identity_engine.application.command import Command
from projections.base import Recorded
from projections.match_index.rows import ContactRow, IdentifierRow


class HeldElsewhere(Struct, frozen=True):
    """An identifier that a contact did not get back, because others hold it now.

    `type` and `value` are None where they were erased; `holders` names those whom the actor may view.
    """

    identifier_id: IdentifierId
    type: str | None
    value: str | None
    holders: tuple[ContactId, ...]


def standing_of(command: Command, members: Iterable[ContactId]) -> Standing:
    """Return what the rules need to know of a loaded set; all members are gone, or none is."""
    states = {member: command.index.contacts[member].state for member in members}
    gone = [state.gone_since for state in states.values() if state.gone_since is not None]
    return Standing(
        presence=next(iter(states.values())).presence,
        since=min(gone, default=None),
        on_hold=frozenset(member for member, state in states.items() if state.on_hold),
    )


def leave(command: Command, members: Iterable[ContactId], fact: LifecycleFact) -> None:
    """Let a set go: every claim of its members ends, and each member is told."""
    for member in sorted(members):
        for row in command.reader.load_held(member):
            end_claim(command, row, member)
        command.write(member, fact)


def end_claim(command: Command, row: IdentifierRow, holder: ContactId) -> None:
    """End a contact's claim on an identifier, if it has one, now or at once after it began."""
    if row.state is None or not row.state.is_held_by(holder):
        return
    began = max(
        held.valid_from
        for held in row.state.holdings
        if held.contact_id == holder and held.valid_to is None
    )
    moment = max(command.moment, began)
    for fact in ownership.decide(row.state, Release(holder, moment)):
        command.write(row.identifier_id, fact, valid_from=moment)


def restore(command: Command, row: ContactRow, reason: str | None) -> tuple[HeldElsewhere, ...]:
    """Bring the set of a contact back, if it is gone, and return the identifiers that others hold now.

    Raises:
        Refused: `restore_period_over`, `legal_hold` or `erased`.
    """
    members = command.index.members(row.canonical)
    days = command.rules.settings.retention.restore_days
    order = Restore(now=command.now, days=days, reason=reason)
    fact = lifecycle.decide(standing_of(command, members), order)
    return come_back(command, members, fact) if isinstance(fact, ContactRestored) else ()


def come_back(
    command: Command, members: Iterable[ContactId], fact: ContactRestored
) -> tuple[HeldElsewhere, ...]:
    """Bring a set back with the claims that are still free, and return the others."""
    members = sorted(members)
    reader, index = command.reader, command.index
    commands = {member: _commands_that_took(command.stream(member)) for member in members}
    held = {member: reader.load_held(member) for member in members}
    reader.load_nearby((), index.holders())
    numbers = reader.load_all_of(members)
    said = {mention.digest for row in index.interactions(numbers) for mention in row.mentions}
    for member in members:
        command.write(member, fact)
    elsewhere = []
    for member in members:
        for row in held[member]:
            stream = command.stream(row.identifier_id)
            ended = _ended_with(stream, member, commands[member])
            if ended is None or (row.digest not in said and _is_taken_back(stream, member, ended)):
                continue
            taken = _taken_since(command, stream, row, ended, frozenset(members))
            if taken:
                elsewhere.append(
                    held_elsewhere(command, row.identifier_id, _own_value(stream, member), taken)
                )
            else:
                back = IdentifierReclaimed(contact_id=member, ended=ended.header.valid_from)
                command.write(row.identifier_id, back)
    index.evaluate_again(numbers)
    return tuple(elsewhere)


def _commands_that_took(stream: Sequence[Recorded]) -> set[str]:
    """Return the commands by which a contact is gone now: it may have expired and then been deleted."""
    taken: set[str] = set()
    for event in stream:
        match event.fact:
            case ContactExpired() | ContactDeleted():
                taken.add(event.header.command_id)
            case ContactRestored():
                taken.clear()
    return taken


def _ended_with(
    stream: Sequence[Recorded], member: ContactId, commands: set[str]
) -> Recorded | None:
    """Return the event that ended a member's claim when it was gone, None where none did."""
    return next(
        (
            event
            for event in stream
            if isinstance(event.fact, IdentifierReleased)
            and event.fact.contact_id == member
            and event.header.command_id in commands
        ),
        None,
    )


def _is_taken_back(stream: Sequence[Recorded], member: ContactId, ended: Recorded) -> bool:
    """Tell whether what a member's claim rested on was corrected or retracted since the claim ended."""
    return any(
        isinstance(event.fact, IdentifierReleased) and event.fact.contact_id == member
        for event in stream
        if event.version > ended.version
    )


def _taken_since(
    command: Command,
    stream: Sequence[Recorded],
    row: IdentifierRow,
    ended: Recorded,
    members: frozenset[ContactId],
) -> frozenset[ContactId]:
    """Return who came to hold a value since a claim on it ended; nobody where holders may share it."""
    before: IdentifierState | None = None
    for event in stream:
        if event.version <= ended.version:
            before = identifier.evolve(before, event.fact, event.header.valid_from)
    assert before is not None and row.state is not None  # noqa: PT018 - both or neither
    if row.state.shared:
        return frozenset()
    # A claim may have gone along to another contact since: who held it then is not named any more.
    command.load(before.holders)
    canonical = command.index.canonical
    known = {canonical(holder) for holder in before.holders}
    return frozenset(
        holder for holder in row.state.holders - members if canonical(holder) not in known
    )


def held_elsewhere(
    command: Command,
    identifier_id: IdentifierId,
    said: ClaimPersonal | None,
    taken: frozenset[ContactId],
) -> HeldElsewhere:
    """Return what a contact did not get, naming the loaded holders whom the actor may view."""
    holders = sorted({command.index.canonical(holder) for holder in taken})
    return HeldElsewhere(
        identifier_id,
        said.type if said is not None else None,
        said.value if said is not None else None,
        tuple(one for one in holders if command.may_view(one)),
    )


def _own_value(stream: Sequence[Recorded], member: ContactId) -> ClaimPersonal | None:
    claims = [event.fact for event in stream if isinstance(event.fact, IdentifierClaimed)]
    own = [claim.personal for claim in claims if claim.contact_id == member]
    return next((one for one in own if not isinstance(one, Erased)), None)
