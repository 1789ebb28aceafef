-- The name of the file that a dead letter is from, sealed. A new store has no table yet, and gets it whole.
ALTER TABLE IF EXISTS identity_engine_dead_letters.dead_letters ADD COLUMN IF NOT EXISTS file bytea;
