import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.Date;
import java.sql.ParameterMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Time;
import java.sql.Timestamp;
import java.sql.Types;

/** Parameters of prepared statements, of every type that has a setter. */
final class Parameters {
    private interface Setter {
        void set(PreparedStatement statement) throws SQLException;
    }

    static void check(Connection connection) {
        FlightSql.check("executions", () -> executions(connection));
        FlightSql.check("types that are told", () -> told(connection));
        FlightSql.check("a batch", () -> batch(connection));
        // The type of the column beside the parameter is the one in which the driver sends it.
        is(connection, "boolean", "CAST(1 AS BOOLEAN) = ?", statement -> statement.setBoolean(1, true));
        is(connection, "byte", "CAST(-128 AS TINYINT) = ?", statement -> statement.setByte(1, (byte) -128));
        is(connection, "short", "CAST(-32768 AS SMALLINT) = ?", statement -> statement.setShort(1, (short) -32768));
        is(connection, "int", "CAST(-7 AS INT) = ?", statement -> statement.setInt(1, -7));
        is(connection, "long", "CAST(-9223372036854775808 AS BIGINT) = ?", statement -> statement.setLong(1, Long.MIN_VALUE));
        is(connection, "int unsigned", "CAST(4294967295 AS INT UNSIGNED) = ?", statement -> statement.setLong(1, 4294967295L));
        is(connection, "float", "CAST(-0.25 AS FLOAT) = ?", statement -> statement.setFloat(1, -0.25f));
        is(connection, "double", "CAST(0.1 AS DOUBLE) = ?", statement -> statement.setDouble(1, 0.1));
        is(connection, "decimal", "CAST(-999.99 AS DECIMAL(5, 2)) = ?", statement -> statement.setBigDecimal(1, new BigDecimal("-999.99")));
        is(connection, "string", "'it''s \\\\ 🚢' = ?", statement -> statement.setString(1, "it's \\ 🚢"));
        is(connection, "bytes", "X'00FF' = ?", statement -> statement.setBytes(1, new byte[] {0, (byte) 0xFF}));
        is(connection, "date", "CAST('2024-02-29' AS DATE) = ?", statement -> statement.setDate(1, Date.valueOf("2024-02-29")));
        is(connection, "time", "CAST('12:30:01' AS TIME) = ?", statement -> statement.setTime(1, Time.valueOf("12:30:01")));
        is(connection, "timestamp", "CAST('2024-02-29 12:30:00.25' AS TIMESTAMP(6)) = ?",
            statement -> statement.setTimestamp(1, Timestamp.valueOf("2024-02-29 12:30:00.25")));
        is(connection, "instant", "CAST('2024-02-29 12:30:00.25+00:00' AS TIMESTAMP WITH TIME ZONE) = ?",
            statement -> statement.setTimestamp(1, Timestamp.valueOf("2024-02-29 12:30:00.25")));
        is(connection, "null", "? IS NULL", statement -> statement.setNull(1, Types.INTEGER));
        is(connection, "object", "r_regionkey = ? FROM tpch.tiny.region WHERE r_name = 'ASIA'", statement -> statement.setObject(1, 2L));
        is(connection, "text where nothing tells", "? = 'x'", statement -> statement.setString(1, "x"));
    }

    private static void is(Connection connection, String name, String condition, Setter setter) {
        FlightSql.check("parameter " + name, () -> {
            try (PreparedStatement statement = connection.prepareStatement("SELECT " + condition)) {
                setter.set(statement);
                try (ResultSet rows = statement.executeQuery()) {
                    FlightSql.expect(true, rows.next());
                    FlightSql.expect(true, rows.getBoolean(1));
                }
            }
        });
    }

    private static void executions(Connection connection) throws SQLException {
        String sql = "SELECT r_name FROM tpch.tiny.region WHERE r_regionkey = ?";
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            // The names of TPC-H's specification, section 4.2.3.
            String[] names = {"AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"};
            for (int key = 0; key < names.length; key++) {
                statement.setLong(1, key);
                try (ResultSet rows = statement.executeQuery()) {
                    FlightSql.expect(true, rows.next());
                    FlightSql.expect(names[key], rows.getString(1));
                    FlightSql.expect(false, rows.next());
                }
            }
        }
    }

    private static void told(Connection connection) throws SQLException {
        String sql = "SELECT 1 FROM tpch.tiny.lineitem WHERE l_orderkey = ? AND l_shipdate = ? AND l_quantity = ? AND l_comment = ?";
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            ParameterMetaData metadata = statement.getParameterMetaData();
            FlightSql.expect(4, metadata.getParameterCount());
            int[] types = {Types.BIGINT, Types.DATE, Types.DECIMAL, Types.VARCHAR};
            for (int parameter = 1; parameter <= 4; parameter++) {
                FlightSql.expect(types[parameter - 1], metadata.getParameterType(parameter));
            }
            FlightSql.expect(1, statement.getMetaData().getColumnCount());
        }
    }

    /** Updates are refused by name until writes exist; a batch is one. */
    private static void batch(Connection connection) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement("SET @a = ?")) {
            for (int value = 1; value <= 3; value++) {
                statement.setString(1, String.valueOf(value));
                statement.addBatch();
            }
            statement.executeBatch();
        }
    }
}
