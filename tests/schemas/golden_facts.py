"""One example of every fact ever stored, under each of its schemas, with every field in use.

The bytes beside this file were written once from these examples and never change. A fact whose
`SCHEMA` is raised gets a further example; the old one then says what old bytes are read as today.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from aggregates.access import AccessRefused, RoleDefined, RoleGranted, RoleRevoked
from aggregates.contact import (
    ContactCreated,
    ContactIdentified,
    ContactMerged,
    ContactPromoted,
    ContactToldApart,
    ContactToldApartLifted,
    ContactUnmerged,
    MergeEdge,
    MergePersonal,
    ReasonPersonal,
)
from aggregates.identifier import (
    ClaimPersonal,
    IdentifierClaimed,
    IdentifierReassigned,
    IdentifierShared,
    IdentifierUnshared,
    SharePersonal,
)
from aggregates.interaction import (
    GivenIdentifier,
    InteractionHeldForReview,
    InteractionLinked,
    InteractionPersonal,
    InteractionReceived,
    InteractionUnlinked,
    LinkPersonal,
    UnlinkPersonal,
)
from aggregates.policy import PolicyActivated, ReevaluationRequested
from aggregates.refused_merge import ContactMergeRefusalEnded, ContactMergeRefused
from aggregates.release import IdentifierReleased, ReleasePersonal
from aggregates.values import (
    CandidateEvidence,
    ComparisonEvidence,
    Evidence,
    Fact,
    Header,
    IdentifierClass,
    RefusalEvidence,
    Stage,
)
from aggregates.verification import IdentifierVerificationWithdrawn, IdentifierVerified
from identity_engine.event_store.keys import DataKey
from tests.schemas.golden_augmentation import FACTS_OF_AUGMENTATION
from tests.schemas.golden_by_hand import FACTS_BY_HAND
from tests.schemas.golden_cases import FACTS_OF_CASES
from tests.schemas.golden_crm import FACTS_OF_CRM
from tests.schemas.golden_interactions import FACTS_OF_INTERACTIONS
from tests.schemas.golden_lifecycle import LIFECYCLE

STREAM = "019b1c3e-7c5a-7000-8000-000000000001"
SUBJECT = "019b1c3e-7c5a-7000-8000-000000000002"
CONTACT = "019b1c3e-7c5a-7000-8000-000000000003"
OTHER_CONTACT = "019b1c3e-7c5a-7000-8000-000000000004"
INTERACTION = "019b1c3e-7c5a-7000-8000-000000000005"
IDENTIFIER = "019b1c3e-7c5a-7000-8000-000000000006"
MERGE = "019b1c3e-7c5a-7000-8000-00000000000a"
VERSION = 7
KEY_ID = 11
RECORDED_AT = datetime(2026, 3, 4, 5, 6, 7, 891_011, tzinfo=UTC)
VALID_FROM = datetime(2026, 2, 1, 9, 30, 0, 250_000, tzinfo=UTC)

HEADER = Header(
    event_id="019b1c3e-7c5a-7000-8000-000000000007",
    valid_from=VALID_FROM,
    actor="engine",
    command_id="019b1c3e-7c5a-7000-8000-000000000008",
    correlation_id="00112233445566778899aabbccddeeff",
    causation_id="019b1c3e-7c5a-7000-8000-000000000009",
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)
EVIDENCE = Evidence(
    rule="score",
    model="m" * 64,
    policy="p" * 64,
    weight=12_345,
    prior=-9_000,
    comparisons=(ComparisonEvidence(name="family_name", level="exact", weight=21_345),),
    interaction_id=INTERACTION,
    identifiers=(IDENTIFIER,),
    candidates=(CandidateEvidence(contact_id=OTHER_CONTACT, weight=-2_000),),
    considered=3,
    refusals=(RefusalEvidence(contact_id=OTHER_CONTACT, guard="contradiction"),),
)


class FixedKeys:
    """A key ring with one key that never changes, or that has been destroyed."""

    def __init__(self, *, is_live: bool = True) -> None:
        self._cipher = AESGCM(bytes(range(32))) if is_live else None

    def ciphers(self, key_ids):
        """The cipher under each id that was ever made."""
        return {key_id: self._cipher for key_id in key_ids if key_id == KEY_ID}

    def data_key(self) -> DataKey:
        """The key to seal with."""
        return DataKey(KEY_ID, self._cipher)


@dataclass(frozen=True)
class Golden:
    """A fact as the bytes stored under `schema` are read today."""

    fact: Fact
    schema: int = 1

    @property
    def name(self) -> str:
        """The name of its files."""
        return f"{self.fact.TOPIC}.v{self.schema}"

    @property
    def is_personal(self) -> bool:
        """Whether a part of it is sealed."""
        return getattr(self.fact, "personal", None) is not None


GOLDEN = (
    *map(Golden, FACTS_BY_HAND),
    *map(Golden, FACTS_OF_INTERACTIONS),
    *map(Golden, FACTS_OF_CASES),
    *map(Golden, FACTS_OF_CRM),
    *map(Golden, FACTS_OF_AUGMENTATION),
    Golden(ContactCreated(division="north", interaction_id=INTERACTION)),
    Golden(
        ContactIdentified(
            by="second_interaction", interaction_id=INTERACTION, identifier_id=IDENTIFIER
        )
    ),
    Golden(ContactPromoted(stage_before=Stage.IDENTIFIED)),
    Golden(
        ContactMerged(
            merge_id=MERGE,
            edges=(MergeEdge(one=CONTACT, other=OTHER_CONTACT),),
            survivor=CONTACT,
            automatic=True,
            evidence=EVIDENCE,
            personal=MergePersonal(reason="Sie ist dieselbe Kundin."),
        )
    ),
    Golden(
        ContactUnmerged(
            merge_id=MERGE,
            edges=(MergeEdge(one=CONTACT, other=OTHER_CONTACT),),
            automatic=True,
            cause="evidence_changed",
            personal=ReasonPersonal(reason="Das sind Mutter und Tochter."),
        )
    ),
    Golden(
        ContactToldApart(
            other=OTHER_CONTACT,
            until=datetime(2027, 1, 1, tzinfo=UTC),
            personal=ReasonPersonal(reason="Father and son."),
        )
    ),
    Golden(
        ContactToldApartLifted(
            other=OTHER_CONTACT, personal=ReasonPersonal(reason="C'est la même personne.")
        )
    ),
    Golden(ContactMergeRefused(other=OTHER_CONTACT, guard="below_merge", evidence=EVIDENCE)),
    Golden(ContactMergeRefusalEnded(other=OTHER_CONTACT)),
    Golden(
        IdentifierClaimed(
            contact_id=CONTACT,
            interaction_id=INTERACTION,
            division="north",
            identifier_class=IdentifierClass.STRONG,
            verified=True,
            valid_to=datetime(2026, 8, 1, tzinfo=UTC),
            personal=ClaimPersonal(
                type="whatsapp",
                family="phone",
                scope="centre",
                value="+819012345678",
                raw="090-1234-5678",
                normaliser="1",
            ),
        )
    ),
    Golden(IdentifierVerified(contact_id=CONTACT, interaction_id=INTERACTION)),
    Golden(
        IdentifierVerificationWithdrawn(
            contact_id=CONTACT, interaction_id=INTERACTION, still_by=INTERACTION
        )
    ),
    Golden(
        IdentifierReleased(
            contact_id=CONTACT,
            was_gone=True,
            personal=ReleasePersonal(reason="It was given to her brother."),
        )
    ),
    Golden(
        IdentifierShared(
            by="cap", holders=6, cap=5, personal=SharePersonal(reason="The number of the family.")
        )
    ),
    Golden(IdentifierUnshared(by="person", personal=SharePersonal(reason="Er ist ausgezogen."))),
    Golden(
        IdentifierReassigned(
            contact_id=CONTACT, from_contact_id=OTHER_CONTACT, interaction_id=INTERACTION
        )
    ),
    Golden(
        InteractionReceived(
            natural_key="00" * 16,
            content_digest="ff" * 16,
            channel="voice",
            direction="inbound",
            division="north",
            normaliser="1",
            personal=InteractionPersonal(
                source="//centre/voice",
                id="V-00000001",
                identifiers=(
                    GivenIdentifier(
                        type="phone",
                        value="090-1234-5678",
                        scope="centre",
                        verified=True,
                        family="phone",
                        normalised="+819012345678",
                    ),
                ),
                profile={"family_name": "髙橋", "given_name": "Zoë"},
                attributes='{"_data_":"x","_type_":"y"}',
                mail='{"subject":"Guten Tag"}',
                session="S-1",
            ),
        )
    ),
    Golden(
        InteractionLinked(
            contact_id=CONTACT,
            evidence=EVIDENCE,
            pinned=True,
            personal=LinkPersonal(reason="Elle a donné son nom."),
        )
    ),
    Golden(
        InteractionUnlinked(
            contact_id=CONTACT,
            pinned=True,
            cause="retracted",
            personal=UnlinkPersonal(reason="Das ist ihr Bruder."),
        )
    ),
    Golden(
        InteractionHeldForReview(
            proposed=OTHER_CONTACT,
            contact_id=CONTACT,
            evidence=EVIDENCE,
        )
    ),
    Golden(RoleDefined(name="agent", actions=("contact:add", "contact:edit"))),
    Golden(RoleGranted(actor="agent-7", role="agent", divisions=("north",))),
    Golden(RoleRevoked(actor="agent-7", role="agent")),
    Golden(AccessRefused(action="contact:edit", division="north", target=CONTACT)),
    Golden(ReevaluationRequested(interaction_ids=(INTERACTION,))),
    Golden(
        PolicyActivated(kind="policy", name="default", version="0" * 64, content='{"name":"x"}')
    ),
    *map(Golden, LIFECYCLE),
)
