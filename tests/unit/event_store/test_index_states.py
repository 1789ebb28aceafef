"""A state comes back from the index as it went in, every field of it."""

from datetime import UTC, datetime

from aggregates.across import AcrossState, Likeness
from aggregates.contact import ContactState
from aggregates.correction import Correction, LeadsAfterAll
from aggregates.identifier import Holding, IdentifierState
from aggregates.refused_merge import Refusal
from aggregates.values import IdentifierClass, Stage
from identity_engine.event_store.match_index.states import (
    pack_contact,
    pack_identifier,
    unpack_contact,
    unpack_identifier,
)

FIRST = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
LATER = datetime(2026, 2, 3, 4, 5, 6, 7, tzinfo=UTC)
CONTACT = ContactState(
    stage=Stage.CURATED,
    division="north",
    born=LATER,
    first_seen=FIRST,
    exclusive={"passport": "019b1c3e-7c5a-7000-8000-000000000001"},
    interactions=3,
    presence="deleted",
    gone_since=LATER,
    restored=FIRST,
    on_hold=True,
    let_go={"customer_id": "019b1c3e-7c5a-7000-8000-000000000007"},
    refused={
        "019b1c3e-7c5a-7000-8000-000000000005": Refusal(
            "below_merge", "score", 4_321, "019b1c3e-7c5a-7000-8000-000000000006", None
        )
    },
    across=AcrossState(
        linked=("019b1c3e-7c5a-7000-8000-000000000008",),
        unlinked=("019b1c3e-7c5a-7000-8000-000000000009",),
        found={
            "019b1c3e-7c5a-7000-8000-000000000010": Likeness(
                "score", 5_432, "019b1c3e-7c5a-7000-8000-000000000006", None
            )
        },
    ),
)
IDENTIFIER = IdentifierState(
    identifier_class=IdentifierClass.STRONG,
    holdings=(
        Holding(
            "019b1c3e-7c5a-7000-8000-000000000002", None, FIRST, LATER, verified=True, given_up=True
        ),
        Holding(
            "019b1c3e-7c5a-7000-8000-000000000003",
            "019b1c3e-7c5a-7000-8000-000000000004",
            FIRST,
            None,
            verified=False,
        ),
    ),
    shared_by=("cap", "person"),
    corrections=(
        Correction(
            "019b1c3e-7c5a-7000-8000-000000000002",
            "019b1c3e-7c5a-7000-8000-000000000003",
            "019b1c3e-7c5a-7000-8000-000000000004",
            LATER,
        ),
        LeadsAfterAll("019b1c3e-7c5a-7000-8000-000000000005"),
    ),
)


def test_the_examples_leave_no_field_at_its_default():
    plain = ContactState(Stage.EPHEMERAL, "default", FIRST, FIRST)
    assert all(
        getattr(CONTACT, field) != getattr(plain, field)
        for field in ContactState.__struct_fields__
        if field != "first_seen"
    )


def test_a_contact_comes_back_whole():
    assert unpack_contact(pack_contact(CONTACT)) == CONTACT


def test_an_identifier_comes_back_whole():
    assert unpack_identifier(pack_identifier(IDENTIFIER)) == IDENTIFIER
