#!/usr/bin/env bash
# The command line client of MariaDB: what ../drivers.py asks of a driver.
set -uo pipefail

told() {
    local name=MOORING_TEST_$1
    printf %s "${!name}"
}

if [[ $(told TLS) == yes ]]; then options=--ssl; else options=--skip-ssl; fi
if [[ $(told COMPRESS) == yes ]]; then options+=" --compress"; fi
started=
failed=0

# client PASSWORD ARGUMENT...
client() {
    local password=$1
    shift
    # The variable, not --password: that would be in the process list of the machine.
    MYSQL_PWD=$password mariadb --no-defaults $options --protocol=tcp --host="$(told HOST)" --port="$(told PORT)" \
        --user="$(told USER)" --default-character-set=utf8mb4 --skip-column-names --batch "$@" 2>&1 </dev/null
}

own() { client "$(told PASSWORD)" "$@"; }

escaped() { sed -z -e 's/\\/\\\\/g; s/\t/\\t/g; s/\n/\\n/g'; }

# expect_in CHECK PATTERN TEXT: whether the text matches the extended regular expression.
expect_in() {
    if [[ $3 =~ $2 ]]; then
        printf 'ok\t%s\n' "$1"
    else
        failed=1
        printf 'failed\t%s\t%s\n' "$1" "$(printf '%s instead of %s' "$3" "$2" | escaped)"
    fi
}

# await_running yes|no: until the process list has the long statement, or has it no more.
await_running() {
    local deadline=$((SECONDS + 30)) list now
    while ((SECONDS < deadline)); do
        list=$(own --execute 'SHOW FULL PROCESSLIST')
        if [[ $list == *"$(told MARKER)"* ]]; then now=yes; else now=no; fi
        if [[ $now == "$1" ]]; then return; fi
    done
    failed=1
    echo "the process list does not come to running: $1"
}

types() {
    local name sql printed column
    # --column-type-info says nothing without --table.
    while IFS=$'\t' read -r name sql; do
        printed=$(own --table --column-type-info --execute "$sql")
        column=$(sed -nE 's/^(Type|Collation|Length|Decimals|Flags): *(.*)$/\1=\2/p' <<<"$printed" |
            tr 'A-Z\n' 'a-z\t')
        printf 'value\ttext\t%s\t%svalue=%s\n' "$name" "$column" \
            "$(sed -E '1,/^Flags:/d' <<<"$printed" | grep -av '^+[-+]*+$' | escaped)"
    done <"$(told FOLDER)/cases.tsv"
}

# The client has no parameters: the values stand in the statement.
five_executions() {
    local row value sql statements= wanted=
    while IFS=$'\t' read -r -a row; do
        sql=$(told PREPARED)
        for value in "${row[@]}"; do
            if [[ $value == '\N' ]]; then wanted+=NULL$'\t'; else wanted+=$value$'\t'; fi
            if [[ $value == '\N' ]]; then value=NULL; else value="'$value'"; fi
            sql=${sql/\?/$value}
        done
        wanted=${wanted%$'\t'}$'\n'
        statements+="$sql; "
    done <"$(told FOLDER)/parameters.tsv"
    expect_in "five executions" "^${wanted%$'\n'}\$" "$(own --execute "$statements")"
}

expect_in "right password" '^7 7$' "$(own --execute 'SELECT 7') $(own --execute 'SELECT 7')"
expect_in "wrong password" 'ERROR 1045 \(28000\).*ERROR 1045 \(28000\)' \
    "$(client wrong --execute 'SELECT 7') $(client '' --execute 'SELECT 7')"
expect_in "current database" "^$(told DATABASE)\$" "$(own --database="$(told DATABASE)" --execute 'SELECT DATABASE()')"
types
five_executions
# --force goes on after the error.
expect_in "time limit" "ERROR $(told LIMIT_ERROR) .*"$'\n'"7\$" \
    "$(own --force --execute "$(told LIMIT); $(told LONG)")"$'\n'"$(await_running no; own --execute 'SELECT 7')"

# Ctrl-C: the client opens a second connection for its KILL QUERY. A shell without job control starts
# what runs in the background with SIGINT ignored, so Python starts it.
output=$(mktemp)
MYSQL_PWD=$(told PASSWORD) python3 -c '
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
os.execvp(sys.argv[1], sys.argv[1:])' \
    mariadb --no-defaults $options --protocol=tcp --host="$(told HOST)" --port="$(told PORT)" --user="$(told USER)" \
    --execute "$(told LONG)" </dev/null >"$output" 2>&1 &
started=$!
await_running yes
kill -INT "$started"
wait "$started"
await_running no
expect_in "cancel" "(ERROR 1317 |query killed|Query execution was interrupted)" "$(cat "$output")"
rm -f "$output"
exit "$failed"
