"""What people decide about interactions in doubt: confirm, reject, defer, and take it back (GX-18)."""

from contextlib import suppress

from aggregates import review
from aggregates.access import Action
from aggregates.contact import ContactToldApart, ContactToldApartLifted
from aggregates.review import Confirm, Defer, Reject, Undo
from aggregates.values import ContactId
from identity_engine.application.acting import Operations
from identity_engine.application.command import Command, Done
from identity_engine.application.ids import checked_interaction
from identity_engine.application.operations.interactions.linking import LinkByHand, refuse_elsewhere
from identity_engine.application.operations.reasons import if_given, said
from identity_engine.application.permissions import needs
from identity_engine.errors import NotFound, UsageError


class Reviewing(Operations):
    """Answers to what re-evaluation and arrival left open; each pins the link."""

    @needs(Action.REVIEW_DECIDE)
    def confirm(
        self, interaction_id: str, *, reason: str | None = None, dry_run: bool = False
    ) -> Done:
        """Give an interaction to the contact that is proposed for it; that contact is identified.

        Raises:
            NotYet: no contact is proposed.
            Refused: `divisions`, the contact has moved to another one since.
        """
        why = if_given(reason)
        with self.command(dry_run=dry_run) as command:
            link = _loaded(command, interaction_id)
            facts = review.decide(link.state, Confirm(link.evidence, why))
            proposed, stand_in = _asked(link)
            refuse_elsewhere(command, proposed, link.division)
            link.write(*facts)
            link.take_along(stand_in, proposed)
            link.settle_claims(stand_in, proposed)
            link.identify(proposed)
        return command.done(proposed)

    @needs(Action.REVIEW_DECIDE)
    def reject(
        self, interaction_id: str, *, reason: str | None = None, dry_run: bool = False
    ) -> Done:
        """Say that an interaction does not belong to the proposed contact: the two are told apart.

        Raises:
            NotYet: no contact is proposed.
        """
        why = if_given(reason)
        with self.command(dry_run=dry_run) as command:
            link = _loaded(command, interaction_id)
            facts = review.decide(link.state, Reject(why))
            proposed, own = _asked(link)
            link.write(*facts)
            command.write(own, ContactToldApart(other=proposed, personal=said(why)))
        return command.done(own)

    @needs(Action.REVIEW_DECIDE)
    def defer(
        self, interaction_id: str, *, reason: str | None = None, dry_run: bool = False
    ) -> Done:
        """Put an interaction behind all others that wait.

        Raises:
            NotYet: no contact is proposed.
        """
        why = if_given(reason)
        with self.command(dry_run=dry_run) as command:
            link = _loaded(command, interaction_id)
            link.write(*review.decide(link.state, Defer(why)))
        return command.done(link.wrong)

    @needs(Action.REVIEW_DECIDE)
    def undo(
        self, interaction_id: str, *, reason: str | None = None, dry_run: bool = False
    ) -> Done:
        """Take the last decision about an interaction back: it is asked again.

        Raises:
            NotYet: there is none.
            Refused: `moved_since`, the interaction went elsewhere after it.
        """
        why = if_given(reason)
        with self.command(dry_run=dry_run) as command:
            link = _loaded(command, interaction_id)
            facts, answer = review.decide(link.state, Undo(why)), link.state.answer
            assert answer is not None, "else there were nothing to take back"
            if answer.decision == "confirmed":
                refuse_elsewhere(command, answer.contact_id, link.division)
            link.write(*facts)
            if answer.decision == "confirmed":
                link.take_along(answer.proposed, answer.contact_id)
                link.settle_claims(answer.proposed, answer.contact_id)
                link.lower(answer.proposed)
            if answer.decision == "rejected":
                lifted = ContactToldApartLifted(other=answer.proposed, personal=said(why))
                command.write(answer.contact_id, lifted)
        return command.done(answer.contact_id)


def _loaded(command: Command, interaction_id: str) -> LinkByHand:
    id_ = checked_interaction(interaction_id)
    try:
        link = LinkByHand(command, id_)
    except NotFound:
        with suppress(NotFound):
            command.contact(ContactId(id_), gone=True)
            # The list of what is in doubt names contacts too.
            raise UsageError(
                "This is a contact. A merge that is suggested is decided by: "
                "contact merge, or contact tell-apart"
            ) from None
        raise
    asked, answer = link.state.asked, link.state.answer
    named = {one for ask in (asked, answer) if ask for one in (ask.proposed, ask.contact_id)}
    command.load(named)
    return link


def _asked(link: LinkByHand) -> tuple[ContactId, ContactId]:
    """Return the proposed contact and the one that has the interaction."""
    assert link.state.asked is not None, "what was decided was asked"
    assert link.wrong is not None, "what was asked about has a contact"
    return link.state.asked.proposed, link.wrong
