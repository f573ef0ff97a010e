//! A metastore in memory.

use async_trait::async_trait;
use mooring_spi::{
    Definition, Error, ErrorKind, Metastore, PartitionDefinition, Predicate, Result,
    TableDefinition, TableKind, TableSummary, pick_name,
};
use std::sync::Mutex;

/// One schema, `default`, and whatever tables were created in it.
#[derive(Debug, Default)]
pub(crate) struct MemoryMetastore {
    tables: Mutex<Vec<TableDefinition>>,
}

fn schema_not_found(schema: &str) -> Error {
    Error::new(ErrorKind::SchemaNotFound, format!("schema `{schema}` does not exist"))
}

#[async_trait]
impl Metastore for MemoryMetastore {
    async fn schemas(&self) -> Result<Vec<String>> {
        Ok(vec!["default".to_owned()])
    }

    async fn tables(&self, schema: &str) -> Result<Vec<TableSummary>> {
        pick_name(schema, ["default"])?.ok_or_else(|| schema_not_found(schema))?;
        let tables = self.tables.lock().expect("not poisoned");
        let summary = |table: &TableDefinition| TableSummary {
            name: table.name.clone(),
            kind: TableKind::Table,
        };
        Ok(tables.iter().map(summary).collect())
    }

    async fn table(&self, schema: &str, table: &str) -> Result<Option<Definition>> {
        if pick_name(schema, ["default"])?.is_none() {
            return Ok(None);
        }
        let tables = self.tables.lock().expect("not poisoned");
        let Some(name) = pick_name(table, tables.iter().map(|table| table.name.as_str()))? else {
            return Ok(None);
        };
        let found = tables.iter().find(|table| table.name == name);
        Ok(found.cloned().map(Definition::Table))
    }

    async fn partitions(
        &self,
        _table: &TableDefinition,
        _predicate: &Predicate,
    ) -> Result<Option<Vec<PartitionDefinition>>> {
        Ok(None)
    }

    async fn create_table(&self, table: &TableDefinition) -> Result<()> {
        self.tables.lock().expect("not poisoned").push(table.clone());
        Ok(())
    }
}
