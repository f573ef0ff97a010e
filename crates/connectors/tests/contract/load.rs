//! Generated tables written as Parquet files.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use mooring_connectors::tpch::load::{LoadProgress, LoadSummary, LoadTable, write_table};
use mooring_connectors::tpch::{ScaleFactor, TpchTable};
use mooring_spi::Count;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::sync::Notify;

struct Target {
    folder: TempDir,
    store: Arc<dyn ObjectStore>,
}

impl Target {
    fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let store = LocalFileSystem::new_with_prefix(folder.path()).expect("a store");
        Self { folder, store: Arc::new(store) }
    }

    fn request<'a>(
        &self,
        table: TpchTable,
        files: Option<usize>,
        progress: &'a (dyn Fn(LoadProgress) + Send + Sync),
    ) -> LoadTable<'a> {
        LoadTable {
            store: Arc::clone(&self.store),
            prefix: Path::from(table.name()),
            table,
            scale_factor: ScaleFactor::TINY,
            files,
            progress,
        }
    }

    async fn load(&self, table: TpchTable, files: Option<usize>) -> LoadSummary {
        write_table(self.request(table, files, &|_| ())).await.expect("loaded")
    }

    fn files(&self, table: TpchTable) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path().join(table.name()));
        let mut names: Vec<String> = entries
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
            .collect();
        names.sort();
        names
    }

    fn read(&self, table: TpchTable) -> RecordBatch {
        let mut batches = Vec::new();
        for name in self.files(table) {
            let path = self.folder.path().join(table.name()).join(name);
            let builder =
                ParquetRecordBatchReaderBuilder::try_new(File::open(path).expect("a file"));
            let reader = builder.expect("a Parquet file").build().expect("a reader");
            batches.extend(reader.map(|batch| batch.expect("a batch")));
        }
        // The file's schema, which the reader takes from Parquet's own types.
        concat_batches(&table.schema(), &batches).expect("the table's schema")
    }
}

#[tokio::test]
async fn every_table_is_written_whole_with_plain_types() {
    let target = Target::new();
    for table in TpchTable::ALL {
        let summary = target.load(table, None).await;
        assert_eq!(summary.files_kept, 0);
        let written = target.read(table);
        assert_eq!(Count::Exact(summary.rows), table.rows(ScaleFactor::TINY));
        assert_eq!(written.num_rows() as u64, summary.rows, "{table}");
        assert_eq!(written.schema().fields(), table.schema().fields(), "{table}");
    }
}

#[tokio::test]
async fn files_in_their_order_are_the_table_in_its_order() {
    let (one, many) = (Target::new(), Target::new());
    one.load(TpchTable::Orders, Some(1)).await;
    many.load(TpchTable::Orders, Some(7)).await;
    assert_eq!(many.files(TpchTable::Orders).len(), 7);
    assert_eq!(one.read(TpchTable::Orders), many.read(TpchTable::Orders));
}

#[tokio::test]
async fn a_load_goes_on_where_it_stopped() {
    let target = Target::new();
    let first = target.load(TpchTable::Lineitem, Some(4)).await;
    let folder = target.folder.path().join("lineitem");
    let names = target.files(TpchTable::Lineitem);
    std::fs::remove_file(folder.join(&names[0])).expect("removed");
    let whole = std::fs::read(folder.join(&names[1])).expect("the file");
    std::fs::write(folder.join(&names[1]), &whole[..whole.len() / 2]).expect("cut");
    // Whole, but another part's.
    std::fs::copy(folder.join(&names[3]), folder.join(&names[2])).expect("copied");

    let second = target.load(TpchTable::Lineitem, Some(4)).await;
    assert_eq!((second.files_kept, second.files_written), (1, 3));
    assert_eq!(second.rows, first.rows);
    assert_eq!(target.read(TpchTable::Lineitem).num_rows(), 60_175);
    assert_eq!(target.load(TpchTable::Lineitem, Some(4)).await.files_kept, 4);
}

#[tokio::test]
async fn another_cut_replaces_the_files() {
    let target = Target::new();
    target.load(TpchTable::Customer, Some(5)).await;
    std::fs::write(target.folder.path().join("customer/notes.txt"), "mine").expect("written");
    target.load(TpchTable::Customer, Some(2)).await;
    assert_eq!(
        target.files(TpchTable::Customer),
        [
            "customer-part-00001-of-00002.parquet",
            "customer-part-00002-of-00002.parquet",
            "notes.txt"
        ]
    );
}

#[tokio::test]
async fn progress_ends_complete() {
    let target = Target::new();
    let last = Mutex::new(None);
    let progress = |progress: LoadProgress| *last.lock().expect("not poisoned") = Some(progress);
    write_table(target.request(TpchTable::Part, Some(3), &progress)).await.expect("loaded");
    let last = last.into_inner().expect("not poisoned").expect("some progress");
    assert_eq!((last.rows_done, last.rows_total), (2_000, 2_000));
    assert_eq!((last.files_done, last.files_total), (3, 3));
}

#[tokio::test]
async fn a_dropped_load_leaves_no_part_of_a_file() {
    let target = Target::new();
    let begun = Notify::new();
    let progress = |_: LoadProgress| begun.notify_one();
    tokio::select! {
        biased;
        () = begun.notified() => {}
        _ = write_table(target.request(TpchTable::Lineitem, Some(1), &progress)) => {}
    }
    let summary = target.load(TpchTable::Lineitem, Some(1)).await;
    assert_eq!(summary.files_written, 1);
    assert_eq!(target.files(TpchTable::Lineitem), ["lineitem-part-00001-of-00001.parquet"]);
}
