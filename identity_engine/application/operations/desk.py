"""Everything that one actor may do and see at one store."""

from identity_engine.application.actor_context import ActorContext
from identity_engine.application.operations.administration import Administration
from identity_engine.application.operations.augmentation.applying import Augmentations
from identity_engine.application.operations.augmentation.arrivals import Arrivals
from identity_engine.application.operations.cases.mails import Mails
from identity_engine.application.operations.cases.reading import ReadingCases
from identity_engine.application.operations.cases.working import Cases
from identity_engine.application.operations.contacts.editing import Contacts
from identity_engine.application.operations.contacts.identifiers import Identifiers
from identity_engine.application.operations.contacts.lifecycle import Lifecycle
from identity_engine.application.operations.contacts.notes import Notes
from identity_engine.application.operations.crm import CustomerRelations
from identity_engine.application.operations.dead_letters import DeadLetterOperations
from identity_engine.application.operations.divisions import Divisions
from identity_engine.application.operations.enrichment.enrich import Enriching
from identity_engine.application.operations.interactions.assigning import Interactions
from identity_engine.application.operations.interactions.conversations import Conversations
from identity_engine.application.operations.interactions.reviewing import Reviewing
from identity_engine.application.operations.merging.merge import Merging
from identity_engine.application.operations.merging.telling_apart import TellingApart
from identity_engine.application.operations.merging.unmerge import Unmerging
from identity_engine.application.operations.publishing import Publishing
from identity_engine.application.operations.reading import Reading


class Desk:
    """The operations of one actor, by what they are about."""

    def __init__(self, context: ActorContext) -> None:
        self.context = context
        self.administration = Administration(context)
        self.divisions = Divisions(context)
        self.dead_letters = DeadLetterOperations(context)
        self.contacts = Contacts(context)
        self.lifecycle = Lifecycle(context)
        self.identifiers = Identifiers(context)
        self.enriching = Enriching(context)
        self.notes = Notes(context)
        self.reading = Reading(context)
        self.crm = CustomerRelations(context)
        self.augmentation = Augmentations(context)
        self.arrivals = Arrivals(context)
        self.interactions = Interactions(context)
        self.reviewing = Reviewing(context)
        self.conversations = Conversations(context)
        self.merging = Merging(context)
        self.telling_apart = TellingApart(context)
        self.unmerging = Unmerging(context)
        self.cases = Cases(context)
        self.mails = Mails(context)
        self.reading_cases = ReadingCases(context)
        self.publishing = Publishing(context)
