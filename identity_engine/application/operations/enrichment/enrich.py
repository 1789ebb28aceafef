"""Enrich contacts from records of another system: one record, one command (GX-13)."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from msgspec import Struct

from aggregates.access import Action
from aggregates.errors import RuleViolation
from aggregates.values import ContactId, MergeId
from identity_engine.application.acting import Operations
from identity_engine.application.command import Done
from identity_engine.application.operations.contacts.editing import NewIdentifier
from identity_engine.application.operations.enrichment.record import (
    Carrying,
    Enrichment,
    EnrichmentRefused,
    NotClaimed,
)
from identity_engine.application.operations.values.claiming import Value
from identity_engine.application.permissions import needs
from identity_engine.errors import Denied, NotFound, UsageError
from identity_engine.ingestion.faults import Fault, Rejected
from identity_engine.ingestion.files.event_file import open_events
from identity_engine.ingestion.wire.enrichment import WireEnrichment, decode

Outcome = Literal["inserted", "updated", "merged", "unchanged", "refused"]


class Enriched(Struct, frozen=True):
    """What a record did.

    `matched` are the contacts that its identifiers found, `merge_id` undoes the merge it made, and
    `not_claimed` lists the identifiers that stay with another contact.
    """

    outcome: Outcome
    done: Done
    matched: tuple[ContactId, ...] = ()
    merge_id: MergeId | None = None
    not_claimed: tuple[NotClaimed, ...] = ()


class EnrichedLine(Struct, frozen=True):
    """What became of one line of a file: `enriched`, or all `faults` where it was refused."""

    line: int
    enriched: Enriched | None = None
    faults: tuple[Fault, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """In one word."""
        return self.enriched.outcome if self.enriched is not None else "refused"


class Enriching(Operations):
    """Brings in what other systems know about contacts."""

    @needs(Action.CONTACT_EDIT)
    def enrich(self, record: Enrichment, *, dry_run: bool = False) -> Enriched:
        """Find a contact by identifiers that it holds now, and fill it; all or nothing.

        An identifier matches the live contact of the division that holds it, unless it is shared.
        insert is refused if any matches; update takes the first match; upsert updates, else
        inserts; merge makes all matches one, else inserts. What is inserted is curated. Identifiers
        that nobody holds are claimed, unverified unless the record says so; one of another contact
        stays with it.

        Args:
            record: what is known, and what to do with it.
            dry_run: decide, and write nothing.

        Raises:
            EnrichmentRefused: with every fault of the record.
            Denied: it needs contact:edit and identity:claim, to insert contact:add, to merge
                identity:merge, to promote identity:promote.
            UsageError: it would take effect in the future.
        """
        with self.command(dry_run=dry_run, effective_at=record.effective_at) as command:
            carrying = Carrying(command, record)
            contact_id = carrying.run()
        done = command.done(contact_id)
        return Enriched(
            _outcome(carrying, done),
            done,
            carrying.matched,
            carrying.merge_id,
            tuple(carrying.not_claimed),
        )

    @needs(Action.CONTACT_EDIT)
    def enrich_file(
        self,
        path: Path | str,
        told: Callable[[EnrichedLine], None],
        *,
        dry_run: bool = False,
    ) -> None:
        """Carry out a file of records, one JSON object a line, in order; one refused stops none.

        Args:
            path: plain or gzip; "-" is standard input.
            told: takes what became of each line.
            dry_run: decide each record against the store as it is, and write nothing.

        Raises:
            SourceError: the file cannot be read.
            Denied: the actor may not edit contacts anywhere.
        """
        with open_events(path) as file:
            for batch in file:
                for place, line in enumerate(batch.lines):
                    record = batch.unusable.get(place) or decode(line)
                    told(self._carried_out(batch.numbers[place], record, dry_run=dry_run))

    def _carried_out(
        self, number: int, record: WireEnrichment | Rejected, *, dry_run: bool
    ) -> EnrichedLine:
        if isinstance(record, Rejected):
            return EnrichedLine(number, faults=record.faults)
        try:
            return EnrichedLine(number, self.enrich(_read(record), dry_run=dry_run))
        except EnrichmentRefused as refused:
            return EnrichedLine(number, faults=refused.faults)
        except Denied as denied:
            if denied.division is None:  # each further line would say the same
                raise
            return _refused(number, "denied", denied)
        except UsageError as wrong:
            return _refused(number, "invalid_value", wrong)
        except (RuleViolation, NotFound) as refused:
            return _refused(number, getattr(refused, "reason", "not_found"), refused)


def _refused(number: int, code: str, why: Exception) -> EnrichedLine:
    return EnrichedLine(number, faults=(Fault(code, str(why), ""),))


def _outcome(carrying: Carrying, done: Done) -> Outcome:
    if carrying.inserted:
        return "inserted"
    if carrying.merge_id is not None:
        return "merged"
    return "updated" if done.written else "unchanged"


def _read(record: WireEnrichment) -> Enrichment:
    return Enrichment(
        operation=record["operation"],
        identifiers=[
            NewIdentifier(
                Value(one["type"], one["value"], one.get("scope"), one.get("country")),
                bool(one.get("verified")),
            )
            for one in record["identifiers"]
        ],
        fields=record.get("fields", {}),
        rules=record.get("rules", {}),
        division=record.get("division"),
        promote=bool(record.get("promote")),
        reason=record.get("reason"),
        confirmed=bool(record.get("confirmed")),
        effective_at=record.get("effective_at"),
    )
