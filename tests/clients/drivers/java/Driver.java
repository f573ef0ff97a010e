import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.SQLTimeoutException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;

/** JDBC: what ../../drivers.py asks of a driver. The argument says which one, see {@link #url}. */
public final class Driver {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final long POLL_MS = 20;
    private static String kind;

    private enum Protocol { TEXT, BINARY, CURSOR }

    private interface Body {
        void run() throws Exception;
    }

    public static void main(String[] arguments) {
        kind = arguments[0];
        boolean well = check("right password", Driver::rightPassword);
        well &= check("wrong password", Driver::wrongPassword);
        well &= check("current database", Driver::currentDatabase);
        well &= check("types", Driver::types);
        well &= check("five executions", Driver::fiveExecutions);
        well &= check("time limit", Driver::timeLimit);
        well &= check("query timeout", Driver::queryTimeout);
        well &= check("cancel", Driver::cancel);
        System.exit(well ? 0 : 1);
    }

    private static boolean check(String name, Body body) {
        try {
            body.run();
            System.out.println("ok\t" + name);
            return true;
        } catch (Exception | AssertionError e) {
            System.out.println("failed\t" + name + "\t" + escaped(e.toString()));
            return false;
        }
    }

    private static String told(String name) {
        return System.getenv("MOORING_TEST_" + name);
    }

    private static List<String[]> lines(String file) throws Exception {
        return Files.readAllLines(Path.of(told("FOLDER"), file)).stream().map(line -> line.split("\t", -1)).toList();
    }

    private static String escaped(String text) {
        return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r");
    }

    /** Without TLS each may ask for the server's RSA key; over TLS none checks the certificate. */
    private static String url(String database, Protocol protocol) {
        boolean tls = told("TLS").equals("yes");
        String address = "//" + told("HOST") + ":" + told("PORT") + "/" + database;
        String prepared = "&allowPublicKeyRetrieval=true&useServerPrepStmts=" + (protocol != Protocol.TEXT)
            + "&useCompression=" + told("COMPRESS").equals("yes");
        return switch (kind) {
            case "mysql" -> "jdbc:mysql:" + address + "?sslMode=" + (tls ? "REQUIRED" : "DISABLED") + prepared
                + "&useCursorFetch=" + (protocol == Protocol.CURSOR);
            case "mariadb2" -> "jdbc:mariadb:" + address + "?useSsl=" + tls + "&trustServerCertificate=true" + prepared;
            case "mariadb3" -> "jdbc:mariadb:" + address + "?sslMode=" + (tls ? "trust" : "disable") + prepared;
            default -> throw new IllegalArgumentException(kind);
        };
    }

    private static Connection open(String password, String database, Protocol protocol) throws SQLException {
        return DriverManager.getConnection(url(database, protocol), told("USER"), password);
    }

    private static Connection open() throws SQLException {
        return open(told("PASSWORD"), "", Protocol.TEXT);
    }

    private static void expect(Object got, Object wanted) {
        if (!got.equals(wanted)) {
            throw new AssertionError(got + " instead of " + wanted);
        }
    }

    private static void expectText(Connection connection, String sql, String wanted) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            expect(rows.getString(1), wanted);
        }
    }

    private static void expectError(int number, Body body) throws Exception {
        try {
            body.run();
        } catch (SQLException e) {
            if (e.getErrorCode() != number) {
                throw e;
            }
            return;
        }
        throw new AssertionError("no error instead of " + number);
    }

    private static void rightPassword() throws Exception {
        for (int login = 0; login < 2; login++) {
            try (Connection connection = open()) {
                expectText(connection, "SELECT 7", "7");
            }
        }
    }

    private static void wrongPassword() throws Exception {
        for (String password : List.of("wrong", "")) {
            expectError(1045, () -> open(password, "", Protocol.TEXT).close());
        }
    }

    private static void currentDatabase() throws Exception {
        try (Connection connection = open(told("PASSWORD"), told("DATABASE"), Protocol.TEXT)) {
            expectText(connection, "SELECT DATABASE()", told("DATABASE"));
            expect(connection.getCatalog(), told("DATABASE"));
        }
    }

    private static void types() throws Exception {
        for (Protocol protocol : Protocol.values()) {
            if (protocol == Protocol.CURSOR && !kind.equals("mysql")) {
                continue; // MariaDB's drivers open no cursors
            }
            try (Connection connection = open(told("PASSWORD"), "", protocol)) {
                for (String[] line : lines("cases.tsv")) {
                    String facets;
                    try {
                        facets = value(connection, line[1], protocol);
                    } catch (Exception e) {
                        facets = "error=" + escaped(e.toString());
                    }
                    System.out.println(String.join("\t", "value", protocol.name().toLowerCase(), line[0], facets));
                }
            }
        }
    }

    private static String value(Connection connection, String sql, Protocol protocol) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            statement.setFetchSize(protocol == Protocol.CURSOR ? 1 : 0);
            try (ResultSet rows = statement.executeQuery()) {
                ResultSetMetaData column = rows.getMetaData();
                rows.next();
                Object found = rows.getObject(1);
                String shown = found instanceof byte[] bytes ? HexFormat.of().formatHex(bytes) : String.valueOf(found);
                return String.join("\t",
                    "value=" + escaped(shown), "class=" + (found == null ? "null" : found.getClass().getName()),
                    "string=" + (found instanceof byte[] ? "" : escaped(String.valueOf(rows.getString(1)))),
                    "type=" + column.getColumnType(1), "type_name=" + column.getColumnTypeName(1).toLowerCase(),
                    "column_class=" + column.getColumnClassName(1), "precision=" + column.getPrecision(1),
                    "decimals=" + column.getScale(1), "signed=" + column.isSigned(1),
                    "nullable=" + column.isNullable(1), "length=" + column.getColumnDisplaySize(1));
            }
        }
    }

    private static void fiveExecutions() throws Exception {
        for (Protocol protocol : List.of(Protocol.TEXT, Protocol.BINARY)) {
            try (Connection connection = open(told("PASSWORD"), "", protocol);
                    PreparedStatement statement = connection.prepareStatement(told("PREPARED"))) {
                for (String[] line : lines("parameters.tsv")) {
                    execute(statement, line);
                }
            }
        }
    }

    private static void execute(PreparedStatement statement, String[] line) throws SQLException {
        List<String> got = new ArrayList<>();
        for (int i = 0; i < line.length; i++) {
            if (line[i].equals("\\N")) {
                statement.setObject(i + 1, null);
            } else if (i == 0) {
                statement.setLong(1, Long.parseLong(line[0]));
            } else {
                statement.setString(i + 1, line[i]);
            }
        }
        try (ResultSet rows = statement.executeQuery()) {
            rows.next();
            for (int i = 1; i <= line.length; i++) {
                String text = rows.getString(i);
                got.add(text == null ? "\\N" : text);
            }
        }
        expect(got, Arrays.asList(line));
    }

    private static void timeLimit() throws Exception {
        try (Connection connection = open(); Statement statement = connection.createStatement()) {
            statement.execute(told("LIMIT"));
            expectError(Integer.parseInt(told("LIMIT_ERROR")), () -> statement.executeQuery(told("LONG")).close());
            awaitRunning(false);
            expectText(connection, "SELECT 7", "7");
        }
    }

    /** The driver's own: with MySQL's a KILL QUERY from a second connection, with MariaDB's what its server knows. */
    private static void queryTimeout() throws Exception {
        try (Connection connection = open(); Statement statement = connection.createStatement()) {
            statement.setQueryTimeout(1);
            try {
                statement.executeQuery(told("LONG")).close();
                throw new AssertionError("no time-out");
            } catch (SQLTimeoutException e) {
                awaitRunning(false);
            }
            expectText(connection, "SELECT 7", "7");
        }
    }

    private static void cancel() throws Exception {
        try (Connection connection = open(); Statement statement = connection.createStatement()) {
            CompletableFuture<Void> running = CompletableFuture.runAsync(() -> {
                try {
                    expectInterrupted(() -> statement.executeQuery(told("LONG")).close());
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            });
            awaitRunning(true);
            statement.cancel();
            try {
                running.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            } catch (ExecutionException e) {
                throw new AssertionError(e.getCause().toString(), e);
            }
            awaitRunning(false);
            expectText(connection, "SELECT 7", "7");
        }
    }

    /** MySQL's driver knows that it cancelled and says so with an exception of its own, without the number. */
    private static void expectInterrupted(Body body) throws Exception {
        try {
            expectError(1317, body);
        } catch (SQLException e) {
            if (!e.getClass().getSimpleName().equals("MySQLStatementCancelledException")) {
                throw e;
            }
        }
    }

    private static void awaitRunning(boolean wanted) throws Exception {
        Instant deadline = Instant.now().plus(PATIENCE);
        try (Connection connection = open()) {
            while (isRunning(connection) != wanted) {
                if (Instant.now().isAfter(deadline)) {
                    throw new AssertionError("the process list does not come to running: " + wanted);
                }
                Thread.sleep(POLL_MS);
            }
        }
    }

    private static boolean isRunning(Connection connection) throws SQLException {
        boolean running = false;
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery("SHOW FULL PROCESSLIST")) {
            while (rows.next()) {
                String info = rows.getString(8);
                running |= info != null && info.contains(told("MARKER"));
            }
        }
        return running;
    }
}
