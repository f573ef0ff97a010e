-- One user name may have several accounts, told apart by the host pattern from which they connect.
-- The same text runs on SQLite and on PostgreSQL; SQLite cannot change a primary key in place.

CREATE TABLE user_accounts (
    name TEXT NOT NULL,
    host TEXT NOT NULL,
    plugin TEXT NOT NULL,
    credential TEXT NOT NULL,
    administrator BIGINT NOT NULL,
    locked BIGINT NOT NULL,
    -- What the connection must prove beside the password: '' nothing, 'ANY' TLS, 'X509' a client
    -- certificate, 'SPECIFIED' one with this subject and issuer, as in MySQL's `mysql.user.ssl_type`.
    tls TEXT NOT NULL,
    tls_issuer TEXT NOT NULL,
    tls_subject TEXT NOT NULL,
    -- Milliseconds since 1970 in UTC; NULL where it was not noted.
    created_ms BIGINT,
    password_changed_ms BIGINT,
    PRIMARY KEY (name, host)
);

INSERT INTO user_accounts (name, host, plugin, credential, administrator, locked, tls, tls_issuer, tls_subject)
    SELECT name, host, plugin, credential, administrator, 0, '', '', '' FROM users;

DROP TABLE users;
ALTER TABLE user_accounts RENAME TO users;
