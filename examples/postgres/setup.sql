-- Prepares PostgreSQL for the catalogue of one store. Its administrator runs this once; once more changes nothing:
--
--     psql -v store=arlo -f setup.sql postgres
--
-- Afterwards there is an empty database of that name, and three roles, none with a password yet (`\password arlo`):
--
--     arlo_migrator   owns the tables and alone alters them: `init`, and the `upgrade` after a new version of arlo-rec
--     arlo            does the work of every day, under the name of the login account that owns the store
--     arlo_reader     reads alone: for a copy of the store on a disk that cannot be written, and for figures of the server
--
-- The address of the catalogue names no user, so that each run says which role it has:
--
--     sudo -u arlo env PGUSER=arlo_migrator arlo-rec init --officer NAME --catalogue postgres://HOST/arlo
--     sudo -u arlo env PGUSER=arlo_migrator arlo-rec upgrade --key-file /etc/arlo-rec/cron.key
--
-- Everything else runs as `arlo`. Its password stands in ~/.pgpass of that account; the migrator's in another file, which
-- PGPASSFILE names for these two runs and which goes afterwards. In pg_hba.conf:
--
--     hostssl  arlo  arlo,arlo_migrator,arlo_reader  192.0.2.10/32  scram-sha-256
\set ON_ERROR_STOP on
\set migrator :store _migrator
\set reader :store _reader

SELECT format('CREATE ROLE %I LOGIN', name) FROM unnest(ARRAY[:'store', :'migrator', :'reader']) AS name
WHERE to_regrole(quote_ident(name)) IS NULL \gexec
SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING ''UTF8'' LOCALE ''C''', :'store', :'migrator')
WHERE NOT EXISTS (SELECT 1 FROM pg_database WHERE datname = :'store') \gexec

REVOKE ALL ON DATABASE :"store" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"store" TO :"store", :"reader";
\connect :"store"
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO :"store", :"reader";
-- What the migrator makes, at `init` or in an upgrade, is theirs to use without a word.
ALTER DEFAULT PRIVILEGES FOR ROLE :"migrator" IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"store";
ALTER DEFAULT PRIVILEGES FOR ROLE :"migrator" IN SCHEMA public GRANT SELECT ON TABLES TO :"reader";
