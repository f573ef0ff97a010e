#!/usr/bin/env bash
# The command line client of MariaDB (Debian's mariadb-client).
set -euo pipefail

passed=0
failed=0

# client USER PASSWORD ARGUMENT...: standard output and errors together.
#
# Without --skip-ssl MariaDB's client answers a server that has no TLS, when caching_sha2_password
# asks for the whole password, with the password in clear text instead of asking for the public key.
# Mooring takes no password in clear text, nor does MySQL on such a connection: both say 1045.
client() {
    local user=$1 password=$2
    shift 2
    MYSQL_PWD=$password mariadb --no-defaults --skip-ssl --protocol=tcp --host="$MOORING_TEST_HOST" --port="$MOORING_TEST_PORT" \
        --user="$user" "$@" 2>&1
}

# expect NAME EXPECTED ACTUAL
expect() {
    if [[ $3 == "$2" ]]; then
        passed=$((passed + 1))
        echo "ok: $1"
    else
        failed=$((failed + 1))
        printf 'FAILED: %s\nexpected: %s\nactual:   %s\n' "$1" "$2" "$3"
    fi
}

# expect_match NAME PATTERN ACTUAL
expect_match() {
    if [[ $3 =~ $2 ]]; then expect "$1" "$3" "$3"; else expect "$1" "(matching) $2" "$3"; fi
}

root() { client root "" "$@" </dev/null || true; }

# The client repeats the statement between dashes before it prints an error.
root_error() { root --execute "$1" | sed -n '/^ERROR /p'; }

expect "rows" 60175 "$(root --skip-column-names --batch --execute 'SELECT count(*) FROM tpch.tiny.lineitem')"
expect "labels" $'1\tcount(*)\n1\t5' "$(root --batch --execute 'SELECT 1, count(*) FROM tpch.tiny.region')"
expect "a table as people see it" $'+---+------+\n| 1 | a    |\n+---+------+\n| 1 | NULL |\n+---+------+' \
    "$(root --table --execute 'SELECT 1, NULL AS a')"
expect "the database of the command line" 5 \
    "$(root --skip-column-names --batch --database=tpch.tiny --execute 'SELECT count(*) FROM region')"
expect "use and show" $'part\npartsupp' \
    "$(root --skip-column-names --batch --execute "USE tpch.tiny; SHOW TABLES LIKE 'part%'")"

# Without --table nothing is said of types.
types=$(root --table --column-type-info --execute "SELECT count(*), CAST(1.5 AS DECIMAL(10, 2)), DATE '2024-02-29' FROM tpch.tiny.region" |
    sed -n 's/^Type: *//p' | tr '\n' ' ')
expect "column types" "LONGLONG NEWDECIMAL DATE " "$types"

expect_match "syntax error" '^ERROR 1064 \(42000\) at line 1: ' "$(root_error 'SELEKT 1')"
expect_match "unknown database" '^ERROR 1049 \(42000\)' "$(root_error 'USE nowhere')"
expect_match "unknown table" '^ERROR 1146 \(42S02\)' "$(root_error 'SELECT * FROM tpch.tiny.nothing')"
expect_match "unknown column" '^ERROR 1054 \(42S22\)' "$(root_error 'SELECT nothing FROM tpch.tiny.region')"
# --force goes on within standard input, not within --execute.
expect_match "the connection goes on after an error" $'ERROR 1146 [^\n]*\n1$' \
    "$(client root "" --force --skip-column-names --batch <<<$'SELECT * FROM tpch.tiny.nothing;\nSELECT 1;')"
expect_match "status" 'Uptime' "$(root --execute 'status')"

expect "caching_sha2_password, first login" 1 "$(client alice 'correct horse' --skip-column-names --batch --execute 'SELECT 1' </dev/null || true)"
expect "caching_sha2_password, second login" 1 "$(client alice 'correct horse' --skip-column-names --batch --execute 'SELECT 1' </dev/null || true)"
expect "mysql_native_password" 1 "$(client nora 'old school' --skip-column-names --batch --execute 'SELECT 1' </dev/null || true)"
expect_match "wrong password" "ERROR 1045 \(28000\).*Access denied for user 'alice'" "$(client alice wrong --execute 'SELECT 1' </dev/null || true)"
expect_match "wrong native password" "ERROR 1045 \(28000\).*Access denied for user 'nora'" "$(client nora wrong --execute 'SELECT 1' </dev/null || true)"

echo "$passed passed, $failed failed"
[[ $failed == 0 ]]
