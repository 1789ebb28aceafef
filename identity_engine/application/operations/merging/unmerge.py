"""Undo a merge by hand: any merge, in any order, at any time, whole or one member of it."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from aggregates.access import Action
from aggregates.contact import (
    ContactMerged,
    ContactToldApart,
    ContactToldApartLifted,
    ContactUnmerged,
    MergeEdge,
)
from aggregates.errors import AlreadyDone, Refused
from aggregates.identity import Edge
from aggregates.merging import Undoing, undo
from aggregates.values import ContactId, MergeId
from identity_engine.application.acting import Operations
from identity_engine.application.command import Command, Done
from identity_engine.application.explanation.sentences import (
    DEFAULT,
    Language,
    Sentences,
    sentences_in,
)
from identity_engine.application.explanation.telling import tell
from identity_engine.application.ids import checked_id, checked_merge
from identity_engine.application.operations.administration import RESERVED
from identity_engine.application.operations.merging.preview import (
    foreseen,
    refuse_changed,
    token_of,
)
from identity_engine.application.operations.merging.reassigning import Reassignment, is_movable
from identity_engine.application.operations.merging.telling_apart import evaluate_again
from identity_engine.application.operations.reasons import needed, said
from identity_engine.application.permissions import needs
from identity_engine.errors import NotFound, UsageError
from projections.base import Recorded
from projections.identity.query import find_identity, position_of_merge, stream_of_merge
from projections.profile.query import Profile, find_profile
from projections.timeline.query import entries_since

ALL: Literal["all"] = "all"
Moves = Mapping[int | Literal["all"], str]
"""Log position of something that was written meanwhile, or `all` for whatever is not named by itself, ->
the member it belongs to."""

OF_IDENTITY = (ContactUnmerged, ContactToldApart, ContactToldApartLifted)
"""Facts that say who is whom, not what somebody has."""


class Meanwhile(Struct, frozen=True):
    """What a person wrote on the survivor since the merge, not knowing which of the two was meant.

    `position` names it in `move`; `is_movable` tells whether it can be given to another member.
    """

    position: int
    topic: str
    actor: str
    sentence: str
    is_movable: bool


class UnmergePreview(Struct, frozen=True):
    """What an unmerge would leave, exactly.

    `parts` are the contacts that the identity falls into. `told_apart` are the pairs that would be told
    apart. `token` goes with the unmerge, which is then refused if anything changed since.
    """

    merge_id: MergeId
    parts: tuple[Profile, ...]
    told_apart: tuple[tuple[ContactId, ContactId], ...]
    meanwhile: tuple[Meanwhile, ...]
    token: str


class Unmerged(Struct, frozen=True):
    """An unmerge that was made: the ids that stand for its parts, and the pairs told apart."""

    merge_id: MergeId
    parts: tuple[ContactId, ...]
    told_apart: tuple[tuple[ContactId, ContactId], ...]
    done: Done


class _Merge(Struct, frozen=True):
    """A merge in force: its edges, and everything that is one by it and by other merges."""

    merge_id: MergeId
    edges: tuple[Edge, ...]
    others: tuple[Edge, ...]
    members: frozenset[ContactId]
    undoing: Undoing

    @property
    def stream(self) -> ContactId:
        """The contact that survived when the merge was made: its stream holds it."""
        return self.edges[0].stream


class Unmerging(Operations):
    """Takes merges back."""

    @needs(Action.IDENTITY_UNMERGE)
    def preview(
        self,
        merge_id: str,
        *,
        member: str | None = None,
        told_apart: bool = True,
        move: Moves | None = None,
        language: Language = DEFAULT,
    ) -> UnmergePreview:
        """Return what an unmerge would leave; nothing is written.

        Args:
            merge_id, member, told_apart, move: as for `unmerge`.
            language: of the sentences.

        Raises:
            UsageError, NotFound, Denied, AlreadyDone, Refused: as for `unmerge`.
        """
        id_, leaving = checked_merge(merge_id), _optional(member)
        written = self._written_since(id_)
        with self._in_force(id_), self.command(dry_run=True) as command:
            merge = self._merge(command, id_, leaving)
            for one in merge.members:
                command.require(
                    Action.CONTACT_VIEW, command.index.contacts[one].state.division, one
                )
            token = self._token(command, merge, move, told_apart=told_apart)
            self._write(command, merge, None, written, move or {}, told_apart=told_apart)
            parts = _parts(command, merge)
            revisions = [command.index.contacts[part].revision for part in parts]
            pending = command.fact_writer.events
        say = sentences_in(language)
        preferred = self.context.rules.policy.preferred_sources
        with foreseen(self.context, merge.members, pending) as views:
            profiles = [find_profile(views.connection, part, preferred) for part in parts]
        return UnmergePreview(
            id_,
            tuple(
                self.by_now(replace(profile, revision=revision))
                for profile, revision in zip(profiles, revisions, strict=True)
                if profile is not None
            ),
            merge.undoing.apart if told_apart else (),
            tuple(_meanwhile(event, merge.stream, say) for event in written),
            token,
        )

    @needs(Action.IDENTITY_UNMERGE)
    def unmerge(
        self,
        merge_id: str,
        *,
        member: str | None = None,
        reason: str,
        told_apart: bool = True,
        move: Moves | None = None,
        token: str | None = None,
        dry_run: bool = False,
    ) -> Unmerged:
        """Take a merge back: each contact has again what it had, as if the merge had never been.

        Args:
            merge_id: of any merge, by a person or by the rules.
            member: take only this contact out, with whatever other merges joined to it; the rest stays
                one. None takes the whole merge back.
            reason: why, in the person's words.
            told_apart: also record that they are different people, so that nothing joins them again.
            move: log position of something that was written on the survivor meanwhile -> the member
                it belongs to; `all` stands for everything that is not named by itself.
            token: of the preview; the unmerge is refused if anything that it shows changed since, or if
                something else was asked for.
            dry_run: decide, and write nothing.

        Raises:
            UsageError: an id is none, or something cannot be moved.
            NotFound, Denied: as for every command.
            AlreadyDone: nothing of this merge is in force any more.
            Refused: `not_a_member`, `changed` since the preview, or `exclusive_conflict`, a claim
                cannot be moved to a contact that holds another such value.
        """
        why, id_, leaving = needed(reason), checked_merge(merge_id), _optional(member)
        if token is not None:
            self.context.follower.follow()
        written = self._written_since(id_) if move else []
        with self._in_force(id_), self.command(dry_run=dry_run) as command:
            merge = self._merge(command, id_, leaving)
            if token is not None:
                now = self._token(command, merge, move, told_apart=told_apart)
                refuse_changed(token, now)
            self._write(command, merge, why, written, move or {}, told_apart=told_apart)
            parts = _parts(command, merge)
        apart = merge.undoing.apart if told_apart else ()
        return Unmerged(id_, parts, apart, command.done(merge.stream))

    def _merge(self, command: Command, merge_id: MergeId, member: ContactId | None) -> _Merge:
        ends = command.reader.ends_of_merge(merge_id)
        if not ends:
            raise _NotInForce
        command.contacts(ends)
        index = command.index
        members = index.identity(ends[0]).members
        in_force = sorted(index.edges_among(members))
        edges = tuple(edge for edge in in_force if edge.merge_id == merge_id)
        others = tuple(edge for edge in in_force if edge.merge_id != merge_id)
        if member is not None and member not in members:
            raise Refused("not_a_member", "This merge did not join that contact.")
        # The survivor of its day may have left the identity since; its row follows its stream.
        command.reader.load_nearby((), [edges[0].stream])
        return _Merge(merge_id, edges, others, members, undo(edges, others, member))

    @contextmanager
    def _in_force(self, merge_id: MergeId) -> Iterator[None]:
        """Say, where a merge turns out to have nothing in force, whether there ever was one."""
        try:
            yield
        except _NotInForce:
            raise self._nothing_to_undo(merge_id) from None

    def _nothing_to_undo(self, merge_id: MergeId) -> AlreadyDone | NotFound:
        views = self.views
        stream = stream_of_merge(views, merge_id)
        identity = find_identity(views, stream) if stream is not None else None
        if identity is None or not self.context.sees(self.action, identity.division):
            return NotFound("No merge has this id.")
        return AlreadyDone("This merge was undone before; there is nothing to undo.")

    def _write(
        self,
        command: Command,
        merge: _Merge,
        reason: str | None,
        written: Iterable[Recorded],
        move: Moves,
        *,
        told_apart: bool,
    ) -> None:
        undoing = merge.undoing
        command.write(
            merge.stream,
            ContactUnmerged(
                merge_id=merge.merge_id, edges=undoing.taken_back, personal=said(reason)
            ),
        )
        if undoing.joined:
            command.write(merge.stream, _kept_one(merge, undoing.joined))
        if told_apart:
            for one, other in undoing.apart:
                if not _is_apart_for_good(command, one, other):
                    command.write(one, ContactToldApart(other=other, personal=said(reason)))
        _move(command, merge, written, move, reason)
        evaluate_again(command, merge.members)

    def _token(
        self, command: Command, merge: _Merge, move: Moves | None, *, told_apart: bool
    ) -> str:
        ends = sorted(map(_ends, merge.undoing.taken_back))
        moves = sorted((str(place), target) for place, target in (move or {}).items())
        asked = (merge.merge_id, ends, told_apart, moves)
        return token_of(self.context, command, merge.members, *asked)

    def _written_since(self, merge_id: MergeId) -> list[Recorded]:
        """Return what persons wrote on the survivor of a merge since it was made."""
        views = self.views
        stream = stream_of_merge(views, merge_id)
        if stream is None:
            return []
        after = position_of_merge(views, merge_id)
        return [
            event
            for event in self.context.store.read_positions(
                entries_since(views, ContactId(stream), after)
            )
            if not event.header.actor.startswith(RESERVED)
            and not isinstance(event.fact, OF_IDENTITY)
            and not _is_of(merge_id, event)
        ]


class _NotInForce(Exception):  # noqa: N818 - not a fault
    """Ends a command on a merge that has nothing in force."""


def _meanwhile(event: Recorded, survivor: ContactId, say: Sentences) -> Meanwhile:
    return Meanwhile(
        event.position,
        event.fact.TOPIC,
        event.header.actor,
        tell(event, say),
        is_movable(event, survivor),
    )


def _move(
    command: Command,
    merge: _Merge,
    written: Iterable[Recorded],
    move: Moves,
    reason: str | None,
) -> None:
    """Give what was written on the survivor to the members that it belongs to."""
    targets = {place: checked_id(target) for place, target in move.items()}
    if not merge.members.issuperset(targets.values()):
        raise UsageError("It can be moved to a member of the merged contact only.")
    moving = Reassignment(command, merge.stream, reason)
    movable = {one.position: one for one in written if is_movable(one, merge.stream)}
    if unknown := sorted(place for place in targets if place != ALL and place not in movable):
        raise UsageError(
            f"Nothing at position {unknown[0]} can be moved. The preview lists what can."
        )
    for position, event in sorted(movable.items()):
        target = targets.get(position, targets.get(ALL))
        if target is not None and not moving.give(event, target) and position in targets:
            raise UsageError(
                f"What was written at position {position} was changed since, or is there already."
            )


def _is_of(merge_id: MergeId, event: Recorded) -> bool:
    return isinstance(event.fact, ContactMerged) and event.fact.merge_id == merge_id


def _kept_one(merge: _Merge, edges: tuple[MergeEdge, ...]) -> ContactMerged:
    """Return the merge, once more, of the members that stay one although the one between them left."""
    first = merge.edges[0]
    return ContactMerged(
        merge_id=merge.merge_id, edges=edges, survivor=first.survivor, automatic=first.automatic
    )


def _parts(command: Command, merge: _Merge) -> tuple[ContactId, ...]:
    """Return the ids that stand for what the identity has fallen into."""
    return tuple(sorted({command.index.canonical(member) for member in merge.members}))


def _ends(edge: MergeEdge) -> tuple[ContactId, ContactId]:
    return edge.one, edge.other


def _is_apart_for_good(command: Command, one: ContactId, other: ContactId) -> bool:
    apart, pair = command.index.apart, frozenset((one, other))
    return pair in apart and apart[pair] is None


def _optional(member: str | None) -> ContactId | None:
    return checked_id(member) if member is not None else None
