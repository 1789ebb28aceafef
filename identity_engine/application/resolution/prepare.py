"""Steps 2 and 3 of a batch: recognise what was received before, normalise what is new."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from aggregates.change import Change, ChangePersonal
from aggregates.contact import IdentifiedBy
from aggregates.interaction import (
    GivenIdentifier,
    InteractionPersonal,
    InteractionReceived,
)
from aggregates.policy import Policy
from aggregates.values import Erased, IdentifierClass
from identity_engine.ingestion.envelope import (
    Incoming,
    IncomingChange,
    IncomingIdentifier,
    IncomingInteraction,
)
from matchers.blocking import hash_key, keys_in_use
from matchers.comparison import is_role_mailbox
from matchers.normalise import (
    NORMALISER_VERSION,
    InvalidIdentifier,
    NormalisedIdentifier,
    line_type,
    normalise_identifier,
)
from matchers.record import MatchRecord, build_record
from projections.match_index.digests import DigestKeys
from projections.match_index.mentions import Mention
from projections.match_index.rows import Comparable

ROLE_MAILBOX = "role_mailbox"
"""What a policy calls the address of a desk, such as info@."""

IsCrowded = Callable[[int], bool]
"""Whether a hashed block key leads to too many records."""


def nothing_crowded(_: int) -> bool:
    """Answer for a reader that uses no index."""
    return False


class Recognised(Struct, frozen=True):
    """An incoming interaction with the digests of what names it and of what it says."""

    incoming: IncomingInteraction
    natural_key: bytes
    content_digest: bytes

    @property
    def interaction_key(self) -> bytes:
        """What names the interaction: itself."""
        return self.natural_key


class RecognisedChange(Struct, frozen=True):
    """An incoming change with the digests of what names it, of its interaction and of what it says."""

    incoming: IncomingChange
    natural_key: bytes
    interaction_key: bytes
    content_digest: bytes


class Considered(Struct, frozen=True):
    """An identifier that may take part in a decision: valid, and not a blocked value."""

    given: GivenIdentifier
    family: str
    value: str
    identifier_class: IdentifierClass
    verified: bool
    digest: bytes

    @property
    def why_lasting(self) -> IdentifiedBy | None:
        """Why it identifies a contact that holds it, without a second interaction (GX-0), if it does."""
        return why_lasting(self.identifier_class, self.given.verified)


class Prepared(Struct, frozen=True):
    """An interaction ready to be decided: its fact, and its match record under its block keys."""

    fact: InteractionReceived
    time: datetime
    identifiers: tuple[Considered, ...]
    comparable: Comparable
    traceparent: str | None
    correlation_id: str | None
    causation_id: str | None

    @property
    def record(self) -> MatchRecord | None:
        """What is compared; None where there is nothing."""
        return self.comparable.record

    @property
    def block_keys(self) -> tuple[int, ...]:
        """The keys that lead to the records worth comparing."""
        return self.comparable.block_keys


def why_lasting(class_: IdentifierClass, said: bool | None) -> IdentifiedBy | None:
    """Say why a value of a class shows a lasting person by itself, None where it does not: only one
    person has it, or the publisher said that it is verified; that a channel vouches for it is not
    enough."""
    if class_ is IdentifierClass.EXCLUSIVE:
        return "exclusive"
    return "verified" if class_ is IdentifierClass.STRONG and said is True else None


def recognise(
    batch: Sequence[Incoming], digests: DigestKeys
) -> list[Recognised | RecognisedChange]:
    """Return the batch with its digests, in order."""
    return [
        Recognised(
            incoming,
            digests.natural_key(incoming.source, incoming.id),
            digests.content(incoming.content),
        )
        if isinstance(incoming, IncomingInteraction)
        else RecognisedChange(
            incoming,
            digests.change_key(incoming.source, incoming.id),
            digests.natural_key(incoming.of_source, incoming.of_id),
            digests.content(incoming.content),
        )
        for incoming in batch
    ]


def prepare(
    recognised: Recognised, policy: Policy, digests: DigestKeys, is_crowded: IsCrowded
) -> Prepared:
    """Normalise one interaction under the policy."""
    incoming = recognised.incoming
    division = policy.division_of(incoming.channel, incoming.division)
    given = given_identifiers(incoming.identifiers, incoming.profile, policy)
    personal = InteractionPersonal(
        source=incoming.source,
        id=incoming.id,
        identifiers=given,
        profile=dict(incoming.profile),
        attributes=incoming.attributes,
        mail=incoming.mail,
        session=incoming.session,
    )
    fact = InteractionReceived(
        natural_key=recognised.natural_key.hex(),
        content_digest=recognised.content_digest.hex(),
        channel=incoming.channel,
        direction=incoming.direction,
        division=division,
        normaliser=NORMALISER_VERSION,
        personal=personal,
    )
    compared = comparable(personal, division, digests, is_crowded)
    return Prepared(
        fact=fact,
        time=incoming.time,
        identifiers=tuple(considered(given, compared.mentions, incoming.channel, policy)),
        comparable=compared,
        traceparent=incoming.traceparent,
        correlation_id=digests.opaque(incoming.correlation_id),
        causation_id=digests.opaque(incoming.causation_id),
    )


def prepare_change(
    change: Change,
    personal: ChangePersonal,
    time: datetime,
    channel: str,
    division: str,
    policy: Policy,
    digests: DigestKeys,
    is_crowded: IsCrowded,
) -> Prepared:
    """Prepare what a message or a correction says, as if it were an interaction of its channel."""
    said = InteractionPersonal(
        source=personal.source,
        id=personal.id,
        identifiers=personal.identifiers,
        profile=personal.profile,
    )
    fact = InteractionReceived(
        natural_key=change.natural_key,
        content_digest=change.content_digest,
        channel=channel,
        direction=change.direction or "inbound",
        division=division,
        normaliser=NORMALISER_VERSION,
        personal=said,
    )
    made = comparable(said, division, digests, is_crowded)
    return Prepared(
        fact,
        time,
        tuple(considered(said.identifiers, made.mentions, channel, policy)),
        made,
        None,
        None,
        None,
    )


def given_identifiers(
    identifiers: Sequence[IncomingIdentifier], profile: Mapping[str, str], policy: Policy
) -> tuple[GivenIdentifier, ...]:
    """Return identifiers as they came and as they are compared under the policy."""
    country = _country(profile, policy)
    return tuple(
        [
            _given(one.type, one.value, one.scope, one.verified, country, policy)
            for one in identifiers
        ]
    )


def hashed_keys(
    record: MatchRecord | None, secret: bytes, is_crowded: IsCrowded
) -> tuple[int, ...]:
    """Return the hashed block keys under which a record stands, finer ones in place of crowded ones."""
    if record is None:
        return ()
    in_use, hashes = _hashed(record, secret, is_crowded)
    return tuple(sorted({hashes[key] for key in in_use}))


def all_hashed_keys(
    record: MatchRecord | None, secret: bytes, is_crowded: IsCrowded
) -> tuple[int, ...]:
    """Return the hashed block keys under which a record may ever have stood: those in use and all that
    gave way."""
    if record is None:
        return ()
    _, hashes = _hashed(record, secret, is_crowded)
    return tuple(sorted(set(hashes.values())))


def _hashed(
    record: MatchRecord, secret: bytes, is_crowded: IsCrowded
) -> tuple[Sequence[str], dict[str, int]]:
    """Return the block keys of a record in use, and the hash of each that was looked at."""
    hashes: dict[str, int] = {}

    def gives_way(key: str) -> bool:
        hashed = hashes[key] = hash_key(key, secret)
        return is_crowded(hashed)

    in_use, _ = keys_in_use(record, gives_way)
    return in_use, hashes


def comparable(
    personal: InteractionPersonal | Erased,
    division: str,
    digests: DigestKeys,
    is_crowded: IsCrowded,
) -> Comparable:
    """Return what matching makes of an interaction; nothing once it is erased.

    Blocked values have no part in it. The keys and values of two divisions never meet.
    """
    if isinstance(personal, Erased):
        return Comparable("")
    valid = [
        NormalisedIdentifier(one.type, one.family, one.normalised)
        for one in personal.identifiers
        if one.normalised is not None and one.family is not None
    ]
    raw = [(one.type, one.value) for one in personal.identifiers if not one.blocked]
    record = build_record(personal.profile, valid, raw)
    said = None if record.is_empty else record
    return Comparable(
        f"{personal.source}\0{personal.id}",
        said,
        hashed_keys(said, digests.block_secret(division), is_crowded),
        tuple(mentions_of(personal.identifiers, division, digests)),
    )


def mentions_of(
    given: Sequence[GivenIdentifier], division: str, digests: DigestKeys
) -> Iterator[Mention]:
    """Yield the mention of each of these identifiers that is valid, in order."""
    for one in given:
        if one.family is not None and one.normalised is not None:  # as in _considered
            digest = digests.identifier_key(division, one.family, one.scope, one.normalised)
            yield Mention(digest, digests.kind(decides_as(one)), one.verified)


def decides_as(one: GivenIdentifier) -> str:
    """Return the type under which the policy lets a value decide: a line or a mailbox may be that of a
    place, where several people are."""
    if one.family == "phone" and one.normalised is not None:
        return line_type(one.normalised) or one.type
    if one.family == "email" and one.normalised is not None:
        is_desk = is_role_mailbox(one.normalised.partition("@")[0])
        return ROLE_MAILBOX if is_desk else one.type
    return one.type


def _given(
    type_: str,
    value: str,
    scope: str | None,
    verified: bool | None,
    country: str | None,
    policy: Policy,
) -> GivenIdentifier:
    family, normalised = None, None
    blocked = policy.is_blocked(value)
    try:
        found = normalise_identifier(type_, value, country)
        blocked = blocked or (found.value != value and policy.is_blocked(found.value))
        if not blocked:
            family, normalised = found.family, found.value
    except InvalidIdentifier:
        pass
    return GivenIdentifier(
        type=type_,
        value=value,
        scope=scope,
        verified=verified,
        family=family,
        normalised=normalised,
        blocked=blocked,
    )


def considered(
    given: Sequence[GivenIdentifier], mentions: Iterable[Mention], channel: str, policy: Policy
) -> list[Considered]:
    """Keep the identifiers that may decide, each value once, under its strongest class.

    `mentions` are those of the identifiers given: each of them that is valid has one, in order.
    """
    best: dict[bytes, Considered] = {}
    digests = (mention.digest for mention in mentions)
    for one in given:
        if one.family is None or one.normalised is None:
            continue
        verified = policy.counts_as_verified(channel, one.type, one.verified)
        digest = next(digests)
        class_ = policy.class_of(decides_as(one), verified)
        if digest not in best or (verified and not best[digest].verified):
            best[digest] = Considered(one, one.family, one.normalised, class_, verified, digest)
    return list(best.values())


def _country(profile: Mapping[str, str], policy: Policy) -> str | None:
    country = profile.get("country", "").strip().upper()
    return country if len(country) == 2 and country.isalpha() else policy.default_country
