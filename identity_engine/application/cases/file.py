"""One case in the hands of a command: every decision is written, and the next one sees it."""

from datetime import datetime

from aggregates import case
from aggregates.case import CaseCommand, CaseState
from aggregates.case_facts import CaseOpened, CasePersonal, Place
from aggregates.values import CaseId, ContactId, Fact, InteractionId
from identity_engine.application.command import Command
from identity_engine.event_store.match_index.case_tables import next_number
from projections.match_index.cases import CaseRow

MOST_SUBJECT = 500  # characters


class CaseFile:
    """A case: its facts so far, and the state that they make.

    Args:
        command: under way; it has loaded the case, unless it is yet to be opened.
        case_id: the case.
        moment: when what is done becomes true; None for the command's own moment.
    """

    def __init__(self, command: Command, case_id: CaseId, moment: datetime | None = None) -> None:
        self.case_id = case_id
        self._command = command
        self._moment = moment
        self._state: CaseState | None = None
        self.facts: list[Fact] = []
        for event in command.stream(case_id):
            self.facts.append(event.fact)
            self._state = case.evolve(self._state, event.fact, event.header.valid_from)

    @property
    def state(self) -> CaseState:
        """The present state."""
        assert self._state is not None, "a case is opened first"
        return self._state

    @property
    def row(self) -> CaseRow:
        """What the index knows of the case."""
        row = self._command.index.cases.get(self.case_id)
        assert row is not None, "a case is opened or loaded first"
        return row

    def do(self, wanted: CaseCommand) -> None:
        """Decide a command and write its facts.

        Raises:
            RuleViolation: the rules refuse it.
        """
        for fact in case.decide(self._state, wanted):
            self._write(fact)

    def _write(self, fact: Fact) -> None:
        moment = self._moment or self._command.moment
        self._command.write(self.case_id, fact, about=self.case_id, valid_from=moment)
        self.facts.append(fact)
        self._state = case.evolve(self._state, fact, moment)


def open_case(
    command: Command,
    place: Place,
    division: str,
    *,
    subject: str | None = None,
    interaction_id: InteractionId | None = None,
    contact_id: ContactId | None = None,
    follow_up_of: CaseRow | None = None,
    from_case: CaseRow | None = None,
    moment: datetime | None = None,
) -> CaseFile:
    """Open a case under the next number.

    A follow-up, and a case opened from another, is the matter of whoever the other case belongs to.
    """
    file = CaseFile(command, CaseId(command.new_id()), moment)
    before = follow_up_of or from_case
    if before is not None:
        interaction_id, contact_id = before.interaction_id, before.contact_id
    file.do(
        case.OpenCase(
            CaseOpened(
                number=next_number(command.cursor),
                division=division,
                place=place,
                interaction_id=interaction_id,
                contact_id=contact_id,
                follow_up_of=follow_up_of.case_id if follow_up_of is not None else None,
                from_case=from_case.case_id if from_case is not None else None,
                personal=CasePersonal(subject=subject[:MOST_SUBJECT]) if subject else None,
            )
        )
    )
    return file
