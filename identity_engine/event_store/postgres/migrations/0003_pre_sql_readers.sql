-- Views for people and tools that read by SQL, and which rows each of them sees.
CREATE SCHEMA api_v1;
COMMENT ON SCHEMA api_v1 IS 'Contacts, and all that happened with them, for readers by SQL. Names and columns stay; new ones may come.';
CREATE TABLE identity_engine.division_reader (
    reader regrole NOT NULL, -- a role of the database; one that is made anew under its name is another
    division text COLLATE "C" NOT NULL, -- * stands for all
    PRIMARY KEY (reader, division)
);
ALTER TABLE identity_engine.live_views ADD COLUMN shown bigint NOT NULL DEFAULT 0; -- the generation in api_v1
