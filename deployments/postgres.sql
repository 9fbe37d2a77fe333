-- Run once by the postgres image on an empty volume, as its superuser. Nobody else is one: `bandcast` owns the bands,
-- `prefect` owns what Prefect's server keeps, and `bandcast_reader` reads the bands and nothing else.
\set ON_ERROR_STOP on
\set owner_password `cat "$OWNER_PASSWORD_FILE"`
\set reader_password `cat "$READER_PASSWORD_FILE"`
\set prefect_password `cat "$PREFECT_PASSWORD_FILE"`
-- A file that is missing or empty ends the script here: PostgreSQL would take an empty password for none.
SELECT 1 / least(length(:'owner_password'), length(:'reader_password'), length(:'prefect_password')) AS passwords;

CREATE ROLE bandcast LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'owner_password';
CREATE ROLE bandcast_reader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'reader_password';
CREATE ROLE prefect LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'prefect_password';
ALTER ROLE bandcast_reader SET default_transaction_read_only = on;

CREATE DATABASE bandcast OWNER bandcast;
REVOKE ALL ON DATABASE bandcast FROM PUBLIC;
GRANT CONNECT ON DATABASE bandcast TO bandcast_reader;

CREATE DATABASE prefect OWNER prefect;
REVOKE ALL ON DATABASE prefect FROM PUBLIC;

\connect prefect
ALTER SCHEMA public OWNER TO prefect;
CREATE EXTENSION IF NOT EXISTS pg_trgm;

\connect bandcast
ALTER SCHEMA public OWNER TO bandcast;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO bandcast_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO bandcast_reader;
-- Tables and views that later migrations make; a view counts as a table here.
ALTER DEFAULT PRIVILEGES FOR ROLE bandcast IN SCHEMA public GRANT SELECT ON TABLES TO bandcast_reader;
