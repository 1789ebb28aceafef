"""Everything that one actor may do and see at one store."""

from identity_engine.application.operations.administration import Administration
from identity_engine.application.operations.conversations import Conversations
from identity_engine.application.operations.identifiers import Identifiers
from identity_engine.application.operations.interactions import Interactions
from identity_engine.application.operations.office import Office
from identity_engine.application.operations.reading import Reading
from identity_engine.application.operations.reviewing import Reviewing


class Desk:
    """The operations of one actor, by what they are about."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.administration = Administration(office)
        self.identifiers = Identifiers(office)
        self.reading = Reading(office)
        self.interactions = Interactions(office)
        self.reviewing = Reviewing(office)
        self.conversations = Conversations(office)
