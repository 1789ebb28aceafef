"""Examples of the facts that people write about contacts; `golden_facts` joins them."""

from aggregates.identifier import (
    DescriptionPersonal,
    IdentifierDescribed,
    IdentifierTransferred,
    TransferPersonal,
)
from aggregates.values import IdentifierClass

CONTACT = "019b1c3e-7c5a-7000-8000-000000000003"
OTHER_CONTACT = "019b1c3e-7c5a-7000-8000-000000000004"

FACTS_BY_HAND = (
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
)
