-- The parts of a store. Views have schemas of their own, one for each generation.
CREATE SCHEMA identity_engine;
CREATE SCHEMA identity_engine_keys;
CREATE SCHEMA identity_engine_dead_letters;

CREATE TABLE identity_engine.stored_events (
    rowid bigint PRIMARY KEY, -- the position, given under the lock of the table
    originator_id bytea NOT NULL,
    originator_version bigint NOT NULL,
    topic text COLLATE "C" NOT NULL,
    state bytea NOT NULL,
    UNIQUE (originator_id, originator_version)
);
-- States are sealed, so the server would try to compress them for nothing.
ALTER TABLE identity_engine.stored_events ALTER COLUMN state SET STORAGE EXTERNAL;
CREATE TABLE identity_engine.index_version (number bigint NOT NULL);
CREATE TABLE identity_engine.live_views (
    version bigint NOT NULL, -- of the projections' code
    number bigint NOT NULL
);
INSERT INTO identity_engine.live_views VALUES (0, 0);
