//! The table of settings: the one place where a setting, its default and its meaning stand.
//!
//! A setting's field in [`super::Config`] has the same name; a test compares the two.

use super::kind::{Kind, Unit};
use super::setting::{Role, Setting};

const COORDINATOR: &[Role] = &[Role::Coordinator];
const WORKER: &[Role] = &[Role::Worker];
const BOTH: &[Role] = &[Role::Coordinator, Role::Worker];

/// In the order in which `mooring config` shows them; a section stands in one piece.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "state.folder",
        default: r#""./mooring-data""#,
        kind: Kind::Text,
        roles: BOTH,
        help: "The folder of this node's own files: the SQLite state store, the cluster's \
               secret, the warehouse and spilled data, where nothing else is said.",
    },
    Setting {
        key: "state.url",
        default: r#""""#,
        kind: Kind::Secret,
        roles: COORDINATOR,
        help: "A PostgreSQL database for the state store \
               (`postgresql://USER:PASSWORD@HOST/DATABASE`), needed when there are several \
               coordinators. Empty: SQLite in the state folder.",
    },
    Setting {
        key: "cluster.secret",
        default: r#""""#,
        kind: Kind::Secret,
        roles: BOTH,
        help: "The secret that all nodes of the cluster share and prove to each other. \
               Empty: the file `cluster-secret` in the state folder, which a coordinator \
               makes at its first start.",
    },
    Setting {
        key: "coordinator.number",
        default: "0",
        kind: Kind::Integer { least: 0, most: 2047 },
        roles: COORDINATOR,
        help: "Another number for each coordinator of a cluster: it stands in the ids of its \
               connections, so that they are unique.",
    },
    Setting {
        key: "coordinator.shutdown_timeout_ms",
        default: "30000",
        kind: Kind::Duration { unit: Unit::Milliseconds, least: 0 },
        roles: COORDINATOR,
        help: "How long running queries may go on after the coordinator was asked to stop.",
    },
    Setting {
        key: "coordinator.worker_timeout_ms",
        default: "3000",
        kind: Kind::Duration { unit: Unit::Milliseconds, least: 1 },
        roles: COORDINATOR,
        help: "A worker that sent no heartbeat for so long is gone. Several times \
               `worker.heartbeat_ms`.",
    },
    Setting {
        key: "coordinator.mysql.listen",
        default: r#""127.0.0.1:3307""#,
        kind: Kind::ListenAddress,
        roles: COORDINATOR,
        help: "Where MySQL clients connect.",
    },
    Setting {
        key: "coordinator.mysql.connections_max",
        default: "1000",
        kind: Kind::Integer { least: 1, most: 100_000 },
        roles: COORDINATOR,
        help: "Connections at once; one more is refused with `too many connections`.",
    },
    Setting {
        key: "coordinator.mysql.connections_per_user_max",
        default: "0",
        kind: Kind::Integer { least: 0, most: 100_000 },
        roles: COORDINATOR,
        help: "Connections of one user at once. 0: no limit.",
    },
    Setting {
        key: "coordinator.mysql.handshake_timeout_ms",
        default: "10000",
        kind: Kind::Duration { unit: Unit::Milliseconds, least: 1 },
        roles: COORDINATOR,
        help: "A client that is not logged in after so long is disconnected.",
    },
    Setting {
        key: "coordinator.mysql.handshake_max_bytes",
        default: "73728",
        kind: Kind::Integer { least: 4096, most: 16_777_216 },
        roles: COORDINATOR,
        help: "What a client may send before it is logged in. (MySQL bounds the connection \
               attributes, the longest part, to 64 KiB.)",
    },
    Setting {
        key: "coordinator.mysql.wait_timeout_s",
        default: "28800",
        kind: Kind::Duration { unit: Unit::Seconds, least: 1 },
        roles: COORDINATOR,
        help: "A connection that is idle for so long is closed, unless its client has set \
               `wait_timeout`.",
    },
    Setting {
        key: "coordinator.mysql.write_timeout_s",
        default: "600",
        kind: Kind::Duration { unit: Unit::Seconds, least: 1 },
        roles: COORDINATOR,
        help: "A client that takes no bytes of its result for so long is disconnected.",
    },
    Setting {
        key: "coordinator.mysql.max_allowed_packet_bytes",
        default: "67108864",
        kind: Kind::Integer { least: 1024, most: 1_073_741_824 },
        roles: COORDINATOR,
        help: "The longest statement or parameter that a client may send.",
    },
    Setting {
        key: "coordinator.mysql.prepared_statements_max",
        default: "16382",
        kind: Kind::Integer { least: 0, most: 4_194_304 },
        roles: COORDINATOR,
        help: "Statements that all clients together may hold prepared.",
    },
    Setting {
        key: "coordinator.mysql.login_failures_max",
        default: "5",
        kind: Kind::Integer { least: 0, most: 1_000_000 },
        roles: COORDINATOR,
        help: "Failed logins in a row from one address before the next ones are delayed.",
    },
    Setting {
        key: "coordinator.mysql.login_delay_max_ms",
        default: "4000",
        kind: Kind::Duration { unit: Unit::Milliseconds, least: 0 },
        roles: COORDINATOR,
        help: "The longest delay of a login after failed ones; it begins at 250 ms and doubles \
               with each failure. At most half of `coordinator.mysql.handshake_timeout_ms`. 0: \
               none.",
    },
    Setting {
        key: "coordinator.mysql.tcp_keepalive_s",
        default: "60",
        kind: Kind::Integer { least: 1, most: 3600 },
        roles: COORDINATOR,
        help: "A client that was silent for so long is probed: a vanished one is noticed, and no \
               load balancer forgets the connection. Below their idle limit, mostly 350 s.",
    },
    Setting {
        key: "coordinator.mysql.tls_certificate",
        default: r#""""#,
        kind: Kind::Text,
        roles: COORDINATOR,
        help: "A PEM file: the server's certificate, then those that lead to its root. Read again \
               when it changes. Empty: no TLS; the laptop cluster makes a certificate of its own \
               in the state folder.",
    },
    Setting {
        key: "coordinator.mysql.tls_key",
        default: r#""""#,
        kind: Kind::Text,
        roles: COORDINATOR,
        help: "A PEM file: the private key of `coordinator.mysql.tls_certificate`. Read again \
               when it changes.",
    },
    Setting {
        key: "coordinator.mysql.tls_client_ca",
        default: r#""""#,
        kind: Kind::Text,
        roles: COORDINATOR,
        help: "A PEM file: the certificates that sign clients' certificates, which are then asked \
               for and checked. Who needs one is each user's REQUIRE. Empty: no client is asked.",
    },
    Setting {
        key: "coordinator.mysql.require_tls",
        default: "false",
        kind: Kind::Boolean,
        roles: COORDINATOR,
        help: "Refuse clients without TLS before they can send a password.",
    },
    Setting {
        key: "coordinator.mysql.proxy_networks",
        default: "[]",
        kind: Kind::Networks,
        roles: COORDINATOR,
        help: "Networks of load balancers whose PROXY protocol headers (version 1 or 2) are \
               believed, such as `10.0.0.0/8`. Empty: none.",
    },
    Setting {
        key: "coordinator.flight_sql.listen",
        default: r#""127.0.0.1:50051""#,
        kind: Kind::ListenAddress,
        roles: COORDINATOR,
        help: "Where Flight SQL clients (JDBC, ADBC, Arrow) connect, with TLS or without. \
               Certificates, `require_tls`, `proxy_networks` and the delays after failed logins are those of \
               `coordinator.mysql`.",
    },
    Setting {
        key: "coordinator.flight_sql.connections_max",
        default: "1000",
        kind: Kind::Integer { least: 1, most: 100_000 },
        roles: COORDINATOR,
        help: "Connections at once; one more is closed.",
    },
    Setting {
        key: "coordinator.flight_sql.calls_per_connection_max",
        default: "100",
        kind: Kind::Integer { least: 1, most: 65_536 },
        roles: COORDINATOR,
        help: "Calls of one connection at once; more wait at the client.",
    },
    Setting {
        key: "coordinator.flight_sql.handshake_timeout_ms",
        default: "10000",
        kind: Kind::Duration { unit: Unit::Milliseconds, least: 1 },
        roles: COORDINATOR,
        help: "A connection that has brought no login and no token after so long is closed, \
               also one that asks for the server's health.",
    },
    Setting {
        key: "coordinator.flight_sql.body_timeout_s",
        default: "60",
        kind: Kind::Duration { unit: Unit::Seconds, least: 1 },
        roles: COORDINATOR,
        help: "A call of which the client sends nothing more for so long, before its end, is ended.",
    },
    Setting {
        key: "coordinator.flight_sql.keepalive_s",
        default: "60",
        kind: Kind::Duration { unit: Unit::Seconds, least: 1 },
        roles: COORDINATOR,
        help: "A client that was silent for so long is asked whether it is still there.",
    },
    Setting {
        key: "coordinator.flight_sql.write_timeout_s",
        default: "600",
        kind: Kind::Duration { unit: Unit::Seconds, least: 1 },
        roles: COORDINATOR,
        help: "A client that takes nothing of its result for so long loses it.",
    },
    Setting {
        key: "coordinator.flight_sql.message_max_bytes",
        default: "67108864",
        kind: Kind::Integer { least: 65_536, most: 1_073_741_824 },
        roles: COORDINATOR,
        help: "The longest statement, and all parameters that are bound at once. Calls that are \
               still being sent may take 8 times as much, and so may prepared statements with \
               their parameters; of this one user may take a quarter.",
    },
    Setting {
        key: "coordinator.flight_sql.token_lifetime_s",
        default: "86400",
        kind: Kind::Duration { unit: Unit::Seconds, least: 1 },
        roles: COORDINATOR,
        help: "How long a token is taken after its login, however busy its session is. An \
               idle session ends after `coordinator.mysql.wait_timeout_s`.",
    },
    Setting {
        key: "coordinator.flight_sql.ticket_lifetime_s",
        default: "300",
        kind: Kind::Duration { unit: Unit::Seconds, least: 1 },
        roles: COORDINATOR,
        help: "How long a result waits for its client, and its ticket is taken.",
    },
    Setting {
        key: "coordinator.flight_sql.sessions_max",
        default: "1000",
        kind: Kind::Integer { least: 1, most: 100_000 },
        roles: COORDINATOR,
        help: "Sessions at once; one more is refused.",
    },
    Setting {
        key: "coordinator.flight_sql.sessions_per_user_max",
        default: "0",
        kind: Kind::Integer { least: 0, most: 100_000 },
        roles: COORDINATOR,
        help: "Sessions of one user at once. 0: no limit.",
    },
    Setting {
        key: "coordinator.flight_sql.results_per_session_max",
        default: "16",
        kind: Kind::Integer { least: 1, most: 65_536 },
        roles: COORDINATOR,
        help: "Results that a session has begun and not read to their end.",
    },
    Setting {
        key: "coordinator.flight_sql.prepared_statements_max",
        default: "16382",
        kind: Kind::Integer { least: 0, most: 4_194_304 },
        roles: COORDINATOR,
        help: "Statements that all clients together may hold prepared; those of one user at most \
               a quarter of them.",
    },
    Setting {
        key: "coordinator.flight_sql.parameter_rows_max",
        default: "10000",
        kind: Kind::Integer { least: 1, most: 1_000_000 },
        roles: COORDINATOR,
        help: "Rows of parameters that are bound at once; the statement runs once for each.",
    },
    Setting {
        key: "coordinator.flight_sql.clear_passwords",
        default: "false",
        kind: Kind::Boolean,
        roles: COORDINATOR,
        help: "Take passwords that come over a network outside of TLS, where something in \
               between encrypts. From the same machine they are taken anyway.",
    },
    Setting {
        key: "coordinator.flight_sql.jwt_keys",
        default: r#""""#,
        kind: Kind::Text,
        roles: COORDINATOR,
        help: "A file with the public keys (a JWK Set) of who signs tokens that are taken as \
               they are, without Handshake. Read again when it changes. RSA, P-256, P-384 and \
               Ed25519. Empty: no such tokens.",
    },
    Setting {
        key: "coordinator.flight_sql.jwt_issuer",
        default: r#""""#,
        kind: Kind::Text,
        roles: COORDINATOR,
        help: "What such a token has as its `iss`. Needed with \
               `coordinator.flight_sql.jwt_keys`.",
    },
    Setting {
        key: "coordinator.flight_sql.jwt_audience",
        default: r#""""#,
        kind: Kind::Text,
        roles: COORDINATOR,
        help: "What such a token has in its `aud`. Needed with \
               `coordinator.flight_sql.jwt_keys`.",
    },
    Setting {
        key: "coordinator.flight_sql.jwt_user_claim",
        default: r#""sub""#,
        kind: Kind::Text,
        roles: COORDINATOR,
        help: "The claim of such a token that is the name of its user, whose account must be \
               made `IDENTIFIED WITH authentication_jwt`.",
    },
    Setting {
        key: "coordinator.http.listen",
        default: r#""127.0.0.1:8080""#,
        kind: Kind::ListenAddress,
        roles: COORDINATOR,
        help: "Where health and metrics are served.",
    },
    Setting {
        key: "coordinator.internal.listen",
        default: r#""127.0.0.1:50061""#,
        kind: Kind::ListenAddress,
        roles: COORDINATOR,
        help: "Where workers connect.",
    },
    Setting {
        key: "coordinator.internal.advertise",
        default: r#""""#,
        kind: Kind::HostPort,
        roles: COORDINATOR,
        help: "The address under which workers see this coordinator. Empty: the listen \
               address.",
    },
    Setting {
        key: "coordinator.secrets.key",
        default: r#""""#,
        kind: Kind::Secret,
        roles: COORDINATOR,
        help: "What secret properties of catalogs that SQL defines are sealed with in the state store: 32 \
               characters or more, such as `openssl rand -hex 32` prints, and the same on all coordinators. \
               Empty: the file `secrets-key` in the state folder, which a laptop cluster makes when it \
               first needs it; a coordinator alone then takes references to secrets only.",
    },
    Setting {
        key: "coordinator.secrets.former_key",
        default: r#""""#,
        kind: Kind::Secret,
        roles: COORDINATOR,
        help: "The key before this one. What was sealed with it is still read, and sealed with \
               `coordinator.secrets.key` when its catalog is altered.",
    },
    Setting {
        key: "coordinator.secrets.references",
        default: r#"["env:", "file:"]"#,
        kind: Kind::References,
        roles: COORDINATOR,
        help: "How references to secrets must begin in catalogs that SQL defines, such as `env:CATALOG_` and \
               `file:/run/secrets/`: whoever defines catalogs can send what they hold to a server of their \
               choice. `env:` and `file:` alone allow any variable and any file. In the environment: \
               separated by commas.",
    },
    Setting {
        key: "coordinator.queries.running_max",
        default: "64",
        kind: Kind::Integer { least: 1, most: 100_000 },
        roles: COORDINATOR,
        help: "Queries that run at once; more wait in the queue.",
    },
    Setting {
        key: "coordinator.queries.queued_max",
        default: "1000",
        kind: Kind::Integer { least: 0, most: 1_000_000 },
        roles: COORDINATOR,
        help: "Queries that wait at once; more are refused.",
    },
    Setting {
        key: "coordinator.queries.queue_timeout_ms",
        default: "60000",
        kind: Kind::Duration { unit: Unit::Milliseconds, least: 0 },
        roles: COORDINATOR,
        help: "A query that has waited for so long is refused.",
    },
    Setting {
        key: "coordinator.queries.history_max",
        default: "1000",
        kind: Kind::Integer { least: 0, most: 1_000_000 },
        roles: COORDINATOR,
        help: "Finished queries that `system.runtime.queries` still shows.",
    },
    Setting {
        key: "coordinator.queries.retries_max",
        default: "2",
        kind: Kind::Integer { least: 0, most: 100 },
        roles: COORDINATOR,
        help: "How often a query is run again whose worker went away before a row reached \
               the client.",
    },
    Setting {
        key: "worker.listen",
        default: r#""127.0.0.1:0""#,
        kind: Kind::ListenAddress,
        roles: WORKER,
        help: "Where coordinators and other workers connect. Port 0: any free one.",
    },
    Setting {
        key: "worker.advertise",
        default: r#""""#,
        kind: Kind::HostPort,
        roles: WORKER,
        help: "The address under which the other nodes see this worker. Empty: the listen \
               address.",
    },
    Setting {
        key: "worker.coordinators",
        default: "[]",
        kind: Kind::HostPorts,
        roles: WORKER,
        help: "The internal addresses of the cluster's coordinators. A name that resolves to \
               several addresses stands for all of them. In the environment: separated by \
               commas.",
    },
    Setting {
        key: "worker.http_listen",
        default: r#""""#,
        kind: Kind::Text,
        roles: WORKER,
        help: "Where a worker serves /health, /ready and /metrics, as `IP:PORT`. Empty: nowhere.",
    },
    Setting {
        key: "worker.heartbeat_ms",
        default: "500",
        kind: Kind::Duration { unit: Unit::Milliseconds, least: 1 },
        roles: WORKER,
        help: "How often a worker tells its coordinators that it is alive.",
    },
    Setting {
        key: "worker.drain_timeout_ms",
        default: "30000",
        kind: Kind::Duration { unit: Unit::Milliseconds, least: 0 },
        roles: WORKER,
        help: "How long running tasks may go on after the worker was asked to stop.",
    },
    Setting {
        key: "engine.target_partitions",
        default: "0",
        kind: Kind::Integer { least: 0, most: 65_536 },
        roles: BOTH,
        help: "Partitions that a stage is split into on one node. 0: one per core.",
    },
    Setting {
        key: "engine.batch_size_rows",
        default: "16384",
        kind: Kind::Integer { least: 1, most: 1_048_576 },
        roles: BOTH,
        help: "Rows that operators hand on at once.",
    },
    Setting {
        key: "engine.memory_limit_bytes",
        default: "0",
        kind: Kind::Integer { least: 0, most: i64::MAX },
        roles: BOTH,
        help: "Memory for the operators of all queries on this node; what needs more is \
               spilled or fails. 0: 80 percent of the memory of the machine or of its \
               control group; 4 GiB where the system does not say.",
    },
    Setting {
        key: "engine.spill_folder",
        default: r#""""#,
        kind: Kind::Text,
        roles: BOTH,
        help: "Where operators put what does not fit into memory. Empty: `spill` in the \
               state folder.",
    },
    Setting {
        key: "engine.distributed_bytes_per_partition",
        default: "16777216",
        kind: Kind::Integer { least: 1, most: i64::MAX },
        roles: BOTH,
        help: "Bytes of files for one partition of a distributed scan; fewer spread a small \
               query over more workers.",
    },
    Setting {
        key: "engine.broadcast_join_bytes_max",
        default: "33554432",
        kind: Kind::Integer { least: 0, most: i64::MAX },
        roles: BOTH,
        help: "A join copies a side that is estimated to have at most so many bytes to every \
               task; larger ones are both moved to where their keys meet.",
    },
    Setting {
        key: "engine.dynamic_filter_wait_ms",
        default: "20000",
        kind: Kind::Integer { least: 0, most: 600_000 },
        roles: BOTH,
        help: "How long a scan of a relational source waits for the keys of the join that it \
               feeds. Later it begins without them, and reads more rows.",
    },
    Setting {
        key: "engine.pushdown",
        default: "true",
        kind: Kind::Boolean,
        roles: COORDINATOR,
        help: "Relational sources do the parts of queries that mean the same there. A session \
               begins with it as its variable `pushdown`.",
    },
    Setting {
        key: "engine.pushdown_verify",
        default: "false",
        kind: Kind::Boolean,
        roles: COORDINATOR,
        help: "Every query of which something is pushed runs a second time without, and fails \
               if the rows differ. A session begins with it as its variable `pushdown_verify`.",
    },
    Setting {
        key: "lake.warehouse",
        default: r#""""#,
        kind: Kind::Text,
        roles: COORDINATOR,
        help: "Where tables of catalog `lake` live that name no location: a folder or an \
               `s3://` URL. Empty: `warehouse` in the state folder.",
    },
    Setting {
        key: "lake.s3_region",
        default: r#""""#,
        kind: Kind::Text,
        roles: COORDINATOR,
        help: "The region of the buckets of catalog `lake`. Empty: as the AWS environment \
               says.",
    },
    Setting {
        key: "lake.s3_endpoint",
        default: r#""""#,
        kind: Kind::Text,
        roles: COORDINATOR,
        help: "The URL of a store that speaks S3 but is not AWS. Empty: AWS.",
    },
    Setting {
        key: "lake.s3_access_key",
        default: r#""""#,
        kind: Kind::Secret,
        roles: COORDINATOR,
        help: "The access key for these buckets. Empty: as the AWS environment says.",
    },
    Setting {
        key: "lake.s3_secret_key",
        default: r#""""#,
        kind: Kind::Secret,
        roles: COORDINATOR,
        help: "The secret that belongs to the access key.",
    },
    Setting {
        key: "lake.s3_path_style",
        default: r#""""#,
        kind: Kind::OptionalBoolean,
        roles: COORDINATOR,
        help: "Whether the bucket stands in the URL's path (`true`) or in its host name (`false`). \
               Empty: as the S3 client chooses.",
    },
    Setting {
        key: "lake.footer_files_max",
        default: "64",
        kind: Kind::Integer { least: 1, most: 1_000_000 },
        roles: COORDINATOR,
        help: "Files of one table whose footers are read while a query is planned.",
    },
    Setting {
        key: "lake.http_allowed_hosts",
        default: r#""""#,
        kind: Kind::Text,
        roles: COORDINATOR,
        help: "Hosts, separated by commas, whose files are read over HTTP without TLS and whatever \
               their addresses. Others are read over HTTPS only, and never at an address of this \
               machine or of a cloud's metadata service.",
    },
    Setting {
        key: "lake.parquet_time_zone",
        default: r#""""#,
        kind: Kind::Text,
        roles: COORDINATOR,
        help: "The zone in whose wall time columns without zone show the instants of Parquet files (96-bit \
               timestamps, and those adjusted to UTC) that do not say it themselves, such as \
               `Europe/Berlin`. Empty: UTC.",
    },
    Setting {
        key: "paths.allowed",
        default: "[]",
        kind: Kind::Paths,
        roles: COORDINATOR,
        help: "Folders and URLs below which every user may query files by their path \
               (`SELECT ... FROM 's3://bucket/public/a.parquet'`). Administrators may everywhere. In \
               the environment: separated by commas.",
    },
    Setting {
        key: "log.filter",
        default: r#""info""#,
        kind: Kind::Text,
        roles: BOTH,
        help: "Which events are logged, as directives of `tracing`: \
               `info,mooring_coordinator=debug`.",
    },
    Setting {
        key: "log.format",
        default: r#""text""#,
        kind: Kind::Choice(&["text", "json"]),
        roles: BOTH,
        help: "How events are written to standard error: for people or one JSON object per \
               line.",
    },
];
