"""The CRM: records linked to interactions, new records, what is related, and what was written."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import get_args

from msgspec import Struct

from aggregates.access import Action
from aggregates.crm import RecordPersonal
from aggregates.crm_rules import Approve, AskCreation, LinkRecord, UnlinkRecord
from aggregates.errors import Refused
from aggregates.settings import Crm as CrmSettings
from aggregates.settings import RecordType
from aggregates.values import CreationId, InteractionId, LinkId
from identity_engine.application.acting import Operations
from identity_engine.application.command import Done
from identity_engine.application.crm.dossier import Dossier
from identity_engine.application.crm.worker import Worked, Worker
from identity_engine.application.ids import checked_id, checked_interaction
from identity_engine.application.operations.reasons import if_given
from identity_engine.application.permissions import needs
from identity_engine.bootstrap import connect_crm
from identity_engine.errors import NotFound, UsageError
from identity_engine.ports.crm import RECORD_ID, Crm, CrmRecord, CrmReference
from projections.crm import query
from projections.crm.query import AskedRecord, LedgerEntry, LinkedRecord
from projections.journey.query import division_of

TYPES: tuple[str, ...] = get_args(RecordType)
MAX_FIELDS, MAX_TEXT = 100, 10_000


class CrmStatus(Struct, frozen=True):
    """What stands between us and the CRM; `connected` is its kind, None where none is configured."""

    connected: str | None
    may_create: tuple[str, ...]
    links: list[LinkedRecord]
    creations: list[AskedRecord]


class CustomerRelations(Operations):
    """What people and the worker do with the CRM."""

    @needs(Action.CRM_LINK)
    def link(
        self,
        interaction_id: str,
        record_type: str,
        record_id: str,
        *,
        label: str | None = None,
        address: str | None = None,
        dry_run: bool = False,
    ) -> Done:
        """Link a record of the CRM to an interaction; several may be linked. Nothing is sent at once.

        Args:
            interaction_id: any interaction, also one that is over.
            record_type: contact, account, lead, case or opportunity.
            record_id: the CRM's id.
            label, address: how people know it and where it is opened, if the caller knows.
            dry_run: write nothing.

        Raises:
            Refused: `not_connected`; `retracted`, the publisher took the interaction back.
            AlreadyDone: it is linked already.
        """
        settings = self._settings()
        reference = _reference(record_type, record_id)
        record = RecordPersonal(record_id=reference.id, label=label, address=address)
        with self.command(dry_run=dry_run) as command:
            dossier = Dossier(command, checked_interaction(interaction_id), settings)
            wanted = LinkRecord(
                LinkId(command.new_id()),
                reference.type,
                record,
                afterwards=dossier.conversation.is_complete,
            )
            dossier.carry_out(wanted)
        return command.done(dossier.contact_id)

    @needs(Action.CRM_LINK)
    def unlink(
        self,
        interaction_id: str,
        record_type: str,
        record_id: str,
        *,
        reason: str | None = None,
        dry_run: bool = False,
    ) -> Done:
        """Take a record from an interaction: what is due is not sent, and of what was written a
        correction is proposed.

        Raises:
            Refused: `not_connected`.
            NotYet: it is not linked.
        """
        why, settings = if_given(reason), self._settings()
        reference = _reference(record_type, record_id)
        with self.command(dry_run=dry_run) as command:
            dossier = Dossier(command, checked_interaction(interaction_id), settings)
            wanted = UnlinkRecord(
                reference.type, reference.id, why, at_once=settings.corrections_at_once
            )
            dossier.carry_out(wanted)
        return command.done(dossier.contact_id)

    @needs(Action.CRM_LINK)
    def approve(self, link_id: str, *, dry_run: bool = False) -> Done:
        """Let the correction that is proposed for a link be sent.

        Raises:
            NotFound: there is no such link.
            NotYet: nothing is proposed.
        """
        settings = self._settings()
        interaction_id = self._interaction_of(LinkId(checked_id(link_id)))
        with self.command(dry_run=dry_run) as command:
            dossier = Dossier(command, interaction_id, settings)
            dossier.carry_out(Approve(LinkId(checked_id(link_id))))
        return command.done(dossier.contact_id)

    @needs(Action.CRM_CREATE)
    def create(
        self,
        interaction_id: str,
        record_type: str,
        fields: Mapping[str, str],
        *,
        link: bool = False,
        dry_run: bool = False,
    ) -> AskedRecord:
        """Make a new record in the CRM while handling an interaction.

        A refusal of the CRM is in the answer, and nothing was made then. Where it is not sure what
        became of the call, the record waits: the worker asks again under the same key, so it is made
        once.

        Args:
            interaction_id: the interaction that is handled.
            record_type: one of those that the administrator enabled.
            fields: the form, by the CRM's field names.
            link: link the new record to the interaction.
            dry_run: check all of it, write nothing and ask the CRM nothing; the record waits, then.

        Raises:
            Refused: `not_connected`, `not_enabled` or `not_handled`.
        """
        settings = self._settings()
        if record_type not in settings.may_create:
            raise Refused(
                "not_enabled",
                f"Records of the type {record_type} may not be made from here. An administrator "
                "allows it in the settings (crm.may_create).",
            )
        id_ = checked_interaction(interaction_id)
        wanted = AskCreation(
            CreationId(self.context.world.new_id()), record_type, link, _form(fields)
        )
        with self._connected(settings) as crm:
            with self.command(dry_run=dry_run) as command:
                dossier = Dossier(command, id_, settings)
                if dossier.conversation.is_complete:
                    raise Refused(
                        "not_handled",
                        "This interaction is over; records are made while it is handled.",
                    )
                dossier.carry_out(wanted)
            if dry_run:
                return AskedRecord(wanted.creation_id, id_, record_type, "waiting")
            Worker(self, settings, crm).create(id_, wanted.creation_id)
        asked = {one.creation_id: one for one in self._creations(id_)}
        return asked[wanted.creation_id]

    @needs(Action.CRM_LINK)
    def related(self, interaction_id: str, *, household: bool | None = None) -> list[CrmRecord]:
        """Return the records of an interaction and what is related to them, person-level rows first.

        Asking again is a refresh: records that were made meanwhile are there.

        Args:
            interaction_id: the interaction.
            household: with other people of the same accounts; None as the settings say.

        Raises:
            RemoteError: the CRM failed.
        """
        settings = self._settings()
        id_ = self._seen(interaction_id)
        linked = [(one.record_type, one.record_id) for one in self._links(id_) if one.is_linked]
        made = [(one.record_type, one.record_id) for one in self._creations(id_)]
        known = {CrmReference(type_, id_) for type_, id_ in linked + made if id_ is not None}
        if not known:
            return []
        wanted = settings.household if household is None else household
        with self._connected(settings) as crm:
            start = sorted(known, key=lambda one: (one.type, one.id))
            return crm.related(start, household=wanted)

    @needs(Action.CRM_LINK)
    def expand(self, record_type: str, record_id: str) -> list[CrmRecord]:
        """Return the rows that hang on one record of the CRM.

        Raises:
            RemoteError: the CRM failed.
        """
        settings = self._settings()
        with self._connected(settings) as crm:
            return crm.expand(_reference(record_type, record_id))

    @needs(Action.CRM_LINK)
    def status(self, interaction_id: str | None = None) -> CrmStatus:
        """Return links and new records, of one interaction or of all that the actor may see."""
        id_ = None if interaction_id is None else self._seen(interaction_id)
        settings = self.context.rules.settings.crm
        return CrmStatus(
            settings.kind if settings is not None else None,
            settings.may_create if settings is not None else (),
            self._links(id_),
            self._creations(id_),
        )

    @needs(Action.CRM_LINK)
    def ledger(self, interaction_id: str | None = None, limit: int = 100) -> list[LedgerEntry]:
        """Return what happened between us and the CRM, the newest first."""
        id_ = None if interaction_id is None else self._seen(interaction_id)
        return query.ledger(self.views, id_, self.divisions, limit)

    @needs(Action.OPERATIONS_REDRIVE, everywhere=True)
    def work(self, *, dry_run: bool = False) -> Worked:
        """Note what fell due, and send everything that need not wait. Run it as often as the CRM is to
        be up to date; several at once do no harm.

        In a dry run nothing is noted, and the CRM is asked nothing.

        Raises:
            Refused: `not_connected`.
            Denied: the actor may do this in some divisions only.
        """
        settings = self._settings()
        with self._connected(settings) as crm:
            worker = Worker(self, settings, crm)
            return worker.foresee() if dry_run else worker.run()

    def _settings(self) -> CrmSettings:
        settings = self.context.rules.settings.crm
        if settings is None:
            raise Refused(
                "not_connected",
                "No CRM is connected. An administrator connects one in the settings (crm).",
            )
        return settings

    @contextmanager
    def _connected(self, settings: CrmSettings) -> Iterator[Crm]:
        crm = connect_crm(settings)
        try:
            yield crm
        finally:
            crm.close()

    def _seen(self, interaction_id: str) -> InteractionId:
        """Return an id, if the interaction lies in a division that the call may read.

        Raises:
            NotFound: the actor does not see it.
        """
        id_ = checked_interaction(interaction_id)
        self.refuse_unseen(division_of(self.views, id_), "No interaction has this id.")
        return id_

    def _links(self, interaction_id: InteractionId | None) -> list[LinkedRecord]:
        return query.links_of(self.views, interaction_id, self.divisions)

    def _creations(self, interaction_id: InteractionId | None) -> list[AskedRecord]:
        return query.creations_of(self.views, interaction_id, self.divisions)

    def _interaction_of(self, link_id: LinkId) -> InteractionId:
        found = query.interaction_of(self.views, link_id, self.divisions)
        if found is None:
            raise NotFound("No link to a record of the CRM has this id.")
        return InteractionId(found)


def _reference(record_type: str, record_id: str) -> CrmReference:
    if record_type not in TYPES:
        raise UsageError(f"A record is one of {', '.join(TYPES)}.")
    if not RECORD_ID.fullmatch(record_id):
        raise UsageError("A record's id has letters, digits and . _ : -; copy it from the CRM.")
    return CrmReference(record_type, record_id)


def _form(fields: Mapping[str, str]) -> dict[str, str]:
    if not fields or len(fields) > MAX_FIELDS:
        raise UsageError(f"A new record has between 1 and {MAX_FIELDS} fields.")
    if any(not name or len(name) > 100 or len(text) > MAX_TEXT for name, text in fields.items()):
        raise UsageError(f"A field has a name, and a value of at most {MAX_TEXT} characters.")
    return dict(fields)
