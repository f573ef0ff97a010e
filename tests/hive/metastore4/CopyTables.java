import java.util.List;
import org.apache.hadoop.hive.metastore.api.GetTableRequest;
import org.apache.hadoop.hive.metastore.api.Partition;
import org.apache.hadoop.hive.metastore.api.Table;
import org.apache.hadoop.hive.metastore.api.ThriftHiveMetastore;
import org.apache.thrift.protocol.TBinaryProtocol;
import org.apache.thrift.transport.TSocket;

/** Copies the definitions of one metastore into another, of another version: CopyTables FROM_PORT TO_PORT EXCEPT */
public class CopyTables {
    public static void main(String[] args) throws Exception {
        ThriftHiveMetastore.Client from = connect(args[0]);
        ThriftHiveMetastore.Client to = connect(args[1]);
        List<String> known = to.get_all_databases();
        for (String database : from.get_all_databases()) {
            if (!known.contains(database)) {
                to.create_database(from.get_database(database));
            }
            for (String name : from.get_all_tables(database)) {
                if (name.equals(args[2])) {
                    continue;
                }
                Table table = from.get_table_req(new GetTableRequest(database, name)).getTable();
                to.create_table(table);
                if (table.getPartitionKeysSize() > 0) {
                    List<Partition> partitions = from.get_partitions(database, name, (short) -1);
                    to.add_partitions(partitions);
                }
            }
        }
    }

    private static ThriftHiveMetastore.Client connect(String port) throws Exception {
        TSocket socket = new TSocket("127.0.0.1", Integer.parseInt(port));
        socket.open();
        return new ThriftHiveMetastore.Client(new TBinaryProtocol(socket));
    }
}
