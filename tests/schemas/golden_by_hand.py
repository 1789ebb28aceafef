"""Examples of the facts that people write about contacts; `golden_facts` joins them."""

from datetime import UTC, datetime

from aggregates.contact import (
    ContactIdentificationUndone,
    ContactPromotionUndone,
    ReasonPersonal,
)
from aggregates.editing import (
    ContactEdited,
    ContactEditWithdrawn,
    EditPersonal,
    WithdrawnPersonal,
    Word,
)
from aggregates.identifier import (
    DescriptionPersonal,
    IdentifierDescribed,
    IdentifierTransferred,
    TransferPersonal,
)
from aggregates.notes import (
    NoteAdded,
    NoteChanged,
    NoteGiven,
    NotePersonal,
    NoteRemovalPersonal,
    NoteRemoved,
    NoteTakenOver,
)
from aggregates.values import IdentifierClass, Stage

MOMENT = datetime(2026, 3, 2, 8, 15, tzinfo=UTC)
CONTACT = "019b1c3e-7c5a-7000-8000-000000000003"
NOTE = "019b1c3e-7c5a-7000-8000-00000000000b"
INTERACTION = "019b1c3e-7c5a-7000-8000-000000000005"
OTHER_CONTACT = "019b1c3e-7c5a-7000-8000-000000000004"

FACTS_BY_HAND = (
    ContactIdentificationUndone(interaction_id=INTERACTION),
    ContactPromotionUndone(
        stage=Stage.IDENTIFIED, personal=ReasonPersonal(reason="Es war die falsche Person.")
    ),
    ContactEdited(
        personal=EditPersonal(
            set={"family_name": "髙橋"},
            added={"other_names": ("Zoë", "ゾエ")},
            removed={"city": ("München",)},
        )
    ),
    ContactEditWithdrawn(
        save=7,
        given_to=OTHER_CONTACT,
        personal=WithdrawnPersonal(
            words={
                "city": (
                    Word(value="München", removed=True, actor="agent-7", time=MOMENT),
                    Word(value="Zürich", actor="agent-7", time=MOMENT),
                )
            }
        ),
    ),
    IdentifierTransferred(
        contact_id=CONTACT,
        from_contact_id=OTHER_CONTACT,
        division="north",
        identifier_class=IdentifierClass.WEAK,
        verified=True,
        personal=TransferPersonal(
            type="phone",
            family="phone",
            scope="centre",
            value="+33612345678",
            raw="06 12 34 56 78",
            normaliser="2",
            reason="Elle a repris son numéro.",
        ),
    ),
    IdentifierDescribed(
        contact_id=CONTACT, primary=True, personal=DescriptionPersonal(label="仕事")
    ),
    NoteAdded(
        note_id=NOTE, interaction_id=INTERACTION, personal=NotePersonal(text="Rappelle à midi.")
    ),
    NoteChanged(note_id=NOTE, personal=NotePersonal(text="Rappelle à dix heures.")),
    NoteGiven(note_id=NOTE, given_to=OTHER_CONTACT),
    NoteTakenOver(
        note_id=NOTE,
        given_from=OTHER_CONTACT,
        author="agent-7",
        personal=NotePersonal(text="Rappelle à midi."),
    ),
    NoteRemoved(note_id=NOTE, personal=NoteRemovalPersonal(reason="Mauvaise personne.")),
)
