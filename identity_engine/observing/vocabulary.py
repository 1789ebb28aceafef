"""All that a logbook may say: the names of events and of their fields. What is not here is not said.

An event names what happened, its fields are numbers, codes and opaque ids. No field is meant for a
value of a person, a text of another system, or the name of a file.
"""

from collections.abc import Mapping
from typing import Final

EVENTS: Final[Mapping[str, str]] = {
    "started": "a verb began its work",
    "stopped": "a verb came to its end",
    "failed": "a verb ended with an error",
    "monitor_listening": "health and metrics answer at this address",
    "batch_committed": "a batch is on disk; its source is read up to that position",
    "source_read": "how far a further source is read with a batch that is on disk",
    "dead_letters_kept": "input that cannot be used was kept",
    "decided_again": "another writer was faster, so a batch or a step was decided again",
    "fenced": "another worker reads this source now; nothing of the batch was written",
    "waiting": "the store or the brokers are away, busy or full; it is tried again",
    "recovered": "what was waited for is back",
    "partitions_dealt": "the group gave this worker its partitions",
    "partition_read": "how far a partition is read",
    "messages_missed": "Kafka had deleted messages before they were read",
    "end_lost": "the broker has lost its end of a partition, which is read from its beginning",
    "message_unreadable": "the client cannot read a message; its place is kept as a dead letter",
    "records_unreadable": "records of a source outside had not the form agreed on and were left out",
    "hint_refused": "the group did not take the position that is told to it as a hint",
    "step_evaluated": "a step of the re-evaluation is on disk",
    "events_replayed": "a rebuild, of the views or of the match index, has read on in the log",
    "topic_made": "a topic that was missing was made, with this clean-up policy",
    "topic_unseen": "whether a topic has this clean-up policy may not be seen",
    "topic_told": "how far a topic is told what the log holds",
    "views_held": "which views this worker keeps at the head of the log from now on",
    "views_moved": "how far its views have come, and by how many events since it began",
    "old_views_left": "somebody still reads views that were replaced; they are dropped later",
    "damaged_views_replaced": "the views that a rebuild replaces cannot be read",
    "views_swapped": "views that were built anew are live",
    "migration_applied": "a migration changed the schema of the store",
    "crm_worked": "a run of the CRM worker is done",
    "mails_tried": "all mails that were due have been tried",
    "foreign": "another package logged an error; its text is left out, since nobody vouches for it; "
    "told once a minute for each place, with the count since",
}

FIELDS: Final[Mapping[str, str]] = {
    "accepted": "interactions and changes that were taken",
    "address": "HOST:PORT",
    "code": "a stable code of what went wrong",
    "corrected": "corrections that the CRM took",
    "count": "how many",
    "created": "records that the CRM made",
    "duplicates": "known before; nothing was written",
    "end": "the offset that the broker gives next",
    "error": "the class of an error",
    "failed": "how many failed",
    "lag": "messages that are not read yet, at most",
    "logger": "who logged it",
    "merged": "merges",
    "moved": "links that moved",
    "number": "of a migration",
    "on": "what is waited for: `store` or `brokers`",
    "partition": "the number of a partition",
    "place": "module and line",
    "position": "of the log, of a file in bytes, or the next offset of a partition",
    "rejected": "what could not be used",
    "seconds": "how long it took",
    "source": "the name of a source in the store; a file is named by a fingerprint",
    "sent": "mails that were sent",
    "topic": "a topic of Kafka",
    "unmerged": "merges undone",
    "unsure": "mails of which nobody knows whether they were sent",
    "verb": "the verb",
    "version": "of this product",
    "views": "names of views, joined by a plus, or `none`",
    "waiting": "how many still wait",
    "written": "activities that the CRM took",
}
