import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Types;

/** Statements as a program sends them. */
final class Statements {
    static void check(Connection connection) {
        FlightSql.check("a query", () -> query(connection));
        FlightSql.check("what has rows and what has none", () -> kinds(connection));
        FlightSql.check("columns of a result", () -> columns(connection));
        FlightSql.check("two results at a time", () -> twoResults(connection));
        FlightSql.check("rows at most", () -> maxRows(connection));
        FlightSql.check("a catalog of the connection", Statements::catalog);
        FlightSql.check("validity", () -> FlightSql.expect(true, connection.isValid(10)));
    }

    private static void query(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
            ResultSet rows = statement.executeQuery("SELECT count(*) AS n FROM tpch.tiny.lineitem")) {
            FlightSql.expect(true, rows.next());
            FlightSql.expect(60175, rows.getLong("n"));
            FlightSql.expect(false, rows.next());
        }
    }

    private static void kinds(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            FlightSql.expect(true, statement.execute("SHOW DATABASES"));
            FlightSql.expect(true, statement.execute("SHOW GRANTS"));
            FlightSql.expect(true, statement.execute("DESCRIBE tpch.tiny.region"));
            FlightSql.expect(true, statement.execute("EXPLAIN SELECT 1"));
            FlightSql.expect(false, statement.execute("SET time_zone = '+02:00'"));
            FlightSql.expect(0, statement.executeUpdate("SET time_zone = DEFAULT"));
        }
    }

    private static void columns(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
            ResultSet rows = statement.executeQuery("SELECT l_orderkey AS k, l_quantity, l_shipdate, l_comment FROM tpch.tiny.lineitem LIMIT 1")) {
            ResultSetMetaData metadata = rows.getMetaData();
            FlightSql.expect(4, metadata.getColumnCount());
            int[] types = {Types.BIGINT, Types.DECIMAL, Types.DATE, Types.VARCHAR};
            String[] labels = {"k", "l_quantity", "l_shipdate", "l_comment"};
            for (int column = 1; column <= 4; column++) {
                FlightSql.expect(labels[column - 1], metadata.getColumnLabel(column));
                FlightSql.expect(types[column - 1], metadata.getColumnType(column));
            }
            FlightSql.expect(15, metadata.getPrecision(2));
            FlightSql.expect(2, metadata.getScale(2));
        }
    }

    private static void twoResults(Connection connection) throws SQLException {
        try (Statement one = connection.createStatement();
            Statement other = connection.createStatement();
            ResultSet many = one.executeQuery("SELECT l_orderkey FROM tpch.tiny.lineitem");
            ResultSet few = other.executeQuery("SELECT 7")) {
            FlightSql.expect(true, many.next());
            FlightSql.expect(true, few.next());
            FlightSql.expect(7, few.getInt(1));
            int count = 1;
            while (many.next()) {
                count++;
            }
            FlightSql.expect(60175, count);
        }
    }

    private static void maxRows(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.setMaxRows(3);
            statement.setFetchSize(2);
            try (ResultSet rows = statement.executeQuery("SELECT l_orderkey FROM tpch.tiny.lineitem")) {
                int count = 0;
                while (rows.next()) {
                    count++;
                }
                FlightSql.expect(3, count);
            }
        }
    }

    private static void catalog() throws SQLException {
        Connection connection = FlightSql.connect("catalog", "tpch");
        try (Statement statement = connection.createStatement();
            ResultSet rows = statement.executeQuery("SELECT count(*) FROM tiny.region")) {
            rows.next();
            FlightSql.expect(5, rows.getInt(1));
        }
        try {
            connection.close();
        } catch (SQLException e) {
            // This version closes such a session, then its channel, and then the session once more.
            FlightSql.expect("Channel shutdown invoked", e.getMessage());
        }
    }
}
