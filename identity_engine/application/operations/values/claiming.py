"""One identifier value and the contact that a person handles it for, within a command."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from aggregates import ownership
from aggregates.access import Action
from aggregates.countries import is_country
from aggregates.errors import Refused
from aggregates.identifier import (
    ClaimPersonal,
    DescriptionPersonal,
    Holding,
    IdentifierClaimed,
    IdentifierDescribed,
    IdentifierTransferred,
)
from aggregates.interaction import GivenIdentifier
from aggregates.ownership import Claim, ClaimByHand, OwnershipCommand
from aggregates.policy import Policy
from aggregates.values import ContactId, Fact, IdentifierClass, IdentifierId, Stage
from identity_engine.application.command import Command
from identity_engine.application.input_text import ID, NAME, VALUE, checked
from identity_engine.application.resolution.prepare import decides_as
from identity_engine.errors import UsageError
from matchers.normalise import (
    NORMALISER_VERSION,
    InvalidIdentifier,
    is_placed,
    normalise_identifier,
)
from projections.match_index.rows import ContactRow, IdentifierRow

FAULTS = {
    "empty": "The identifier is empty.",
    "control_character": "The identifier has a control character.",
    "letters_in_number": "A phone number has no letters.",
    "too_few_digits": "The phone number has too few digits.",
    "too_many_digits": "The phone number has too many digits.",
    "not_an_address": "This is no e-mail address.",
    "no_country": "The number has no country: write it with + and its country's code, or name the "
    "country.",
    "no_such_number": "No country has such a phone number: count its digits and check the code of "
    "its country.",
    "blocked": "The policy blocks this value, because it stands for nobody.",
}
"""Why a value cannot be an identifier, by the code of the normaliser or of `refuse_unplaced`."""


class Value(NamedTuple):
    """An identifier as a person gives it.

    `scope` tells apart equal values of two systems. `country` is the ISO 3166 country in which a
    national number is read, by default the policy's.
    """

    type: str
    value: str
    scope: str | None = None
    country: str | None = None


class ManualClaim:
    """What a command does to the claims on one value, for the contact it was asked about.

    Args:
        command: under way.
        contact: whom the value is handled for; what is written stands on exactly this member.
        value: as a person gave it.

    Raises:
        UsageError: type, scope or value has not the form of one.
        Refused: the value is invalid or blocked.
    """

    def __init__(self, command: Command, contact: ContactRow, value: Value) -> None:
        self._command, self._contact, self._value = command, contact, value
        self._given, self._personal = normalised(command.rules.policy, value)
        self._digest = loaded(command, contact.state.division, self._given)

    @property
    def members(self) -> frozenset[ContactId]:
        """All contacts that are one with the contact."""
        return frozenset(self._command.index.members_of(self._contact.contact_id))

    def held(self) -> tuple[Holding, ...]:
        """Return the claims of the contact and of all that are one with it."""
        row = self._row()
        return row.state.held_by(self.members) if row is not None and row.state is not None else ()

    def refuse_unplaced(self) -> None:
        """Refuse a phone number that no numbering plan places, unless the contact holds it already.

        Raises:
            Refused: `no_country`, or `no_such_number`.
        """
        if not self.held():
            refuse_unplaced(self._command.rules.policy, self._value, self._given)

    def claim(self, *, verified: bool) -> Claim:
        """Return the claim of the contact on the value.

        Raises:
            Refused: `exclusive_conflict`, it has another value of a type of which a person has one.
        """
        policy = self._command.rules.policy
        class_ = policy.class_of(decides_as(self._given), verified)
        if class_ is IdentifierClass.EXCLUSIVE:
            self._refuse_a_second()
        return Claim(
            contact_id=self._contact.contact_id,
            interaction_id=None,
            division=self._contact.state.division,
            identifier_class=class_,
            verified=verified,
            cap=policy.cap_of(class_),
            window=policy.window_of(class_),
            valid_from=self._command.moment,
            personal=self._personal,
        )

    def write(self, wanted: OwnershipCommand, about: ContactId | None = None) -> None:
        """Decide and write; what is said about a person is sealed under the key of `about`, by
        default the contact."""
        row = self._row()
        facts = ownership.decide(row.state if row is not None else None, wanted)
        self._write(facts, about or self._contact.contact_id)

    def add(self, *, verified: bool) -> tuple[ContactId, ...]:
        """Claim the value, or return the ephemeral contacts that hold it, where only such do.

        Raises:
            Refused: `held_by_another`; the holder is named where the actor may see it.
        """
        try:
            self.write(ClaimByHand(self.claim(verified=verified), self.members))
        except Refused as refused:
            if refused.reason != "held_by_another":
                raise
            return self._offered()
        return ()

    def describe(self, label: str | None, primary: bool | None) -> None:
        """Say how the holder uses the value; None leaves it as it is."""
        if label is None and primary is None:
            return
        row, held = self._row(), self.held()
        assert row is not None
        assert held
        own = self._contact.contact_id
        holder = own if any(one.contact_id == own for one in held) else held[0].contact_id
        known = self._description(row.identifier_id, holder)
        wanted = (
            known[0] if label is None else label or None,
            known[1] if primary is None else primary,
        )
        if wanted != known:
            said = DescriptionPersonal(label=wanted[0]) if wanted[0] else None
            fact = IdentifierDescribed(contact_id=holder, primary=wanted[1], personal=said)
            self._write((fact,), holder)

    def _write(self, facts: Sequence[Fact], about: ContactId) -> None:
        command, row = self._command, self._row()
        if facts and row is None:
            row = command.index.introduce(self._digest, IdentifierId(command.new_id()))
        for fact in facts:
            assert row is not None
            command.write(row.identifier_id, fact, about=about)
        if facts:
            command.evaluate_mentions(self._digest)

    def _row(self) -> IdentifierRow | None:
        return self._command.index.identifiers.get(self._digest)

    def _canonical(self, contact_id: ContactId) -> ContactId:
        return self._command.index.canonical(contact_id)

    def _offered(self) -> tuple[ContactId, ...]:
        """Return the identities that hold the value, if they are all ephemeral."""
        command, row = self._command, self._row()
        assert row is not None
        assert row.state is not None
        others = row.state.others_from(command.moment, self.members)
        holders = tuple(dict.fromkeys(self._canonical(one.contact_id) for one in others))
        if not command.may(Action.CONTACT_VIEW, self._contact.state.division):
            raise Refused(
                "held_by_another",
                f"Another contact holds this identifier. Whoever may see it finds it by the "
                f"reference {row.identifier_id}.",
            )
        if all(command.index.identity(one).stage is Stage.EPHEMERAL for one in holders):
            return holders
        raise Refused(
            "held_by_another",
            f"The contact {', '.join(holders)} holds this identifier. Transfer it, share it, or "
            "merge the contacts.",
        )

    def _refuse_a_second(self) -> None:
        row = self._row()
        for member in self.members:
            held = self._command.index.contacts[member].state.exclusive.get(self._given.type)
            if held is not None and (row is None or held != row.identifier_id):
                raise Refused(
                    "exclusive_conflict",
                    "This contact has another identifier of this type, of which a person has one. "
                    "Release that one first.",
                )

    def _description(
        self, identifier_id: IdentifierId, holder: ContactId
    ) -> tuple[str | None, bool]:
        """Return label and whether it is the first of its type, as last said of this claim."""
        return described(self._command.facts(identifier_id), holder)


def described(facts: Iterable[Fact], holder: ContactId) -> tuple[str | None, bool]:
    """Return under which label a holder uses a value, of whose stream these are the facts, and whether
    it is the first of its type."""
    label, primary = None, False
    for fact in facts:
        if isinstance(fact, IdentifierClaimed | IdentifierTransferred):
            if fact.contact_id == holder:
                label, primary = None, False
        elif isinstance(fact, IdentifierDescribed) and fact.contact_id == holder:
            label, primary = getattr(fact.personal, "label", None), fact.primary
    return label, primary


def loaded(command: Command, division: str, given: GivenIdentifier) -> bytes:
    """Load a value with the identities of all who hold or held it, and return its digest.

    Args:
        command: under way.
        division: where the value is held.
        given: in normal form.
    """
    assert given.family is not None
    assert given.normalised is not None
    key = (division, given.family, given.scope, given.normalised)
    digest = command.digests.identifier_key(*key)
    command.reader.load_identifiers([digest])
    row = command.index.identifiers.get(digest)
    if row is not None and row.state is not None:
        command.load({held.contact_id for held in row.state.holdings})
    return digest


def country_of(policy: Policy, value: Value) -> str | None:
    """Return the country in which a national number is read, None where nobody says one."""
    return value.country.upper() if value.country is not None else policy.default_country


def refuse_unplaced(policy: Policy, value: Value, given: GivenIdentifier) -> None:
    """Refuse a phone number that a person types and that no numbering plan places.

    A publisher's number is kept as it is, because what was said is said; a person can correct it.

    Raises:
        Refused: `no_country`, or `no_such_number`.
    """
    if given.family != "phone" or given.normalised is None or is_placed(given.normalised):
        return
    is_national = not given.normalised.startswith("+")
    unread = is_national and country_of(policy, value) is None
    code = "no_country" if unread else "no_such_number"
    raise Refused(code, FAULTS[code])


def normalised(policy: Policy, value: Value) -> tuple[GivenIdentifier, ClaimPersonal]:
    """Return an identifier in normal form, as it is given and as it is claimed.

    Raises:
        UsageError: type, scope or value has not the form of one.
        Refused: the value is invalid or blocked.
    """
    if value.country is not None and not is_country(value.country):
        raise UsageError("A country is given by its two letters of ISO 3166, such as FR.")
    type_ = checked(NAME, value.type, "The type of an identifier")
    raw = checked(VALUE, value.value, "An identifier")
    scope = checked(ID, value.scope, "A scope") if value.scope is not None else None
    try:
        found = normalise_identifier(type_, raw, country_of(policy, value))
    except InvalidIdentifier as invalid:
        raise Refused(invalid.reason_code, FAULTS[invalid.reason_code]) from None
    if policy.is_blocked(raw) or policy.is_blocked(found.value):
        raise Refused("blocked", FAULTS["blocked"])
    given = GivenIdentifier(
        type=type_, value=raw, scope=scope, family=found.family, normalised=found.value
    )
    personal = ClaimPersonal(
        type=type_,
        family=found.family,
        scope=scope,
        value=found.value,
        raw=raw,
        normaliser=NORMALISER_VERSION,
    )
    return given, personal
