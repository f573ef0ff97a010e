import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Properties;

/**
 * Arrow's JDBC driver: statements, parameters, and every question that {@link DatabaseMetaData} has. Arguments: the
 * host, the port, `plain` or `tls`.
 */
public final class FlightSql {
    private static int failures = 0;

    private interface Body {
        void run() throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        boolean tls = arguments[2].equals("tls");
        String url = "jdbc:arrow-flight-sql://" + arguments[0] + ":" + arguments[1];
        Properties properties = new Properties();
        properties.put("user", "root");
        properties.put("password", "");
        properties.put("useEncryption", tls);
        properties.put("disableCertificateVerification", tls);
        try (Connection connection = DriverManager.getConnection(url, properties)) {
            check("statements", () -> statements(connection));
            check("parameters", () -> parameters(connection));
            check("errors", () -> errors(connection));
            check("columns", () -> columns(connection));
            metadata(connection.getMetaData());
        }
        System.exit(failures == 0 ? 0 : 1);
    }

    private static void check(String name, Body body) {
        try {
            body.run();
            System.out.println("ok\t" + name);
        } catch (Exception | AssertionError e) {
            failures++;
            System.out.println("failed\t" + name + "\t" + e);
        }
    }

    private static void expect(Object expected, Object found) {
        if (!String.valueOf(expected).equals(String.valueOf(found))) {
            throw new AssertionError("expected " + expected + ", found " + found);
        }
    }

    private static void statements(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            try (ResultSet rows = statement.executeQuery("SELECT count(*) AS n FROM tpch.tiny.lineitem")) {
                expect(true, rows.next());
                expect(60175, rows.getLong("n"));
                expect(false, rows.next());
            }
            expect(true, statement.execute("SHOW DATABASES"));
            expect(false, statement.execute("SET time_zone = '+02:00'"));
        }
    }

    private static void parameters(Connection connection) throws SQLException {
        String sql = "SELECT r_name FROM tpch.tiny.region WHERE r_regionkey = ?";
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            // The names of TPC-H's specification, section 4.2.3.
            String[] names = {"AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"};
            for (int key = 0; key < names.length; key++) {
                statement.setLong(1, key);
                try (ResultSet rows = statement.executeQuery()) {
                    expect(true, rows.next());
                    expect(names[key], rows.getString(1));
                }
            }
        }
    }

    private static void errors(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.executeQuery("SELECT * FROM tpch.tiny.nothing");
            throw new AssertionError("no error");
        } catch (SQLException e) {
            expect(true, e.getMessage().contains("nothing"));
        }
    }

    private static void columns(Connection connection) throws SQLException {
        List<String> names = new ArrayList<>();
        try (ResultSet rows = connection.getMetaData().getColumns("tpch", "tiny", "region", null)) {
            while (rows.next()) {
                names.add(rows.getString("COLUMN_NAME"));
            }
        }
        expect(List.of("r_regionkey", "r_name", "r_comment"), names);
    }

    /** Every method, with arguments that ask for little. What the driver itself lacks is told and is no failure. */
    private static void metadata(DatabaseMetaData metadata) throws IllegalAccessException {
        Method[] methods = DatabaseMetaData.class.getDeclaredMethods();
        List<Method> sorted = new ArrayList<>(List.of(methods));
        sorted.sort(Comparator.comparing(Method::getName).thenComparing(Method::getParameterCount));
        for (Method method : sorted) {
            Object[] arguments = arguments(method);
            try {
                Object answer = method.invoke(metadata, arguments);
                if (answer instanceof ResultSet rows) {
                    int count = 0;
                    while (rows.next()) {
                        count++;
                    }
                    rows.close();
                    answer = count + " rows";
                }
                System.out.println("ok\t" + method.getName() + "\t" + answer);
            } catch (InvocationTargetException e) {
                Throwable cause = e.getCause();
                boolean drivers = cause instanceof SQLFeatureNotSupportedException
                    || cause instanceof UnsupportedOperationException
                    || cause instanceof AbstractMethodError;
                failures += drivers ? 0 : 1;
                System.out.println((drivers ? "lacking\t" : "failed\t") + method.getName() + "\t" + cause);
            } catch (SQLException e) {
                failures++;
                System.out.println("failed\t" + method.getName() + "\t" + e);
            }
        }
    }

    private static Object[] arguments(Method method) {
        Class<?>[] types = method.getParameterTypes();
        Object[] arguments = new Object[types.length];
        int texts = 0;
        for (int i = 0; i < types.length; i++) {
            if (types[i] == String.class) {
                // Most methods take a catalog, a schema and a table.
                arguments[i] = new String[] {"tpch", "tiny", "region", "tpch", "tiny", "nation"}[texts++ % 6];
            } else if (types[i] == int.class) {
                arguments[i] = ResultSet.TYPE_FORWARD_ONLY;
            } else if (types[i] == boolean.class) {
                arguments[i] = false;
            } else if (types[i] == Class.class) {
                arguments[i] = DatabaseMetaData.class;
            }
        }
        return arguments;
    }
}
