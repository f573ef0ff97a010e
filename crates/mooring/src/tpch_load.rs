//! `mooring tpch load`: writes the TPC-H tables as Parquet and registers them, with or without a
//! running coordinator. Interrupted, it goes on when it is run again.

use crate::catalogs::{LAKE, lake_definition, lake_stores};
use crate::cli::TpchLoad;
use crate::config::Config;
use crate::roles::open_state;
use crate::signals::cancel_on_signal;
use crate::users::block_on;
use crate::{Failure, print};
use indicatif::{ProgressBar, ProgressStyle};
use mooring_catalog::EmbeddedMetastore;
use mooring_connectors::tpch::load::{LoadProgress, LoadTable, write_table};
use mooring_connectors::tpch::{ScaleFactor, TpchTable};
use mooring_spi::{
    ColumnMatch, Definition, Error, ErrorKind, FileFormat, Metastore, Result, TableDefinition,
};
use mooring_storage::{Location, StorageMetrics};
use std::collections::BTreeMap;
use std::io::IsTerminal;
use tokio_util::sync::CancellationToken;

pub(crate) fn run(config: &Config, load: &TpchLoad) -> Result<(), Failure> {
    if load.into.catalog != LAKE {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "`--into`: catalog `{}` takes no tables; use `{LAKE}.SCHEMA`",
                load.into.catalog
            ),
        )
        .into());
    }
    block_on(async {
        let stop = CancellationToken::new();
        cancel_on_signal(stop.clone())
            .map_err(|error| Error::internal("signals cannot be awaited").with_cause(error))?;
        tokio::select! {
            loaded = load_all(config, load) => loaded,
            () = stop.cancelled() => Err(Error::new(
                ErrorKind::Cancelled,
                "interrupted; run the same command again to go on",
            )),
        }
    })
}

async fn load_all(config: &Config, load: &TpchLoad) -> Result<()> {
    let scale_factor = ScaleFactor::new(load.scale)?;
    let state = open_state(config).await?;
    let definition = lake_definition(config, &state).await?;
    let stores = lake_stores(&definition, &StorageMetrics::default())?;
    let metastore = EmbeddedMetastore::new(state.clone(), definition.key.id);
    let schema = make_schema(&metastore, &load.into.schema).await?;
    let base = match &load.location {
        Some(location) => location.clone(),
        None => format!("{}/{schema}", config.warehouse().trim_end_matches('/')),
    };
    let mut places = Vec::with_capacity(TpchTable::ALL.len());
    for table in TpchTable::ALL {
        let folder = format!("{}/{}/", base.trim_end_matches('/'), table.name());
        let location = Location::parse(&folder)?.into_folder();
        refuse_elsewhere(&metastore, &schema, table, &location).await?;
        places.push((table, location));
    }
    let bar = Bar::new();
    for (table, location) in places {
        let summary = write_table(LoadTable {
            store: stores.store(location.url())?,
            prefix: location.prefix().clone(),
            table,
            scale_factor,
            files: load.files.map(|files| usize::try_from(files.get()).unwrap_or(usize::MAX)),
            progress: &|progress| bar.show(&progress),
        })
        .await?;
        let definition = TableDefinition {
            schema_name: schema.clone(),
            name: table.name().to_string(),
            columns: table.schema(),
            partition_columns: 0,
            location: location.url().to_string(),
            format: FileFormat::Parquet,
            columns_by: ColumnMatch::default(),
            partition_projection: None,
            may_be_absent: false,
            compression: None,
            options: BTreeMap::new(),
        };
        metastore.replace_table(&definition).await?;
        bar.line(&format!(
            "{LAKE}.{schema}.{}: {} rows, {} files written, {} kept, at {}",
            table.name(),
            summary.rows,
            summary.files_written,
            summary.files_kept,
            location.url()
        ));
    }
    state.close().await;
    Ok(())
}

/// A table of that name over other files is someone's own: its definition is not taken from it.
async fn refuse_elsewhere(
    metastore: &EmbeddedMetastore,
    schema: &str,
    table: TpchTable,
    location: &Location,
) -> Result<()> {
    let existing = metastore.table(schema, table.name()).await?;
    let Some(existing) = existing.and_then(Definition::into_table) else { return Ok(()) };
    if Location::parse(&existing.location)?.into_folder().url() == location.url() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::TableExists,
        format!(
            "table `{LAKE}`.`{schema}`.`{}` exists at `{}` and would be loaded to `{}`; drop it \
             first or choose another schema",
            existing.name,
            existing.location,
            location.url()
        ),
    ))
}

async fn make_schema(metastore: &EmbeddedMetastore, schema: &str) -> Result<String> {
    if let Err(error) = metastore.create_schema(schema).await
        && error.kind() != ErrorKind::SchemaExists
    {
        return Err(error);
    }
    let schemas = metastore.schemas().await?;
    let found = mooring_spi::pick_name(schema, schemas.iter().map(String::as_str))?;
    found.map(str::to_string).ok_or_else(|| {
        Error::new(ErrorKind::SchemaNotFound, format!("schema `{schema}` was dropped meanwhile"))
    })
}

/// A progress bar on a terminal, plain lines otherwise.
struct Bar(Option<ProgressBar>);

impl Bar {
    fn new() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template(
            "{msg:10} {wide_bar} {human_pos}/{human_len} rows {elapsed}",
        ) {
            bar.set_style(style);
        }
        Self(Some(bar))
    }

    fn show(&self, progress: &LoadProgress) {
        if let Some(bar) = &self.0 {
            bar.set_message(progress.table.name());
            bar.set_length(progress.rows_total);
            bar.set_position(progress.rows_done);
        }
    }

    fn line(&self, line: &str) {
        match &self.0 {
            Some(bar) => bar.println(line),
            // A reader that has gone does not stop the load.
            None => drop(print(&format!("{line}\n"))),
        }
    }
}
