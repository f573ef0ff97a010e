// go-sql-driver/mysql: what ../../drivers.py asks of a driver.
package main

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

const (
	patience = 30 * time.Second
	poll     = 20 * time.Millisecond
)

func told(name string) string { return os.Getenv("MOORING_TEST_" + name) }

func lines(file string) ([][]string, error) {
	text, err := os.ReadFile(told("FOLDER") + "/" + file)
	if err != nil {
		return nil, err
	}
	var all [][]string
	for _, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		all = append(all, strings.Split(line, "\t"))
	}
	return all, nil
}

var escaper = strings.NewReplacer("\\", "\\\\", "\t", "\\t", "\n", "\\n", "\r", "\\r")

// open gives a pool of one connection.
func open(password, database string) (*sql.DB, error) {
	config := mysql.NewConfig()
	config.Net, config.Addr = "tcp", told("HOST")+":"+told("PORT")
	config.User, config.Passwd, config.DBName = told("USER"), password, database
	if told("TLS") == "yes" {
		config.TLSConfig = "skip-verify"
	}
	if err := config.Apply(mysql.EnableCompression(told("COMPRESS") == "yes")); err != nil {
		return nil, err
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	return db, nil
}

func with(database string, body func(db *sql.DB) error) error {
	db, err := open(told("PASSWORD"), database)
	if err != nil {
		return err
	}
	defer db.Close()
	return body(db)
}

func expectError(number string, err error) error {
	var server *mysql.MySQLError
	if errors.As(err, &server) && strconv.Itoa(int(server.Number)) == number {
		return nil
	}
	return fmt.Errorf("%v instead of error %s", err, number)
}

func expectText(db *sql.DB, query, wanted string) error {
	var got sql.NullString
	if err := db.QueryRow(query).Scan(&got); err != nil {
		return err
	}
	if got.String != wanted {
		return fmt.Errorf("%q instead of %q", got.String, wanted)
	}
	return nil
}

func rightPassword() error {
	for range 2 {
		if err := with("", func(db *sql.DB) error { return expectText(db, "SELECT 7", "7") }); err != nil {
			return err
		}
	}
	return nil
}

func wrongPassword() error {
	for _, password := range []string{"wrong", ""} {
		db, err := open(password, "")
		if err != nil {
			return err
		}
		err = expectError("1045", db.Ping())
		db.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func currentDatabase() error {
	return with(told("DATABASE"), func(db *sql.DB) error { return expectText(db, "SELECT DATABASE()", told("DATABASE")) })
}

func types() error {
	cases, err := lines("cases.tsv")
	if err != nil {
		return err
	}
	return with("", func(db *sql.DB) error {
		for _, protocol := range []string{"text", "binary"} {
			for _, row := range cases {
				facets, err := value(db, row[1], protocol == "binary")
				if err != nil {
					facets = "error=" + escaper.Replace(err.Error())
				}
				fmt.Printf("value\t%s\t%s\t%s\n", protocol, row[0], facets)
			}
		}
		return nil
	})
}

func value(db *sql.DB, query string, prepared bool) (string, error) {
	ask := func() (*sql.Rows, error) { return db.Query(query) }
	if prepared {
		statement, err := db.Prepare(query)
		if err != nil {
			return "", err
		}
		defer statement.Close()
		ask = func() (*sql.Rows, error) { return statement.Query() }
	}
	rows, err := ask()
	if err != nil {
		return "", err
	}
	defer rows.Close()
	columns, err := rows.ColumnTypes()
	if err != nil {
		return "", err
	}
	var found any
	if !rows.Next() {
		return "", fmt.Errorf("no row: %v", rows.Err())
	}
	if err := rows.Scan(&found); err != nil {
		return "", err
	}
	shown := fmt.Sprint(found)
	if bytes, is := found.([]byte); is {
		shown = string(bytes)
		if columns[0].ScanType().String() == "[]uint8" {
			shown = fmt.Sprintf("%x", bytes)
		}
	}
	precision, scale, sized := columns[0].DecimalSize()
	nullable, _ := columns[0].Nullable()
	return fmt.Sprintf("value=%s\tclass=%T\ttype=%s\tscan=%s\tprecision=%d\tdecimals=%d\tsized=%t\tnullable=%t",
		escaper.Replace(shown), found, columns[0].DatabaseTypeName(), columns[0].ScanType(), precision, scale, sized, nullable,
	), rows.Err()
}

func fiveExecutions() error {
	parameters, err := lines("parameters.tsv")
	if err != nil {
		return err
	}
	return with("", func(db *sql.DB) error {
		statement, err := db.Prepare(told("PREPARED"))
		if err != nil {
			return err
		}
		defer statement.Close()
		for _, row := range parameters {
			var given [4]any
			var got [4]sql.NullString
			for i, text := range row {
				if text != `\N` {
					given[i] = text
				}
			}
			if row[0] != `\N` {
				if given[0], err = strconv.ParseInt(row[0], 10, 64); err != nil {
					return err
				}
			}
			if err := statement.QueryRow(given[:]...).Scan(&got[0], &got[1], &got[2], &got[3]); err != nil {
				return err
			}
			for i, text := range row {
				if got[i].Valid != (text != `\N`) || got[i].Valid && got[i].String != text {
					return fmt.Errorf("%v instead of %v", got, row)
				}
			}
		}
		return nil
	})
}

func timeLimit() error {
	return with("", func(db *sql.DB) error {
		if _, err := db.Exec(told("LIMIT")); err != nil {
			return err
		}
		var count int64
		if err := expectError(told("LIMIT_ERROR"), db.QueryRow(told("LONG")).Scan(&count)); err != nil {
			return err
		}
		if err := awaitRunning(false); err != nil {
			return err
		}
		return expectText(db, "SELECT 7", "7")
	})
}

// cancel ends the context. The driver closes the connection then, and sends no KILL: a server that
// watches its clients ends the query. MariaDB does not, so there a KILL follows.
func cancel() error {
	return with("", func(db *sql.DB) error {
		var id int64
		if err := db.QueryRow("SELECT CONNECTION_ID()").Scan(&id); err != nil {
			return err
		}
		limited, stop := context.WithCancel(context.Background())
		outcome := make(chan error, 1)
		go func() {
			var count int64
			outcome <- db.QueryRowContext(limited, told("LONG")).Scan(&count)
		}()
		err := awaitRunning(true)
		stop()
		if err != nil {
			return err
		}
		if err := <-outcome; !errors.Is(err, context.Canceled) {
			return fmt.Errorf("%v instead of a cancelled context", err)
		}
		if told("KEEPS_ORPHANS") == "yes" {
			if err := with("", func(other *sql.DB) error {
				_, err := other.Exec(fmt.Sprintf("KILL QUERY %d", id))
				return err
			}); err != nil {
				return err
			}
		}
		if err := awaitRunning(false); err != nil {
			return err
		}
		return expectText(db, "SELECT 7", "7")
	})
}

func awaitRunning(wanted bool) error {
	return with("", func(db *sql.DB) error {
		deadline := time.Now().Add(patience)
		for {
			running, err := isRunning(db)
			if err != nil || running == wanted {
				return err
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("the process list does not show that the statement runs: %t", wanted)
			}
			time.Sleep(poll)
		}
	})
}

func isRunning(db *sql.DB) (bool, error) {
	rows, err := db.Query("SHOW FULL PROCESSLIST")
	if err != nil {
		return false, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return false, err
	}
	row := make([]sql.NullString, len(names))
	targets := make([]any, len(names))
	for i := range row {
		targets[i] = &row[i]
	}
	running := false
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return false, err
		}
		running = running || strings.Contains(row[7].String, told("MARKER"))
	}
	return running, rows.Err()
}

func main() {
	output := bufio.NewWriter(os.Stdout)
	failed := false
	for _, check := range []struct {
		name string
		body func() error
	}{
		{"right password", rightPassword}, {"wrong password", wrongPassword}, {"current database", currentDatabase},
		{"types", types}, {"five executions", fiveExecutions}, {"time limit", timeLimit}, {"cancel", cancel},
	} {
		if err := check.body(); err != nil {
			failed = true
			fmt.Fprintf(output, "failed\t%s\t%s\n", check.name, escaper.Replace(err.Error()))
		} else {
			fmt.Fprintf(output, "ok\t%s\n", check.name)
		}
		output.Flush()
	}
	if failed {
		os.Exit(1)
	}
}
