//! Statements that define catalogs: who may give them, and their answers. What they do is in
//! [`crate::catalog_definitions`].

use super::{Completion, FIRST_CATALOG, Response, Session};
use crate::catalog_definitions::Created;
use crate::statement::{CatalogStatement, Warning};
use mooring_spi::{Result, fold};

/// ER_DB_CREATE_EXISTS and ER_DB_DROP_EXISTS, MySQL 8.0 Error Message Reference.
const NOTE_EXISTS: u16 = 1007;
const NOTE_MISSING: u16 = 1008;

impl Session {
    pub(super) async fn about_catalogs(&mut self, statement: CatalogStatement) -> Result<Response> {
        let definitions = self.hub.definitions().clone();
        match statement {
            CatalogStatement::Create(new) => {
                self.must_be_administrator("CREATE CATALOG")?;
                let name = new.name.clone();
                let created = async move { definitions.create(new).await };
                match self.runner.off_door(created).await? {
                    Created::New => Ok(done()),
                    Created::Before => {
                        Ok(self.note(NOTE_EXISTS, format!("catalog `{name}` exists already")))
                    }
                }
            }
            CatalogStatement::Set { name, properties, verify } => {
                self.must_be_administrator("ALTER CATALOG")?;
                let set = async move { definitions.set(&name, &properties, verify).await };
                self.runner.off_door(set).await.map(|()| done())
            }
            CatalogStatement::Reset { name, keys, verify } => {
                self.must_be_administrator("ALTER CATALOG")?;
                let reset = async move { definitions.reset(&name, &keys, verify).await };
                self.runner.off_door(reset).await.map(|()| done())
            }
            CatalogStatement::Rename { name, to } => {
                self.must_be_administrator("ALTER CATALOG")?;
                let new = to.clone();
                let renamed = async move { definitions.rename(&name, new).await };
                let former = self.runner.off_door(renamed).await?;
                if fold(&former) == fold(&self.catalog) {
                    self.catalog = to;
                    self.place.set_database(self.database_label());
                }
                Ok(done())
            }
            CatalogStatement::Drop { name, if_exists } => {
                self.must_be_administrator("DROP CATALOG")?;
                let asked = name.clone();
                let dropped = async move { definitions.drop(&asked, if_exists).await };
                match self.runner.off_door(dropped).await? {
                    Some(former) => {
                        if fold(&former) == fold(&self.catalog) {
                            self.catalog = FIRST_CATALOG.to_owned();
                            self.schema = None;
                            self.place.set_database(None);
                        }
                        Ok(done())
                    }
                    None => Ok(self.note(NOTE_MISSING, format!("catalog `{name}` does not exist"))),
                }
            }
            CatalogStatement::Comment { name, comment } => {
                self.must_be_administrator("COMMENT ON CATALOG")?;
                let commented = async move { definitions.comment(&name, comment).await };
                self.runner.off_door(commented).await.map(|()| done())
            }
        }
    }

    /// For SHOW WARNINGS.
    fn note(&mut self, code: u16, message: String) -> Response {
        self.warnings.push(Warning { level: "Note", code, message });
        Response::Done(Completion { warnings: 1, ..Completion::default() })
    }
}

fn done() -> Response {
    Response::Done(Completion::default())
}
