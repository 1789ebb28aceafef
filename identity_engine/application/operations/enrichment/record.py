"""One record of an enrichment, carried out within a command (GX-13)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from msgspec import Struct, field

from aggregates import editing
from aggregates.access import Action
from aggregates.editing import Edit, HandMade, Values
from aggregates.enriching import (
    LIST_RULES,
    MOST_IDENTIFIERS,
    OPERATIONS,
    VALUE_RULES,
    Provided,
    Rule,
    edit_of,
)
from aggregates.errors import Refused
from aggregates.interaction import GivenIdentifier
from aggregates.merging import MergeByHand, objections
from aggregates.ownership import Verify
from aggregates.values import ContactId, MergeId
from identity_engine import errors
from identity_engine.application.command import Command
from identity_engine.application.input_text import ID, checked
from identity_engine.application.operations import reasons
from identity_engine.application.operations.contacts.editing import (
    NewIdentifier,
    by_hand,
    entered,
    vouch_for,
)
from identity_engine.application.operations.merging.merge import join, party
from identity_engine.application.operations.values.claiming import ManualClaim, loaded, normalised
from identity_engine.application.operations.values.filling import Filling
from identity_engine.errors import UsageError
from identity_engine.ingestion.faults import Fault
from projections.match_index.rows import ContactRow
from projections.profile.query import find_profile


class Enrichment(Struct, frozen=True):
    """What is known about one contact elsewhere.

    `operation` is insert, update, upsert or merge. `identifiers`, 1 to 25, find the contact, the
    first one that does; it is to hold them all. `fields` has the values of each field, none (or
    None) for null. `rules` says per field how they meet what is shown: `prefer_provided` (default),
    `prefer_existing`, `always_use_provided`, or for a field with several values `fill` (default),
    `extend`, `replace`. `division` is where to look, None for the policy's default. `promote`
    vouches for the contact. `reason` and `confirmed` are those of the merge.
    """

    operation: str
    identifiers: Sequence[NewIdentifier]
    fields: Mapping[str, Sequence[str] | None] = field(default_factory=dict)
    rules: Mapping[str, str] = field(default_factory=dict)
    division: str | None = None
    promote: bool = False
    reason: str | None = None
    confirmed: bool = False
    effective_at: datetime | None = None


class EnrichmentRefused(errors.Refused):
    """A record that is not carried out; `faults` is everything that speaks against it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        said = dict.fromkeys(
            f"{one.pointer}: {one.message}" if one.pointer else one.message for one in faults
        )
        super().__init__(faults[0].code, "\n  ".join(said))
        self.faults = tuple(faults)


class NotClaimed(Struct, frozen=True):
    """An identifier, by its place in the record, that stays with another contact; says with whom."""

    place: int
    message: str


class Carrying:
    """Carries out a record within a command; an exception undoes all of it.

    Args:
        command: under way.
        record: what is asked for.
    """

    def __init__(self, command: Command, record: Enrichment) -> None:
        self._command, self._record = command, record
        self._faults: list[Fault] = []
        self._division = command.rules.policy.default_division
        self.not_claimed: list[NotClaimed] = []
        self.matched: tuple[ContactId, ...] = ()
        self.merge_id: MergeId | None = None
        self.inserted = False

    def run(self) -> ContactId:
        """Write all that the record asks for, and return the contact it is written to.

        Raises:
            EnrichmentRefused: with every fault.
            Denied: a right that it needs is missing in the division.
        """
        self._check_rights()
        given = self._normalised()
        matches = self._matches(given)
        self.matched = tuple(one.contact_id for one in matches)
        row = self._contact(matches, whole=len(given) == len(self._record.identifiers))
        edit = self._edit(matches, row)
        changed = row is not None and self._written(row, edit)
        held = row is not None and self._claimed(row, given)
        if self.inserted and not changed and not held:
            self._fault("nothing_given", "A new contact needs a value or a free identifier.")
        if row is None or self._faults:
            raise EnrichmentRefused(self._faults)
        return row.contact_id

    def _check_rights(self) -> None:
        record, command = self._record, self._command
        if record.division is not None:
            with self._noting("/division"):
                self._division = checked(ID, record.division, "A division")
        if not self._faults:
            command.permit(self._division)
            command.require(Action.IDENTITY_CLAIM, self._division)
            if record.promote:
                command.require(Action.IDENTITY_PROMOTE, self._division)
        if record.operation not in OPERATIONS:
            known = ", ".join(OPERATIONS)
            self._fault("unknown_operation", f"The operation is one of {known}.", "/operation")
        if not 1 <= len(record.identifiers) <= MOST_IDENTIFIERS:
            message = f"A record has 1 to {MOST_IDENTIFIERS} identifiers."
            self._fault("identifiers", message, "/identifiers")
        if record.reason is not None:
            with self._noting("/reason"):
                reasons.needed(record.reason)

    def _normalised(self) -> list[tuple[int, GivenIdentifier]]:
        given = []
        for place, one in enumerate(self._record.identifiers):
            with self._noting(f"/identifiers/{place}"):
                given.append((place, normalised(self._command.rules.policy, one.value)[0]))
        return given

    def _matches(self, given: Sequence[tuple[int, GivenIdentifier]]) -> list[ContactRow]:
        """Return the live contacts that hold one of the identifiers now and alone as a person: in the
        order of the identifiers, of one value whoever was there first."""
        command = self._command
        index = command.index
        found: dict[ContactId, None] = {}
        for _, one in given:
            value = index.identifiers.get(loaded(command, self._division, one))
            if value is None or value.state is None or value.state.shared:
                continue
            holders = [index.contacts[holder] for holder in value.state.holders]
            for row in sorted(holders, key=lambda row: (row.state.born, row.contact_id)):
                if row.state.presence == "live":
                    found.setdefault(row.canonical)
        return command.contacts(list(found))

    def _contact(self, matches: Sequence[ContactRow], *, whole: bool) -> ContactRow | None:
        """Return the contact to be enriched; None, with the fault, where there is none.

        `whole`: every identifier could be looked for.
        """
        operation = self._record.operation
        if operation == "insert" and matches:
            named = ", ".join(one.contact_id for one in matches if self._sees(one))
            said = f"A contact has one of these identifiers already: {named or 'not shown to you'}."
            self._fault("matched", said, "/identifiers")
            return None
        if operation == "merge" and len(matches) > 1:
            return self._joined(matches)
        if matches:
            return matches[0]
        if operation == "update":
            if whole:
                self._fault("no_match", "No contact has one of these identifiers.", "/identifiers")
            return None
        self._command.require(Action.CONTACT_ADD, self._division)
        self.inserted = True
        return entered(self._command, self._division, ())

    def _joined(self, matches: Sequence[ContactRow]) -> ContactRow | None:
        command, record = self._command, self._record
        command.require(Action.IDENTITY_MERGE, self._division)
        parties = [party(command, row) for row in matches]
        merge = MergeByHand(
            MergeId(command.new_id()), reason=record.reason, confirmed=record.confirmed
        )
        limits = command.rules.settings.merging
        against = objections(parties, command.index.apart_at(command.now), merge, limits)
        for one in against:
            self._fault(one.reason, one.message, "/identifiers")
        if record.reason is None:
            self._fault("reason", "A merge needs a reason: why they are one.", "/reason")
        if against or record.reason is None:
            return None
        self.merge_id = merge.merge_id
        return command.index.contacts[join(command, parties, merge)]

    def _edit(self, matches: Sequence[ContactRow], row: ContactRow | None) -> Edit:
        state = by_hand(self._command, row) if row is not None else HandMade()
        shown = self._shown(matches, state) if self._record.fields else {}
        filling = Filling(self._command.rules, shown)
        provided = dict(self._provided(filling, shown))
        edit = edit_of(shown, provided)
        with self._noting("/fields"):
            if self.inserted:
                filling.check_required(edit)
            else:
                filling.check_removed(edit)
        return edit

    def _shown(self, matches: Sequence[ContactRow], state: HandMade) -> Values:
        """Return what the matches show, and what they will show when they are one."""
        views, preferred = self._command.views(), self._command.rules.policy.preferred_sources
        shown: dict[str, tuple[str, ...]] = {}
        for row in matches:
            profile = find_profile(views, row.contact_id, preferred)
            for name, values in profile.values.items() if profile is not None else ():
                gone = state.removed.get(name, ())
                left = (value for value in values if value not in gone)
                shown[name] = tuple(dict.fromkeys((*shown.get(name, ()), *left)))
        return {name: values for name, values in shown.items() if values}

    def _provided(self, filling: Filling, shown: Values) -> Iterator[tuple[str, Provided]]:
        schema = self._command.rules.settings.contact_fields
        for name, given in self._record.fields.items():
            place = f"/fields/{name}" if name in schema or name in shown else "/fields"
            values = tuple(given or ())
            with self._noting(place):
                several = filling.field(name).multi
                rule = self._rule(name, place, several=several)
                if several:
                    taken = filling.edit({}, {name: values}, {}).add[name]
                elif len(values) > 1:
                    self._fault("several_values", f"The field {name} takes one value.", place)
                    continue
                else:
                    taken = tuple(filling.edit({name: one}, {}, {}).set[name] for one in values)
                yield name, Provided(taken, rule)
        if self._record.rules.keys() - self._record.fields.keys():
            self._fault("rule_without_field", "A rule names a field that is not given.", "/rules")

    def _rule(self, name: str, place: str, *, several: bool) -> Rule:
        rules: Sequence[Rule] = LIST_RULES if several else VALUE_RULES
        wanted = self._record.rules.get(name, rules[0])
        for rule in rules:
            if rule == wanted:
                return rule
        takes = "several values" if several else "one value"
        said = f"The rule of {name}, which takes {takes}, is one of {', '.join(rules)}."
        self._fault("unknown_rule", said, place)
        return rules[0]

    def _written(self, row: ContactRow, edit: Edit) -> bool:
        if self._faults:
            return False
        facts = editing.decide(by_hand(self._command, row), edit)
        self._command.write(row.contact_id, *facts)
        if self._record.promote:
            vouch_for(self._command, row)
        return bool(facts)

    def _claimed(self, row: ContactRow, given: Sequence[tuple[int, GivenIdentifier]]) -> bool:
        """Claim what is free, and tell whether the contact holds any of the identifiers."""
        places = [place for place, _ in given]
        for place in places:
            with self._noting(f"/identifiers/{place}"):
                self._claim(row, place)
        return len(self.not_claimed) < len(places)

    def _claim(self, row: ContactRow, place: int) -> None:
        one = self._record.identifiers[place]
        held = ManualClaim(self._command, row, one.value)
        if held.held():
            if one.verified:
                held.write(Verify(held.members))
            return
        try:
            offered = held.add(verified=one.verified)
        except Refused as refused:
            if refused.reason != "held_by_another":
                raise
            self.not_claimed.append(NotClaimed(place, str(refused)))
            return
        if offered:
            said = f"The ephemeral contact {', '.join(offered)} holds this identifier."
            self.not_claimed.append(NotClaimed(place, said))

    def _sees(self, row: ContactRow) -> bool:
        return self._command.may_view(row.contact_id)

    def _fault(self, code: str, message: str, pointer: str = "") -> None:
        self._faults.append(Fault(code, message, pointer))

    @contextmanager
    def _noting(self, pointer: str) -> Iterator[None]:
        """Note what is refused or wrongly written as a fault at this place, and go on."""
        try:
            yield
        except Refused as refused:
            self._fault(refused.reason, str(refused), pointer)
        except UsageError as wrong:
            self._fault("invalid_value", str(wrong), pointer)
