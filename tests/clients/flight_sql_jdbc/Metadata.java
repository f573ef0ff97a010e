import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** Every question that {@link DatabaseMetaData} has, and those of a tool that browses, with their answers. */
final class Metadata {
    /** Which this version of the driver answers by an exception of its own, before it asks the server. */
    private static final Set<String> LACKING = Set.of(
        "deletesAreDetected", "insertsAreDetected", "updatesAreDetected",
        "othersDeletesAreVisible", "othersInsertsAreVisible", "othersUpdatesAreVisible",
        "ownDeletesAreVisible", "ownInsertsAreVisible", "ownUpdatesAreVisible", "supportsResultSetHoldability");

    private interface Question {
        ResultSet ask() throws SQLException;
    }

    static void check(Connection connection) throws SQLException {
        DatabaseMetaData metadata = connection.getMetaData();
        for (Method method : methods()) {
            FlightSql.check("metadata " + method.getName(), () -> invoke(metadata, method));
        }
        FlightSql.check("the server", () -> server(metadata));
        FlightSql.check("abilities", () -> abilities(metadata));
        FlightSql.check("catalogs", () -> FlightSql.expect(List.of("lake", "system", "tpch"), sorted(metadata::getCatalogs, "TABLE_CAT")));
        FlightSql.check("schemas", () -> schemas(metadata));
        FlightSql.check("tables", () -> tables(metadata));
        FlightSql.check("columns", () -> columns(metadata));
        FlightSql.check("columns of all types", () -> types(metadata));
        FlightSql.check("keys", () -> keys(metadata));
        FlightSql.check("what there is not", () -> nothing(metadata));
    }

    private static List<Method> methods() {
        List<Method> methods = new ArrayList<>(List.of(DatabaseMetaData.class.getDeclaredMethods()));
        methods.sort(Comparator.comparing(Method::getName).thenComparing(Method::getParameterCount));
        return methods;
    }

    private static void invoke(DatabaseMetaData metadata, Method method) throws Exception {
        try {
            Object answer = method.invoke(metadata, arguments(method));
            if (answer instanceof ResultSet rows) {
                while (rows.next()) {
                    for (int column = 1; column <= rows.getMetaData().getColumnCount(); column++) {
                        rows.getObject(column);
                    }
                }
                rows.close();
            }
        } catch (InvocationTargetException e) {
            if (!LACKING.contains(method.getName())) {
                throw new AssertionError(String.valueOf(e.getCause()), e);
            }
        }
    }

    private static Object[] arguments(Method method) {
        Class<?>[] types = method.getParameterTypes();
        Object[] arguments = new Object[types.length];
        String[] texts = switch (method.getName()) {
            case "getCrossReference" -> new String[] {"tpch", "tiny", "region", "tpch", "tiny", "nation"};
            default -> new String[] {"tpch", "tiny", "region", "%"};
        };
        int at = 0;
        for (int i = 0; i < types.length; i++) {
            if (types[i] == String.class) {
                arguments[i] = texts[at++];
            } else if (types[i] == int.class) {
                arguments[i] = method.getName().equals("supportsTransactionIsolationLevel") ? Connection.TRANSACTION_NONE
                    : method.getName().equals("supportsConvert") ? Types.INTEGER : ResultSet.TYPE_FORWARD_ONLY;
            } else if (types[i] == boolean.class) {
                arguments[i] = false;
            } else if (types[i] == Class.class) {
                arguments[i] = DatabaseMetaData.class;
            }
        }
        return arguments;
    }

    private static List<String> rows(Question question, String... columns) throws SQLException {
        List<String> found = new ArrayList<>();
        try (ResultSet rows = question.ask()) {
            while (rows.next()) {
                List<String> values = new ArrayList<>();
                for (String column : columns) {
                    values.add(rows.getString(column));
                }
                found.add(String.join(" ", values.stream().map(String::valueOf).toList()));
            }
        }
        return found;
    }

    private static List<String> sorted(Question question, String... columns) throws SQLException {
        return new ArrayList<>(new TreeSet<>(rows(question, columns)));
    }

    private static void server(DatabaseMetaData metadata) throws SQLException {
        FlightSql.expect("Mooring", metadata.getDatabaseProductName());
        FlightSql.expect("`", metadata.getIdentifierQuoteString());
        FlightSql.expect("\\", metadata.getSearchStringEscape());
        FlightSql.expect("catalog", metadata.getCatalogTerm());
        FlightSql.expect("schema", metadata.getSchemaTerm());
        FlightSql.expect(".", metadata.getCatalogSeparator());
        FlightSql.expect("root", metadata.getUserName());
        FlightSql.expect(true, metadata.getSQLKeywords().contains("GROUPING"));
    }

    private static void abilities(DatabaseMetaData metadata) throws SQLException {
        FlightSql.expect(false, metadata.supportsTransactions());
        FlightSql.expect(true, metadata.supportsTransactionIsolationLevel(Connection.TRANSACTION_NONE));
        FlightSql.expect(false, metadata.supportsTransactionIsolationLevel(Connection.TRANSACTION_SERIALIZABLE));
        FlightSql.expect(Connection.TRANSACTION_NONE, metadata.getDefaultTransactionIsolation());
        FlightSql.expect(true, metadata.supportsResultSetType(ResultSet.TYPE_FORWARD_ONLY));
        FlightSql.expect(false, metadata.supportsResultSetType(ResultSet.TYPE_SCROLL_SENSITIVE));
        // Of which types, this version of the driver does not find in what it reads.
        FlightSql.expect(true, metadata.supportsConvert());
        FlightSql.expect(true, metadata.supportsFullOuterJoins());
        FlightSql.expect(true, metadata.supportsUnionAll());
        FlightSql.expect(true, metadata.isCatalogAtStart());
        FlightSql.expect(false, metadata.supportsSavepoints());
        FlightSql.expect(false, metadata.supportsStoredProcedures());
    }

    private static void schemas(DatabaseMetaData metadata) throws SQLException {
        FlightSql.expect(List.of("tpch tiny"), rows(() -> metadata.getSchemas("tpch", "ti%"), "TABLE_CATALOG", "TABLE_SCHEM"));
        FlightSql.expect(List.of("tpch information_schema"),
            rows(() -> metadata.getSchemas("tpch", "information\\_schema"), "TABLE_CATALOG", "TABLE_SCHEM"));
        List<String> all = rows(metadata::getSchemas, "TABLE_CATALOG", "TABLE_SCHEM");
        for (String schema : List.of("tpch tiny", "system runtime", "lake default")) {
            FlightSql.expect(true, all.contains(schema));
        }
        // By the specification: in the order of catalog and schema.
        FlightSql.expect(all.stream().sorted().toList(), all);
    }

    private static void tables(DatabaseMetaData metadata) throws SQLException {
        String[] tables = {"TABLE"};
        List<String> tpch = List.of("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier");
        for (String pattern : new String[] {"%", null}) {
            FlightSql.expect(tpch, rows(() -> metadata.getTables("tpch", "tiny", pattern, null), "TABLE_NAME"));
            FlightSql.expect(tpch, rows(() -> metadata.getTables("tpch", "tiny", pattern, tables), "TABLE_NAME"));
        }
        FlightSql.expect(List.of("tpch tiny region TABLE"),
            rows(() -> metadata.getTables("tpch", "tiny", "REG%", null), "TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE"));
        FlightSql.expect(List.of(), rows(() -> metadata.getTables("tpch", "tiny", "%", new String[] {"VIEW"}), "TABLE_NAME"));
        FlightSql.expect(List.of(), rows(() -> metadata.getTables("", null, "%", null), "TABLE_NAME"));
        FlightSql.expect(List.of("queries"), rows(() -> metadata.getTables("system", "runtime", "querie_", null), "TABLE_NAME"));
        FlightSql.expect(List.of(), rows(() -> metadata.getTables("system", "runtime", "querie\\_", null), "TABLE_NAME"));
        FlightSql.expect(true, rows(() -> metadata.getTables(null, null, "%", null), "TABLE_NAME").containsAll(tpch));
        FlightSql.expect(List.of("SYSTEM VIEW", "TABLE", "VIEW"), rows(metadata::getTableTypes, "TABLE_TYPE"));
    }

    private static void columns(DatabaseMetaData metadata) throws SQLException {
        String[] told = {"COLUMN_NAME", "DATA_TYPE", "ORDINAL_POSITION", "NULLABLE", "IS_NULLABLE", "IS_AUTOINCREMENT"};
        List<String> region = List.of("r_regionkey -5 1 0 NO NO", "r_name 12 2 0 NO NO", "r_comment 12 3 0 NO NO");
        for (String pattern : new String[] {"%", null}) {
            FlightSql.expect(region, rows(() -> metadata.getColumns("tpch", "tiny", "region", pattern), told));
        }
        FlightSql.expect(region.subList(1, 2), rows(() -> metadata.getColumns("tpch", "tiny", "region", "r_n%"), told));
        FlightSql.expect(List.of("l_quantity 3 decimal(15,2) 15 2"),
            rows(() -> metadata.getColumns("tpch", "tiny", "lineitem", "l_quantity"), "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME", "COLUMN_SIZE", "DECIMAL_DIGITS"));
        FlightSql.expect(61, rows(() -> metadata.getColumns("tpch", "tiny", "%", "%"), "COLUMN_NAME").size());
    }

    private static void types(DatabaseMetaData metadata) throws SQLException {
        FlightSql.expect(List.of("elapsed_ms -5 bigint"),
            rows(() -> metadata.getColumns("system", "runtime", "queries", "elapsed%"), "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME"));
        // An instant is wall time to this driver, which has no objects of instants.
        FlightSql.expect(List.of("received 93"), rows(() -> metadata.getColumns("system", "runtime", "queries", "received"), "COLUMN_NAME", "DATA_TYPE"));
        FlightSql.expect(List.of("error_code 12 YES", "error_message 12 YES"),
            rows(() -> metadata.getColumns("system", "runtime", "queries", "error%"), "COLUMN_NAME", "DATA_TYPE", "IS_NULLABLE"));
        FlightSql.expect(List.of("l_shipdate 91 date"),
            rows(() -> metadata.getColumns("tpch", "tiny", "lineitem", "l_shipdate"), "COLUMN_NAME", "DATA_TYPE", "TYPE_NAME"));
    }

    private static void keys(DatabaseMetaData metadata) throws SQLException {
        FlightSql.expect(List.of(), rows(() -> metadata.getPrimaryKeys("tpch", "tiny", "region"), "COLUMN_NAME", "KEY_SEQ", "PK_NAME"));
        FlightSql.expect(List.of(), rows(() -> metadata.getImportedKeys("tpch", "tiny", "region"), "FKCOLUMN_NAME", "UPDATE_RULE"));
        FlightSql.expect(List.of(), rows(() -> metadata.getExportedKeys(null, null, "region"), "FKCOLUMN_NAME", "DELETE_RULE"));
        FlightSql.expect(List.of(),
            rows(() -> metadata.getCrossReference("tpch", "tiny", "region", "tpch", "tiny", "nation"), "FKCOLUMN_NAME", "KEY_SEQ"));
    }

    /** A tool that browses asks for these of every table, and takes an error for the end. */
    private static void nothing(DatabaseMetaData metadata) throws SQLException {
        for (Question question : List.<Question>of(
            () -> metadata.getIndexInfo("tpch", "tiny", "region", false, true),
            () -> metadata.getProcedures("tpch", "tiny", null),
            () -> metadata.getFunctions("tpch", "tiny", null),
            () -> metadata.getUDTs("tpch", "tiny", null, null),
            () -> metadata.getTablePrivileges("tpch", "tiny", "region"),
            () -> metadata.getSuperTables("tpch", "tiny", "region"),
            () -> metadata.getPrimaryKeys("tpch", "tiny", "no_such_table"))) {
            FlightSql.expect(List.of(), rows(question));
        }
    }
}
