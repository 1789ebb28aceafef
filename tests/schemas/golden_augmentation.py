"""Examples of the facts of augmentation; `golden_facts` joins them."""

from aggregates.augmentation import (
    AugmentedIdentifier,
    AugmentedPersonal,
    ContactAugmentationReverted,
    ContactAugmented,
    ContactLookedUp,
)

AUGMENTATION = "019b1c3e-7c5a-7000-8000-00000000000e"

FACTS_OF_AUGMENTATION = (
    ContactAugmented(
        augmentation_id=AUGMENTATION,
        source="registry",
        personal=AugmentedPersonal(
            reference="r-1",
            set={"city": "東京"},
            added={"occupation": ("Lehrerin", "écrivaine")},
            identifiers=(AugmentedIdentifier(type="email", value="Zoë@example.net", claimed=True),),
        ),
    ),
    ContactAugmentationReverted(augmentation_id=AUGMENTATION),
    ContactLookedUp(
        source="registry",
        interaction_id="019b1c3e-7c5a-7000-8000-000000000001",
        outcome="several",
        records=2,
        asked="0f" * 16,
    ),
)
