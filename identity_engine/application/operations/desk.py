"""Everything that one actor may do and see at one store."""

from identity_engine.application.office import Office
from identity_engine.application.operations.administration import Administration
from identity_engine.application.operations.arrivals import Arrivals
from identity_engine.application.operations.augmentation import Augmentations
from identity_engine.application.operations.cases import Cases
from identity_engine.application.operations.contacts import Contacts
from identity_engine.application.operations.conversations import Conversations
from identity_engine.application.operations.crm import CustomerRelations
from identity_engine.application.operations.dead_letters import Letters
from identity_engine.application.operations.divisions import Divisions
from identity_engine.application.operations.enriching import Enriching
from identity_engine.application.operations.identifiers import Identifiers
from identity_engine.application.operations.interactions import Interactions
from identity_engine.application.operations.lifecycle import Lifecycle
from identity_engine.application.operations.mails import Mails
from identity_engine.application.operations.merging import Merging
from identity_engine.application.operations.notes import Notes
from identity_engine.application.operations.publishing import Publishing
from identity_engine.application.operations.reading import Reading
from identity_engine.application.operations.reading_cases import ReadingCases
from identity_engine.application.operations.reviewing import Reviewing
from identity_engine.application.operations.telling_apart import TellingApart
from identity_engine.application.operations.unmerging import Unmerging


class Desk:
    """The operations of one actor, by what they are about."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.administration = Administration(office)
        self.divisions = Divisions(office)
        self.dead_letters = Letters(office)
        self.contacts = Contacts(office)
        self.lifecycle = Lifecycle(office)
        self.identifiers = Identifiers(office)
        self.enriching = Enriching(office)
        self.notes = Notes(office)
        self.reading = Reading(office)
        self.crm = CustomerRelations(office)
        self.augmentation = Augmentations(office)
        self.arrivals = Arrivals(office)
        self.interactions = Interactions(office)
        self.reviewing = Reviewing(office)
        self.conversations = Conversations(office)
        self.merging = Merging(office)
        self.telling_apart = TellingApart(office)
        self.unmerging = Unmerging(office)
        self.cases = Cases(office)
        self.mails = Mails(office)
        self.reading_cases = ReadingCases(office)
        self.publishing = Publishing(office)
