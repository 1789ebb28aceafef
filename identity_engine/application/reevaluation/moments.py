"""When what re-evaluation writes became true: by the interactions that it rests on, not by the clock.

A value speaks of several people since the interaction that showed it, and not since somebody had time to
count them. By the clock two ingests of one file would tell two histories.
"""

from collections.abc import Collection
from datetime import datetime

from aggregates.values import ContactId
from identity_engine.event_store.match_index.index_reader import IndexReader
from projections.match_index.identities import moment_of
from projections.match_index.rows import InteractionRow


def time_of(row: InteractionRow) -> datetime:
    """Return when an interaction was."""
    return moment_of(row.time)


def last_seen(reader: IndexReader, contact_ids: Collection[ContactId]) -> datetime:
    """Return when the latest interaction of some loaded contacts was, else when the last was born.

    What ends between them has ended by then: which interaction ended it is not known, because it may
    be one that is gone.
    """
    reader.load_all_of(contact_ids)
    index = reader.index
    times = [time_of(row) for one in contact_ids for row in index.interactions_of(one)]
    return max(times or [index.contacts[one].state.born for one in contact_ids])
