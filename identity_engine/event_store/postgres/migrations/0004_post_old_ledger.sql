-- Where migrations were written down before they had phases.
DROP TABLE IF EXISTS public.identity_engine_migration;
