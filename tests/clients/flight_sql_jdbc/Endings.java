import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLTimeoutException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.arrow.driver.jdbc.shaded.org.apache.arrow.flight.FlightRuntimeException;

/** Errors, cancel and time-outs. */
final class Endings {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final long POLL_MS = 20;
    /** After so long the server has told where the result will be, with rows or without. */
    private static final long ANSWERED_MS = 3000;
    /** It gives no row for minutes. */
    private static final String LONG = "SELECT count(*) AS runs_long FROM tpch.sf10.lineitem a CROSS JOIN tpch.tiny.lineitem b"
        + " WHERE a.l_comment || b.l_comment = 'never'";

    static void check(Connection connection) {
        FlightSql.check("error of a table", () -> error(connection, "SELECT * FROM tpch.tiny.nothing", "42S02", "nothing"));
        FlightSql.check("error of a column", () -> error(connection, "SELECT nothing FROM tpch.tiny.region", "42S22", "nothing"));
        FlightSql.check("error of syntax", () -> error(connection, "SELEC 1", "42000", "SELEC"));
        FlightSql.check("error of a value", () -> error(connection, "SELECT CAST('x' AS INT)", "HY000", "'x'"));
        FlightSql.check("updates are refused by name", () -> error(connection, "INSERT INTO tpch.tiny.region VALUES (1)", "42000", "INSERT"));
        FlightSql.check("cancel", () -> cancel(connection));
        FlightSql.check("cancel in the middle of a result", () -> cancelReading(connection));
        FlightSql.check("query time-out", () -> timeOut(connection));
        FlightSql.check("max_execution_time", () -> timeLimit(connection));
        FlightSql.check("a result that is closed early", () -> closed(connection));
    }

    /** The driver gives its exceptions no SQLSTATE; the cause has the server's in a trailer. */
    private static void error(Connection connection, String sql, String state, String part) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.executeQuery(sql);
        } catch (SQLException e) {
            FlightSql.expect(true, e.getMessage().contains(part));
            FlightSql.expect(state, state(e));
            return;
        }
        throw new AssertionError("no error");
    }

    private static String state(Throwable error) {
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            if (cause instanceof FlightRuntimeException flight && flight.status().metadata() != null) {
                return flight.status().metadata().get("x-mooring-sqlstate");
            }
        }
        return null;
    }

    private static void cancel(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement()) {
            CompletableFuture<SQLException> ended = CompletableFuture.supplyAsync(() -> {
                try (ResultSet rows = statement.executeQuery(LONG)) {
                    rows.next();
                    return null;
                } catch (SQLException e) {
                    return e;
                }
            });
            awaitRunning(connection, 1);
            // While the call for the result's place is under way, this driver loses the stream and never ends it.
            Thread.sleep(ANSWERED_MS);
            statement.cancel();
            FlightSql.expect(true, ended.get(PATIENCE.toSeconds(), TimeUnit.SECONDS) != null);
        }
        awaitRunning(connection, 0);
    }

    private static void cancelReading(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery("SELECT l_comment AS runs_long FROM tpch.sf10.lineitem")) {
            FlightSql.expect(true, rows.next());
            statement.cancel();
            try {
                while (rows.next()) {
                    continue;
                }
                throw new AssertionError("the result ended as if it were whole");
            } catch (SQLException e) {
                awaitRunning(connection, 0);
            }
        }
    }

    private static void timeOut(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement()) {
            statement.setQueryTimeout(1);
            try {
                statement.executeQuery(LONG);
                throw new AssertionError("no time-out");
            } catch (SQLException e) {
                boolean timeOut = e instanceof SQLTimeoutException || String.valueOf(e.getMessage()).contains("timed out")
                    || e.getCause() instanceof SQLTimeoutException;
                FlightSql.expect(true, timeOut);
            }
        }
        awaitRunning(connection, 0);
    }

    private static void timeLimit(Connection connection) throws Exception {
        try (Connection other = FlightSql.connect(); Statement statement = other.createStatement()) {
            statement.execute("SET max_execution_time = 1000");
            try {
                statement.executeQuery(LONG);
                throw new AssertionError("no time-out");
            } catch (SQLException e) {
                FlightSql.expect("HY000", state(e));
            }
        }
        awaitRunning(connection, 0);
    }

    private static void closed(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement();
            ResultSet rows = statement.executeQuery("SELECT l_comment AS runs_long FROM tpch.sf10.lineitem")) {
            FlightSql.expect(true, rows.next());
        }
        awaitRunning(connection, 0);
    }

    private static void awaitRunning(Connection connection, long wanted) throws Exception {
        String look = "SELECT count(*) FROM system.runtime.queries WHERE statement LIKE '%runs_long FROM%'"
            + " AND state NOT IN ('finished', 'failed', 'cancelled')";
        Instant end = Instant.now().plus(PATIENCE);
        try (Connection observer = FlightSql.connect(); Statement statement = observer.createStatement()) {
            while (true) {
                try (ResultSet rows = statement.executeQuery(look)) {
                    rows.next();
                    // It sees itself.
                    if (rows.getLong(1) - 1 == wanted) {
                        return;
                    }
                }
                if (Instant.now().isAfter(end)) {
                    throw new AssertionError("not " + wanted + " queries run");
                }
                Thread.sleep(POLL_MS);
            }
        }
    }
}
