"""What would be so: the views of some contacts after events that are decided and not stored.

A preview made this way is the result, because it is the same fold over the same events.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256

import orjson

from aggregates.errors import Refused
from aggregates.values import ContactId
from identity_engine.application.actor_context import ActorContext
from identity_engine.application.command import Command
from identity_engine.application.known import events_of, with_values
from identity_engine.event_store.mapper import Pending
from projections.base import Recorded
from projections.runner import Views


@contextmanager
def foreseen(
    context: ActorContext, contact_ids: Iterable[ContactId], pending: Sequence[Pending]
) -> Iterator[Views]:
    """Open views of what these contacts are now, followed by these events."""
    head = context.follower.follow()
    live = context.follower.views.connection
    now = context.store.now()
    own = events_of(context.store, live, contact_ids)
    events = with_values(context.store, own)
    events += [
        Recorded(
            head + place,
            event.stream_id,
            event.version,
            now,
            event.header,
            event.fact,
            event.key.key_id if event.key is not None else 0,
            event.subject,
        )
        for place, event in enumerate(pending, 1)
    ]
    with context.follower.replayed(events) as views:
        yield views


def token_of(
    context: ActorContext, command: Command, members: Iterable[ContactId], *asked: object
) -> str:
    """Return the digest of all that a preview rests on: every event that it is made of, and the policy,
    which says what comes first.

    Args:
        context: its views have been followed just before the command began.
        command: it has loaded the members, each of which counts as it is under the lock.
        members: every contact that takes part.
        asked: what the preview is of, as JSON can say it.
    """
    ids, contacts = sorted(members), command.index.contacts
    rows = [(one, contacts[one].revision, contacts[one].touched) for one in ids]
    store, views, cursor = context.store, context.follower.views.connection, command.cursor
    own = events_of(store, views, ids, cursor=cursor)
    events = [event.position for event in with_values(store, own, cursor=cursor)]
    whole = [*asked, command.rules.policy_version, rows, events]
    return sha256(orjson.dumps(whole)).hexdigest()[:32]


def refuse_changed(previewed: str, now: str) -> None:
    """Refuse what is not what was previewed.

    Args:
        previewed: the token that came with the preview.
        now: the token of what is about to be done.

    Raises:
        Refused: `changed`.
    """
    if previewed != now:
        raise Refused(
            "changed",
            "This is not what was previewed: something that it shows changed since, or something "
            "else was asked for. Look at the preview again.",
        )
