"""What one actor sees: another division's contact is absent, never named."""

from collections.abc import Collection
from pathlib import Path
from typing import get_args

from msgspec import Struct
from msgspec.structs import replace

from aggregates.access import Action
from aggregates.lifecycle import Presence
from aggregates.values import ContactId, Stage
from identity_engine.application.acting import Operations
from identity_engine.application.explanation.duplicates import Duplicate, duplicates_of
from identity_engine.application.explanation.explain import Explanation
from identity_engine.application.explanation.how import Step
from identity_engine.application.explanation.sentences import DEFAULT, Language
from identity_engine.application.explanation.why_not import WhyNot
from identity_engine.application.ids import checked_id
from identity_engine.application.input_text import checked_words
from identity_engine.application.permissions import needs
from identity_engine.application.shown import Shows, shows_in, where_it_lies
from identity_engine.application.views.follower import Progress
from identity_engine.errors import NotFound, UsageError
from matchers.normalise import FAMILY_OF_TYPE
from projections.history import HistoryEntry
from projections.identity.query import (
    Across,
    LineageEdge,
    SharedValue,
    across_edges,
    find_identity,
    identities_by_stage,
    lineage_of,
    shared_values,
)
from projections.profile.query import Profile, contacts_linked_by
from projections.review.projection import (
    RefusedMerge,
    ReviewItem,
    count_open,
    open_items,
    refused_merges,
)
from projections.search.query import CASE, NOTE, SearchHit, is_field, search_contacts
from projections.sql import Connection


class Lineage(Struct, frozen=True):
    """What became of an id: the id that stands for it now, its members, and every merge it took part in.

    An id once issued resolves for ever.
    """

    asked: ContactId
    contact_id: ContactId
    members: tuple[ContactId, ...]
    merges: tuple[LineageEdge, ...]


ABSENT = "No contact has this id."
LIVE_STAGES = ("ephemeral", "identified", "curated")
LIVE = ("live",)


class Reading(Operations):
    """Questions; nothing here writes an event."""

    @needs(Action.CONTACT_VIEW)
    def profile(self, contact_id: str, as_of: str | None = None) -> Profile:
        """Return the single view of a contact, now or as of a time or `pos:N`."""
        id_ = ContactId(self._seen(contact_id))
        # Read before the view follows: a save with an older revision is refused, one with a newer
        # revision than what was shown would not be.
        revision = (
            self._revision(id_)
            if as_of is None
            else self.context.queries.revision_as_of(id_, as_of)
        )
        profile = replace(
            self.context.queries.profile(id_, as_of, self._shows()), revision=revision
        )
        return profile if as_of is not None else self.by_now(profile)

    @needs(Action.CONTACT_VIEW)
    def history(
        self, contact_id: str, as_of: str | None = None, language: Language = DEFAULT
    ) -> list[HistoryEntry]:
        """Return every event of a contact in log order, now or as of a time or `pos:N`."""
        seen = ContactId(self._seen(contact_id))
        return self.context.queries.history(seen, as_of, language, self._shows())

    @needs(Action.CONTACT_VIEW)
    def why(self, id_: str, language: Language = DEFAULT) -> list[Explanation]:
        """Explain the link of an interaction, or the links and merges of a contact."""
        return self.context.queries.why(self._seen(id_), language, self.divisions)

    @needs(Action.CONTACT_VIEW)
    def why_not(self, one: str, other: str, language: Language = DEFAULT) -> WhyNot:
        """Say why two contacts, or two interactions, are not one, and what would tip it."""
        return self.context.queries.why_not(self._seen(one), self._seen(other), language)

    @needs(Action.CONTACT_VIEW)
    def how(
        self, contact_id: str, as_of: str | None = None, language: Language = DEFAULT
    ) -> list[Step]:
        """Return the steps in which a contact came to be what it is, now or as of a time or `pos:N`."""
        seen = ContactId(self._seen(contact_id))
        return self.context.queries.how(seen, as_of, language, self._shows())

    @needs(Action.CONTACT_VIEW)
    def across(self, contact_id: str) -> list[Across]:
        """Return what a contact is like in other divisions, of those that the actor may view."""
        seen = self._seen(contact_id)
        return across_edges(self.views, seen, self.divisions)

    @needs(Action.CONTACT_VIEW)
    def duplicates(self, contact_id: str, limit: int = 10) -> list[Duplicate]:
        """Return who may be the same person as a contact, the most likely first, with the evidence.

        Raises:
            UsageError, NotFound: as for `profile`.
        """
        asked = self._seen(contact_id)
        return duplicates_of(self.context.store, self.context.policies, asked, limit)

    @needs(Action.CONTACT_VIEW)
    def lineage(self, contact_id: str) -> Lineage:
        """Return every id that this contact was ever merged with: when, by whom, and undone when.

        Raises:
            UsageError, NotFound: as for `profile`.
        """
        asked = self._seen(contact_id)
        views = self.views
        identity = find_identity(views, asked)
        if identity is None:
            raise NotFound(ABSENT)
        return Lineage(
            ContactId(asked),
            identity.canonical_id,
            identity.members,
            tuple(lineage_of(views, asked)),
        )

    @needs(Action.CONTACT_VIEW)
    def search(
        self,
        text: str,
        *,
        field: str | None = None,
        stages: Collection[str] = LIVE_STAGES,
        presences: Collection[str] = LIVE,
        limit: int = 20,
    ) -> list[SearchHit]:
        """Return contacts in which every word of `text` occurs; expired or deleted ones if asked for.

        Raises:
            UsageError: there is no such stage or presence; or no such field, and no such type of
                identifier.
        """
        checked_words(stages, Stage, "stage")
        checked_words(presences, get_args(Presence), "presence")
        views = self.views
        if field is not None:
            self._check_field(views, field)
        return search_contacts(
            views,
            text,
            field=field,
            stages=stages,
            presences=presences,
            divisions=self.divisions,
            limit=limit,
        )

    @needs(Action.REVIEW_DECIDE)
    def review(self, limit: int = 50) -> list[ReviewItem]:
        """Return what waits for a person, interactions and merges, the most likely pairs first."""
        views = self.views
        return list(open_items(views, limit, divisions=self.divisions))

    @needs(Action.REVIEW_DECIDE)
    def refused_merges(self, limit: int = 50) -> list[RefusedMerge]:
        """Return the merges that a guard refuses, the strongest first."""
        views = self.views
        return list(refused_merges(views, limit, self.divisions))

    @needs(Action.REVIEW_DECIDE)
    def shared_values(self, limit: int = 100) -> list[SharedValue]:
        """Return values that are marked shared, of divisions that the actor sees, with the merges whose
        evidence named them."""
        return shared_values(self.views, limit, self.divisions)

    @needs(Action.CONTACT_VIEW)
    def counts(self) -> dict[str, int]:
        """Return the number of contacts by stage and of open review items (`in review`)."""
        views = self.views
        scope = self.divisions
        return {**identities_by_stage(views, scope), "in review": count_open(views, scope)}

    @needs(Action.CONTACT_VIEW)
    def contacts_linked_by(self, rule: str, limit: int = 20) -> list[str]:
        """Return contacts that have an interaction linked by a rule, the ones with most first."""
        views = self.views
        return contacts_linked_by(views, rule, limit, self.divisions)

    @needs(Action.CONTACT_EXPORT)
    def export_links(
        self, out: Path, as_of: str | None = None, progress: Progress | None = None
    ) -> int:
        """Write every link as CSV and return how many there are."""
        return self.context.queries.export_links(out, as_of, progress, self.divisions)

    def _check_field(self, views: Connection, field: str) -> None:
        rules = self.context.rules
        types = {type_ for rule in rules.policy.classes.values() for type_ in rule.types}
        known = {NOTE, CASE, *rules.settings.contact_fields, *types, *FAMILY_OF_TYPE}
        if field not in known and not is_field(views, field):
            raise UsageError(
                f"There is no field {field}. Choose one of {', '.join(sorted(known))}."
            )

    def _revision(self, contact_id: ContactId) -> int | None:
        with self.context.store.reading() as cursor:
            reader = self.context.store.index.begin(cursor)
            reader.load_nearby((), [contact_id])
        row = reader.index.contacts.get(contact_id)
        return row.revision if row is not None else None

    def _seen(self, id_: str) -> str:
        """Return an id, if what it names lies in a division that the call may read.

        Raises:
            UsageError: it is no id.
            NotFound: the actor does not see it.
        """
        id_ = checked_id(id_)
        if self.divisions is not None:
            self.refuse_unseen(where_it_lies(self.context.follower, id_), ABSENT)
        return id_

    def _shows(self) -> Shows:
        """Return what tells whether an event lies where the call may read."""
        return shows_in(self.context.follower, self.divisions)
