-- Catalogs that statements define stand here with their properties; those of a configuration are here for
-- their ids alone. The same text runs on SQLite and on PostgreSQL.

ALTER TABLE catalogs ADD COLUMN by_sql BIGINT NOT NULL DEFAULT 0;
ALTER TABLE catalogs ADD COLUMN comment TEXT;
