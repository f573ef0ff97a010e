import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Objects;
import java.util.Properties;

/** Arrow's JDBC driver. Arguments: the host, the port, `plain` or `tls`, the file of the cases of types. */
final class FlightSql {
    private static int passed = 0;
    private static int failed = 0;
    private static String url;
    private static boolean tls;

    interface Body {
        void run() throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        url = "jdbc:arrow-flight-sql://" + arguments[0] + ":" + arguments[1];
        tls = arguments[2].equals("tls");
        try (Connection connection = connect()) {
            Statements.check(connection);
            Values.check(connection, arguments[3]);
            Parameters.check(connection);
            Endings.check(connection);
            Metadata.check(connection);
        }
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }

    static Connection connect(String... more) throws SQLException {
        Properties properties = new Properties();
        properties.put("user", "root");
        properties.put("password", "");
        properties.put("useEncryption", tls);
        properties.put("disableCertificateVerification", tls);
        for (int at = 0; at < more.length; at += 2) {
            properties.put(more[at], more[at + 1]);
        }
        return DriverManager.getConnection(url, properties);
    }

    static void check(String name, Body body) {
        try {
            body.run();
            passed++;
        } catch (Exception | AssertionError e) {
            failed++;
            System.out.println("failed\t" + name + "\t" + e);
        }
    }

    static void expect(Object expected, Object found) {
        if (!Objects.equals(String.valueOf(expected), String.valueOf(found))) {
            throw new AssertionError("expected " + expected + ", found " + found);
        }
    }
}
