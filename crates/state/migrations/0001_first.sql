-- The same text runs on SQLite and on PostgreSQL: BIGINT and TEXT only.
-- A `folded_name` is the name in lower case: names that differ in case only exclude each other.

-- Facts about the store itself, such as which version of Mooring wrote it last.
CREATE TABLE store_facts (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- Sequences whose numbers are never given out twice. Its row is also the lock that orders
-- changes of catalogs.
CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

INSERT INTO counters (name, value) VALUES ('catalog', 0);

CREATE TABLE catalogs (
    id BIGINT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    folded_name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    properties TEXT NOT NULL
);

CREATE TABLE embedded_schemas (
    catalog_id BIGINT NOT NULL REFERENCES catalogs (id),
    name TEXT NOT NULL,
    folded_name TEXT NOT NULL,
    PRIMARY KEY (catalog_id, folded_name)
);

CREATE TABLE embedded_tables (
    catalog_id BIGINT NOT NULL,
    folded_schema TEXT NOT NULL,
    name TEXT NOT NULL,
    folded_name TEXT NOT NULL,
    definition TEXT NOT NULL,
    PRIMARY KEY (catalog_id, folded_schema, folded_name),
    FOREIGN KEY (catalog_id, folded_schema) REFERENCES embedded_schemas (catalog_id, folded_name)
);

CREATE TABLE users (
    name TEXT NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    plugin TEXT NOT NULL,
    credential TEXT NOT NULL,
    administrator BIGINT NOT NULL
);
