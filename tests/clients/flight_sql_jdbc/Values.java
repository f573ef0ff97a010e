import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.format.DateTimeFormatter;
import java.util.HexFormat;

/** Values of every type against their literals; the cases are lines of a name, a kind, SQL in hexadecimal, and a text in hexadecimal. */
final class Values {
    static void check(Connection connection, String file) throws Exception {
        for (String line : Files.readAllLines(Path.of(file))) {
            String[] parts = line.split("\t", -1);
            String sql = text(parts[2]);
            FlightSql.check(parts[0], () -> {
                try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
                    compare(rows, parts[1], parts[3]);
                }
                try (PreparedStatement statement = connection.prepareStatement(sql); ResultSet rows = statement.executeQuery()) {
                    compare(rows, parts[1], parts[3]);
                }
            });
        }
        FlightSql.check("list", () -> list(connection));
        FlightSql.check("struct", () -> struct(connection));
    }

    private static String text(String hexadecimal) {
        return new String(HexFormat.of().parseHex(hexadecimal), java.nio.charset.StandardCharsets.UTF_8);
    }

    private static void compare(ResultSet rows, String kind, String encoded) throws SQLException {
        FlightSql.expect(true, rows.next());
        if (encoded.equals("NULL")) {
            FlightSql.expect(null, rows.getObject(1));
            FlightSql.expect(true, rows.wasNull());
            return;
        }
        String expected = text(encoded);
        switch (kind) {
            case "boolean" -> FlightSql.expect(expected, rows.getBoolean(1));
            case "number" -> FlightSql.expect(0, new BigDecimal(expected).compareTo(rows.getBigDecimal(1)));
            case "float" -> FlightSql.expect(Float.parseFloat(expected), rows.getFloat(1));
            case "double" -> FlightSql.expect(Double.parseDouble(expected), rows.getDouble(1));
            case "text" -> FlightSql.expect(expected, rows.getString(1));
            case "bytes" -> FlightSql.expect(expected, HexFormat.of().formatHex(rows.getBytes(1)));
            case "date" -> FlightSql.expect(expected, rows.getObject(1, java.time.LocalDate.class));
            // JDBC's times have milliseconds.
            case "time" -> FlightSql.expect(expected.substring(0, 12), time(rows.getTime(1).getTime()));
            case "datetime" -> FlightSql.expect(expected, stamp(rows.getObject(1, LocalDateTime.class)));
            case "instant" -> {
                // As wall time of the session's zone, which is UTC.
                FlightSql.expect(expected, stamp(rows.getObject(1, LocalDateTime.class)));
                FlightSql.expect(Timestamp.valueOf(expected), rows.getObject(1));
            }
            default -> throw new AssertionError(kind);
        }
        FlightSql.expect(false, rows.wasNull());
        FlightSql.expect(false, rows.next());
    }

    private static String time(long millis) {
        return LocalTime.ofNanoOfDay(millis * 1_000_000).format(DateTimeFormatter.ofPattern("HH:mm:ss.SSS"));
    }

    private static String stamp(LocalDateTime time) {
        return time.format(DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss.SSSSSS"));
    }

    private static void list(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery("SELECT make_array(1, 2, NULL)")) {
            FlightSql.expect(true, rows.next());
            Array array = rows.getArray(1);
            FlightSql.expect("[1, 2, null]", java.util.Arrays.toString((Object[]) array.getArray()));
        }
    }

    private static void struct(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery("SELECT named_struct('a', 1, 'b', 'x')")) {
            FlightSql.expect(true, rows.next());
            FlightSql.expect("{\"a\":1,\"b\":\"x\"}", rows.getString(1));
        }
    }
}
