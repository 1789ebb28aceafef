"""Examples of the facts of augmentation; `golden_facts` joins them."""

from aggregates.augmentation import (
    AugmentedIdentifier,
    AugmentedPersonal,
    ContactAugmentationReverted,
    ContactAugmented,
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
)
