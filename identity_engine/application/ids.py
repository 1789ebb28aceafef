"""Ids as people type them."""

from aggregates.case_facts import number_of
from aggregates.values import CaseId, ContactId, InteractionId, MergeId
from identity_engine.errors import UsageError

GROUPS = [8, 4, 4, 4, 12]


def checked_id(text: str) -> ContactId:
    """Return an id in its canonical form. It is taken for that of a contact, as most are; who means
    another thing says so.

    Raises:
        UsageError: it has not the form of one.
    """
    compact = text.strip().lower() if isinstance(text, str) else ""
    parts = [len(part) for part in compact.split("-")]
    if parts != GROUPS or not set(compact) <= set("0123456789abcdef-"):
        raise UsageError("An id looks like 019b1c3e-7c5a-7000-8000-0123456789ab; copy it whole.")
    return ContactId(compact)


def checked_interaction(text: str) -> InteractionId:
    """Return the id of an interaction in its canonical form.

    Raises:
        UsageError: it has not the form of one.
    """
    return InteractionId(checked_id(text))


def checked_case(text: str) -> CaseId | int:
    """Return what names a case: its number, or its id in the canonical form.

    Raises:
        UsageError: it has the form of neither.
    """
    number = number_of(text) if isinstance(text, str) else None
    if number is not None:
        return number
    try:
        return CaseId(checked_id(text))
    except UsageError:
        raise UsageError("A case is named by its number, such as C-000001, or by its id.") from None


def checked_merge(text: str) -> MergeId:
    """Return the id of a merge in its canonical form.

    Raises:
        UsageError: it has not the form of one.
    """
    return MergeId(checked_id(text))
