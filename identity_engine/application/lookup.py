"""What a decision is given: the holders of its identifiers, and the records worth comparing."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from aggregates.policy import Policy
from aggregates.values import ContactId
from identity_engine.application.prepare import Prepared
from matchers.decision import Candidate, ContactFacts, HeldIdentifier, Holder
from projections.match_index.index import MatchIndex
from projections.match_index.rows import InteractionRow


def held_identifiers(prepared: Prepared, index: MatchIndex) -> list[HeldIdentifier]:
    """Return who held each identifier at the interaction's own time.

    Where both this interaction and a holder have the value verified, only verified holders count;
    otherwise the value is no more than weak evidence.
    """
    held = []
    for considered in prepared.identifiers:
        row = index.identifiers.get(considered.digest)
        if row is None or row.state is None:
            continue
        holdings = row.state.holders_at(prepared.time)
        class_ = considered.identifier_class
        if class_ in ("exclusive", "strong"):
            verified = tuple(holding for holding in holdings if holding.verified)
            holdings = verified or holdings
            class_ = class_ if verified else type(class_).WEAK
        held.append(
            HeldIdentifier(
                row.identifier_id,
                class_.value,
                considered.verified,
                row.state.shared,
                tuple(
                    Holder(
                        h.contact_id,
                        int(index.contacts[h.contact_id].state.first_seen.timestamp() * 1_000_000),
                    )
                    for h in holdings
                ),
            )
        )
    return held


def own_exclusive(prepared: Prepared, index: MatchIndex) -> dict[str, str]:
    own = {}
    for considered in prepared.identifiers:
        if considered.identifier_class == "exclusive":
            row = index.identifiers.get(considered.digest)
            own[considered.given.type] = row.identifier_id if row is not None else "unseen"
    return own


def contact_facts(
    index: MatchIndex, candidates: Sequence[Candidate], prepared: Prepared
) -> dict[str, ContactFacts]:
    wanted = {candidate.contact_id for candidate in candidates} | set(holders(prepared, index))
    facts = {}
    for contact_id in wanted:
        row_ = index.contacts[ContactId(contact_id)]
        facts[contact_id] = ContactFacts(
            contact_id,
            row_.state.stage.value,
            row_.state.exclusive,
            row_.state.interactions,
        )
    return facts


def nearest(prepared: Prepared, index: MatchIndex, policy: Policy) -> list[int]:
    """Return the numbers of the records to compare with an interaction, the nearest first.

    Records that share more and rarer block keys come first; ties go to the older record, so that a
    batch of any size sees the same. A key over the policy's cap is left out.
    """
    shared: defaultdict[int, float] = defaultdict(float)
    for key in prepared.block_keys:
        numbers = index.numbers_under(key)
        if 0 < len(numbers) <= policy.block_cap:
            rarity = 1.0 / len(numbers)
            for number in numbers:
                shared[number] += 1.0 + rarity
    if len(shared) <= policy.candidate_cap:
        return sorted(shared, key=_age)
    return sorted(shared, key=lambda number: (-shared[number], _age(number)))[
        : policy.candidate_cap
    ]


def _age(number: int) -> tuple[bool, int]:
    # Stored rows count up from 1, those of the batch down from -1 and are younger than all stored.
    return number < 0, abs(number)


def newest_first(row: InteractionRow) -> str:
    return row.interaction_id


def holders(prepared: Prepared, index: MatchIndex) -> Iterator[ContactId]:
    for considered in prepared.identifiers:
        row = index.identifiers.get(considered.digest)
        if row is not None and row.state is not None:
            yield from (holding.contact_id for holding in row.state.holdings)
