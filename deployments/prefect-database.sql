-- Run once by the postgres image on an empty volume; Prefect's tables stay apart from the bands.
CREATE DATABASE prefect;
\connect prefect
CREATE EXTENSION IF NOT EXISTS pg_trgm;
