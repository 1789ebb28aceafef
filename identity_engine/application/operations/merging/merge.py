"""Merge contacts by hand: looked at before, all or nothing, never more than edges."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from aggregates.access import Action
from aggregates.contact import ContactMerged
from aggregates.identity import Edge, Member, canonical_id, edges_of
from aggregates.merging import (
    MergeByHand,
    Objection,
    Party,
    decide_merge_by_hand,
    needs_confirmation,
    objections,
)
from aggregates.values import ContactId, MergeId
from identity_engine.application.acting import Operations
from identity_engine.application.command import Command, Done
from identity_engine.application.ids import checked_id
from identity_engine.application.operations.merging.preview import (
    foreseen,
    refuse_changed,
    token_of,
)
from identity_engine.application.operations.reasons import needed
from identity_engine.application.permissions import needs
from identity_engine.errors import UsageError
from identity_engine.event_store.mapper import Pending
from projections.match_index.rows import ContactRow
from projections.profile.query import Profile, find_profile


class Conflict(Struct, frozen=True):
    """A field of which the contacts say different things.

    `values` holds what each contact shows for it now, by the id that was asked for; `survives` what
    the result shows.
    """

    field: str
    values: dict[ContactId, str]
    survives: str


class MergePreview(Struct, frozen=True):
    """What a merge would make, exactly, and what speaks against it.

    `profile` is the result and `contact_id` stands for it; both are None where the merge is refused.
    `needs_confirmation`: several are curated. `token` goes with the merge, which is then refused if
    anything changed since.
    """

    contacts: tuple[ContactId, ...]
    objections: tuple[Objection, ...]
    needs_confirmation: bool
    contact_id: ContactId | None = None
    profile: Profile | None = None
    conflicts: tuple[Conflict, ...] = ()
    token: str | None = None


class Merged(Struct, frozen=True):
    """A merge that was made: its id, which undoes it, and the members of the result."""

    merge_id: MergeId
    members: tuple[ContactId, ...]
    done: Done


class _Request(Struct, frozen=True):
    """What was asked for, checked."""

    ids: tuple[ContactId, ...]
    survivor: ContactId | None
    choices: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, ids: Sequence[str], survivor: str | None, choices: Mapping[str, str] | None
    ) -> "_Request":
        if len(ids) < 2:
            raise UsageError("A merge needs at least two contacts.")
        named = checked_id(survivor) if survivor is not None else None
        return cls(tuple(map(checked_id, ids)), named, dict(choices or {}))


class Merging(Operations):
    """Joins contacts that are one person."""

    @needs(Action.IDENTITY_MERGE)
    def preview(
        self,
        contact_ids: Sequence[str],
        *,
        survivor: str | None = None,
        choices: Mapping[str, str] | None = None,
    ) -> MergePreview:
        """Return what a merge would make, and what is refused and why; nothing is written.

        Args:
            contact_ids: two or more; an id that was merged earlier is taken too.
            survivor: the contact that is to stand for the result; None for the rule: curated before
                identified before ephemeral, then the earliest.
            choices: profile field -> the value to prefer.

        Raises:
            UsageError: an id is none, or nobody has a chosen value.
            NotFound, Denied: as for every command.
        """
        request = _Request.of(contact_ids, survivor, choices)
        self.context.follower.follow()
        with self.command(dry_run=True) as command:
            parties = self._parties(command, request)
            for one in request.ids:
                command.require(
                    Action.CONTACT_VIEW, command.index.contacts[one].state.division, one
                )
            merge = self._merge_of(command, request, confirmed=True)
            limits = command.rules.settings.merging
            against = objections(parties, command.index.apart_at(command.now), merge, limits)
            confirmation = needs_confirmation(parties)
            if against:
                return MergePreview(request.ids, tuple(against), confirmation)
            token = self._token(command, parties, request)
            stream = join(command, parties, merge)
            pending = command.fact_writer.events
            revision = command.index.contacts[stream].revision
        members = [member for party in parties for member in party.identity.members]
        preview = self._foresee(request, stream, members, pending, confirmation, token)
        assert preview.profile is not None
        return replace(preview, profile=replace(preview.profile, revision=revision))

    @needs(Action.IDENTITY_MERGE)
    def merge(
        self,
        contact_ids: Sequence[str],
        *,
        survivor: str | None = None,
        choices: Mapping[str, str] | None = None,
        reason: str,
        confirmed: bool = False,
        token: str | None = None,
        dry_run: bool = False,
    ) -> Merged:
        """Let contacts be one person. Nothing moves; `unmerge` takes it back at any time.

        Args:
            contact_ids, survivor, choices: as for `preview`.
            reason: why, in the person's words.
            confirmed: also where several of them are curated.
            token: of the preview; the merge is refused if anything that it shows changed since.
            dry_run: decide, and write nothing.

        Raises:
            Refused: `self_merge`, `already_one`, `told_apart`, `other_division`, `both_curated`,
                `too_many`, `too_large`, `unknown_survivor`, `expired`, `deleted`, `erased`, or
                `changed` since the preview.
            UsageError, NotFound, Denied: as for `preview`.
        """
        why, request = needed(reason), _Request.of(contact_ids, survivor, choices)
        if request.choices or token is not None:
            self.context.follower.follow()
        with self.command(dry_run=dry_run) as command:
            parties = self._parties(command, request)
            if token is not None:
                refuse_changed(token, self._token(command, parties, request))
            merge = self._merge_of(command, request, reason=why, confirmed=confirmed)
            stream = join(command, parties, merge)
        members = command.index.identity(stream).members
        return Merged(merge.merge_id, tuple(sorted(members)), command.done(stream))

    def _token(self, command: Command, parties: Sequence[Party], request: _Request) -> str:
        members = (member for one in parties for member in one.identity.members)
        choices = sorted(request.choices.items())
        asked = (sorted(request.ids), request.survivor, choices)
        return token_of(self.context, command, members, *asked)

    def _parties(self, command: Command, request: _Request) -> list[Party]:
        rows = command.contacts(request.ids)
        self._check_choices(request)
        return [party(command, row) for row in rows]

    def _check_choices(self, request: _Request) -> None:
        """Refuse a value that none of the contacts has, so that a slip of the pen makes no data."""
        if not request.choices:
            return
        profiles = [*self._profiles(request.ids).values()]
        for name, value in request.choices.items():
            known = (one.value for profile in profiles for one in profile.fields.get(name, ()))
            if value not in known:
                raise UsageError(
                    f"None of these contacts has that value for {name}. Choose one of those that "
                    "the preview shows."
                )

    def _profiles(self, ids: Sequence[ContactId]) -> dict[ContactId, Profile]:
        views = self.context.follower.views.connection
        preferred = self.context.rules.policy.preferred_sources
        found = {id_: find_profile(views, id_, preferred) for id_ in ids}
        return {id_: profile for id_, profile in found.items() if profile is not None}

    def _merge_of(
        self, command: Command, request: _Request, *, reason: str | None = None, confirmed: bool
    ) -> MergeByHand:
        return MergeByHand(
            MergeId(command.new_id()), request.survivor, request.choices, reason, confirmed
        )

    def _foresee(
        self,
        request: _Request,
        stream: ContactId,
        members: Sequence[ContactId],
        pending: Sequence[Pending],
        confirmation: bool,
        token: str,
    ) -> MergePreview:
        preferred = self.context.rules.policy.preferred_sources
        with foreseen(self.context, members, pending) as views:
            profile = find_profile(views.connection, stream, preferred)
        assert profile is not None
        before = self._profiles(request.ids)
        conflicts = tuple(_conflicts(before, profile))
        return MergePreview(
            request.ids, (), confirmation, profile.contact_id, profile, conflicts, token
        )


def party(command: Command, row: ContactRow) -> Party:
    """Return a loaded contact as one that is to be merged."""
    return Party(row.contact_id, command.index.identity(row.contact_id), row.state.presence)


def join(command: Command, parties: Sequence[Party], merge: MergeByHand) -> ContactId:
    """Write the merge into the stream of the contact that now stands for all, and return it.

    Raises:
        Refused: as for `Merging.merge`.
    """
    index = command.index
    limits = command.rules.settings.merging
    fact = decide_merge_by_hand(parties, index.apart_at(command.now), merge, limits)
    stream = _survivor(command, parties, fact)
    command.write(stream, fact)
    return stream


def _survivor(command: Command, parties: Sequence[Party], fact: ContactMerged) -> ContactId:
    """Return the contact that will stand for the result."""
    index = command.index
    members = [member for party in parties for member in party.identity.members]
    states = {member: index.contacts[member].state for member in members}
    edges: set[Edge] = index.edges_among(members)
    edges.update(edges_of(fact, members[0]))
    return canonical_id(
        (Member(id_, state.stage, state.born) for id_, state in states.items()), edges
    )


def _conflicts(before: Mapping[ContactId, Profile], after: Profile) -> Iterator[Conflict]:
    for name, values in after.fields.items():
        shown = {
            id_: profile.fields[name][0].value
            for id_, profile in before.items()
            if name in profile.fields
        }
        if len(set(shown.values())) > 1:
            yield Conflict(name, shown, values[0].value)
