-- Whoever writes holds the lock of this empty table. To lock the log itself one would need a right to
-- change what is stored there, which a writer has not.
CREATE TABLE identity_engine.one_writer ();
