"""Answers about contacts and interactions, now or as of any moment, from views and the log."""

import csv
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from aggregates.contact import ContactCreated, ContactMerged, ContactUnmerged
from aggregates.interaction import (
    InteractionHeldForReview,
    InteractionLinked,
    InteractionReceived,
    InteractionUnlinked,
)
from aggregates.values import ContactId, instant_text
from identity_engine.application.as_of import position_as_of
from identity_engine.application.explanation.explain import (
    Explanation,
    explain_across,
    explain_entered,
    explain_link,
    explain_merge,
    link_of,
)
from identity_engine.application.explanation.how import Step, steps_of
from identity_engine.application.explanation.sentences import (
    DEFAULT,
    Language,
    Sentences,
    sentences_in,
)
from identity_engine.application.explanation.telling import tell
from identity_engine.application.explanation.why_not import WhyNot, why_not
from identity_engine.application.known import events_of, told_of, with_values
from identity_engine.application.policies import Policies
from identity_engine.application.revisions import revisions
from identity_engine.application.shown import Shows, as_told, everything
from identity_engine.application.views.follower import Follower, Progress
from identity_engine.errors import NotFound
from identity_engine.event_store.sqlite_files import create_private
from identity_engine.event_store.store import EventStore
from matchers.scoring import in_bits
from projections.base import Recorded
from projections.history import HistoryEntry
from projections.identity.query import across_edges, find_identity, merges_in_force
from projections.notes.query import ContactNote, notes_of
from projections.profile.query import Profile, find_profile, links, lying_elsewhere
from projections.runner import Views

DECIDING = (InteractionLinked, InteractionHeldForReview, InteractionUnlinked)
FIRST_LINK = 2
"""Version of the link that follows the receipt of an interaction."""
LINK_COLUMNS = ("source", "interaction_id", "contact_id", "stage", "decision", "weight")


class Queries:
    """Reads; nothing here writes an event."""

    def __init__(self, store: EventStore, follower: Follower, policies: Policies) -> None:
        self._store = store
        self._follower = follower
        self._policies = policies

    def profile(
        self, contact_id: ContactId, as_of: str | None = None, shows: Shows = everything
    ) -> Profile:
        """Return the single view of a contact; of the past, what `shows` lets through.

        Raises:
            NotFound: there is, or was then, no such contact.
        """
        preferred = self._policies.rules.policy.preferred_sources
        with self._views_of(contact_id, as_of, shows) as views:
            profile = find_profile(views.connection, contact_id, preferred)
        if profile is None:
            raise NotFound(self._no_contact(contact_id, as_of))
        return profile

    def history(
        self,
        contact_id: ContactId,
        as_of: str | None = None,
        language: Language = DEFAULT,
        shows: Shows = everything,
    ) -> list[HistoryEntry]:
        """Return every event of a contact, of its identifiers and interactions, in log order, of those
        that `shows` lets through.

        Raises:
            NotFound: there is, or was then, no such contact.
        """
        say = sentences_in(language)
        events = filter(shows, self._told_of(contact_id, as_of))
        entries = [_entry(event, say) for event in events]
        if not entries:
            raise NotFound(self._no_contact(contact_id, as_of))
        return entries

    def notes(
        self,
        contact_id: ContactId,
        as_of: str | None = None,
        *,
        removed: bool = False,
        shows: Shows = everything,
    ) -> tuple[ContactNote, ...]:
        """Return the notes of a contact, now or as of a time or `pos:N`; of the past, what `shows` lets
        through.

        Raises:
            NotFound: there is, or was then, no such contact.
        """
        with self._views_of(contact_id, as_of, shows, with_others=True) as views:
            identity = find_identity(views.connection, contact_id)
            if identity is None:
                raise NotFound(_no_contact(as_of))
            return notes_of(views.connection, identity.members, removed=removed)

    def changes_since(
        self, contact_id: ContactId, revision: int, language: Language = DEFAULT
    ) -> list[HistoryEntry]:
        """Return the events that raised the revision of a contact above the one given."""
        say = sentences_in(language)
        history = revisions(contact_id, self._events_of(contact_id, None))
        return [_entry(event, say) for event, after in history if after > revision]

    def before(self, contact_id: ContactId, changes: Sequence[HistoryEntry]) -> Profile | None:
        """Return the single view of a contact before the first of these events, None where it was not
        there yet."""
        first = min(one.position for one in changes)
        try:
            return self.profile(contact_id, f"pos:{first - 1}")
        except NotFound:
            return None

    def revision_as_of(self, contact_id: ContactId, as_of: str) -> int:
        """Return the revision that a contact had as of a time or `pos:N`, 0 where it was not there."""
        history = revisions(contact_id, self._events_of(contact_id, as_of))
        return max((after for _, after in history), default=0)

    def how(
        self,
        contact_id: ContactId,
        as_of: str | None = None,
        language: Language = DEFAULT,
        shows: Shows = everything,
    ) -> list[Step]:
        """Return the steps in which an identity came to be what it is, or was then, in log order.

        Raises:
            NotFound: there is, or was then, no such contact.
        """
        events = self._with_moves(list(filter(shows, self._told_of(contact_id, as_of))))
        known = with_values(self._store, events, position_as_of(self._store, as_of))
        steps = steps_of(contact_id, events, known, sentences_in(language))
        if not steps:
            raise NotFound(_no_contact(as_of))
        return steps

    def why(
        self, id_: str, language: Language = DEFAULT, divisions: Collection[str] | None = None
    ) -> list[Explanation]:
        """Explain why an interaction belongs to its contact; of a contact, who entered it by hand, why
        each of its interactions belongs to it, why its members are one, and what the rules found alike
        in other divisions, of these if given.

        Raises:
            NotFound: no contact and no interaction has this id, or the interaction has no contact.
        """
        say, stream = sentences_in(language), self._store.read_stream(id_)
        if link_of(stream) is not None:
            return [self._explained(stream, say)]
        if any(isinstance(event.fact, InteractionReceived) for event in stream):
            raise NotFound("This interaction belongs to no contact.")
        return self._why_contact(ContactId(id_), say, divisions)

    def _why_contact(
        self, contact_id: ContactId, say: Sentences, divisions: Collection[str] | None
    ) -> list[Explanation]:
        self._follower.follow()
        views = self._follower.views.connection
        profile = find_profile(views, contact_id)
        if profile is None:
            raise NotFound("No contact and no interaction has this id.")
        events = self._with_moves(self._events_of(contact_id, None))
        found = {one.position for one in across_edges(views, contact_id, divisions)}
        return [
            *_why_entered(events, profile, say),
            *(self._explained(one, say) for one in _links_of(events, profile)),
            *self._why_merged(events, profile, say),
            *(explain_across(one, self._policies, say) for one in events if one.position in found),
        ]

    def _why_merged(
        self, events: Sequence[Recorded], profile: Profile, say: Sentences
    ) -> list[Explanation]:
        in_force = merges_in_force(self._follower.views.connection, profile.members)
        return [
            _with_by_hand(explain_merge(event, edge, self._policies, say), profile)
            for event in events
            if isinstance(event.fact, ContactMerged)
            for edge in event.fact.edges
            if (event.fact.merge_id, edge.one, edge.other) in in_force
        ]

    def why_not(self, one: str, other: str, language: Language = DEFAULT) -> WhyNot:
        """Say why two contacts, or two interactions, are not one, under the rules in force.

        Raises:
            NotFound: no contact and no linked interaction has one of the ids.
        """
        return why_not(self._store, self._policies, (one, other), sentences_in(language))

    def export_links(
        self,
        out: Path,
        as_of: str | None = None,
        progress: Progress | None = None,
        divisions: Collection[str] | None = None,
    ) -> int:
        """Write every link, of what lies in these divisions by now if given, as CSV and return how many
        there are.

        Weights are in bits.
        """
        position = position_as_of(self._store, as_of)
        scope, elsewhere = divisions, set[str]()
        if position is not None and divisions is not None:
            # Where they lie now decides what may be seen, not where they lay then.
            self._follower.follow()
            elsewhere = lying_elsewhere(self._follower.views.connection, divisions)
            scope = None
        create_private(out)
        with out.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(LINK_COLUMNS)
            count = 0
            with self._whole_views(position, progress) as views:
                for interaction_id, row in links(views.connection, scope):
                    source, id_, contact_id, stage, decision, weight = row
                    if interaction_id in elsewhere or contact_id in elsewhere:
                        continue
                    bits = f"{in_bits(weight or 0):.3f}"
                    writer.writerow((source, id_, contact_id, stage, decision, bits))
                    count += 1
        return count

    def _no_contact(self, id_: str, as_of: str | None) -> str:
        stream = self._store.read_stream(id_)
        if stream and isinstance(stream[0].fact, InteractionReceived):
            return f"This is an interaction, no contact. See: interaction show {id_}"
        return _no_contact(as_of)

    def _explained(self, stream: Sequence[Recorded], say: Sentences) -> Explanation:
        return explain_link(stream, self._policies, say)

    def _events_of(self, contact_id: ContactId, as_of: str | None) -> list[Recorded]:
        self._follower.follow()
        until = position_as_of(self._store, as_of)
        return events_of(self._store, self._follower.views.connection, [contact_id], until)

    def _told_of(self, contact_id: ContactId, as_of: str | None) -> list[Recorded]:
        """Return the events that are, or were then, in the history of a contact: what its members have,
        and what those who were parted from it had when they were.

        Which of the older ones are in it today may follow from what was joined or moved later.
        """
        events = self._events_of(contact_id, as_of)
        if as_of is None and not any(isinstance(one.fact, ContactUnmerged) for one in events):
            return events
        return told_of(contact_id, events, self._follower)

    def _with_others(
        self, contact_id: ContactId, events: Sequence[Recorded], as_of: str
    ) -> list[Recorded]:
        """Add the events of all to whom the interactions of a contact ever belonged: what was noted of
        an interaction stands with whom it was then, and goes where the interaction goes."""
        ids = {event.stream_id for event in events if isinstance(event.fact, InteractionLinked)}
        with self._store.reading() as cursor:
            streams = self._store.read_streams(sorted(ids), cursor=cursor)
        whose = {one.fact.contact_id for one in streams if isinstance(one.fact, InteractionLinked)}
        until = position_as_of(self._store, as_of)
        views = self._follower.views.connection
        return events_of(self._store, views, {contact_id, *whose}, until)

    def _with_moves(self, events: list[Recorded]) -> list[Recorded]:
        """Add the events that took interactions from contacts which these events do not touch."""
        known = {(event.stream_id, event.version) for event in events}
        moved = [
            event
            for event in events
            if isinstance(event.fact, InteractionLinked)
            and event.version > FIRST_LINK
            and (event.stream_id, event.version - 1) not in known
        ]
        taken = [
            before
            for event in moved
            for before in self._store.read_stream(event.stream_id)
            if before.version == event.version - 1
        ]
        return sorted([*events, *taken], key=lambda event: event.position)

    @contextmanager
    def _views_of(
        self, contact_id: ContactId, as_of: str | None, shows: Shows, *, with_others: bool = False
    ) -> Iterator[Views]:
        """Open the live views, or the views of this contact's own events up to then, or of those with
        the events of all others to whom its interactions ever belonged."""
        if as_of is None:
            self._follower.follow()
            yield self._follower.views
        else:
            events = self._events_of(contact_id, as_of)
            if with_others:
                events = self._with_others(contact_id, events, as_of)
            events = list(filter(shows, events))
            until = position_as_of(self._store, as_of)
            with self._follower.replayed(with_values(self._store, events, until)) as views:
                yield views

    @contextmanager
    def _whole_views(self, position: int | None, progress: Progress | None) -> Iterator[Views]:
        if position is None:
            self._follower.follow(progress)
            yield self._follower.views
        else:
            with self._follower.as_of(position, progress) as views:
                yield views


def _why_entered(events: Sequence[Recorded], profile: Profile, say: Sentences) -> list[Explanation]:
    return [
        explain_entered(event, say)
        for event in events
        if isinstance(event.fact, ContactCreated) and event.fact.interaction_id is None
        if event.stream_id in profile.members
    ]


def _links_of(events: Sequence[Recorded], profile: Profile) -> Iterable[list[Recorded]]:
    """Return for each interaction of a contact what decided where it belongs."""
    belonging = {one.interaction_id for one in profile.interactions}
    streams: dict[str, list[Recorded]] = {}
    for event in events:
        if event.stream_id in belonging and isinstance(event.fact, DECIDING):
            streams.setdefault(event.stream_id, []).append(event)
    return streams.values()


def _with_by_hand(merge: Explanation, profile: Profile) -> Explanation:
    """Say which of the two that were compared is what people say of a member."""
    compared = (merge.interaction_id, merge.against)
    by_hand = tuple(one for one in compared if one is not None and one in profile.members)
    return replace(merge, by_hand=by_hand)


def _entry(event: Recorded, say: Sentences) -> HistoryEntry:
    return HistoryEntry(
        position=event.position,
        recorded_at=instant_text(event.recorded_at),
        valid_from=instant_text(event.header.valid_from),
        topic=event.fact.TOPIC,
        stream_id=event.stream_id,
        version=event.version,
        actor=event.header.actor,
        command_id=event.header.command_id,
        event_id=event.header.event_id,
        causation_id=event.header.causation_id,
        summary=tell(event, say),
        personal=as_told(event.fact.about_a_person()),
    )


def _no_contact(as_of: str | None) -> str:
    return "No contact has this id." if as_of is None else "No contact had this id at that moment."
