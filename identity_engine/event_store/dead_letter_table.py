"""The table of dead letters, which lies beside the events (`ingestion.dead_letters` writes it)."""

from typing import Final

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS dead_letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    stream TEXT NOT NULL,
    position INTEGER NOT NULL,
    received_at TEXT NOT NULL,
    day TEXT NOT NULL,
    codes TEXT NOT NULL,          -- JSON array of distinct fault codes
    faults TEXT NOT NULL,         -- JSON array of [code, message, pointer]
    sealed BLOB NOT NULL,         -- nonce, then AES-256-GCM of the original bytes
    is_truncated INTEGER NOT NULL,
    -- dropped: a person closed it
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'redriven', 'dropped')),
    count INTEGER NOT NULL DEFAULT 1,
    file BLOB,                    -- sealed likewise, the name of the file it is from
    UNIQUE (stream, position)
) STRICT;
CREATE INDEX IF NOT EXISTS dead_letters_by_state ON dead_letters (state, id);
CREATE INDEX IF NOT EXISTS dead_letters_by_day ON dead_letters (day);
"""

ADD_FILE: Final = "ALTER TABLE dead_letters ADD COLUMN file BLOB"
"""For a table that was made before the name of the file was kept."""
