//! The columns and the (never present) indexes of a table.

use super::ShowContext;
use super::rows::{Cell, Kind, Rows};
use crate::statement::column_list::COMMENT_KEY;
use crate::statement::filter::Filter;
use crate::statement::mysql_type::{is_text, mysql_type_text};
use crate::statement::names::Name;
use mooring_spi::{Result, Table};

async fn table(context: &ShowContext<'_>, name: &Name) -> Result<Table> {
    Ok(context.place().table(&name.0).await?.1)
}

pub(super) async fn columns(
    context: &ShowContext<'_>,
    name: &Name,
    full: bool,
    filter: &Filter,
) -> Result<Rows> {
    let table = table(context, name).await?;
    let mut rows = Rows::of_text(if full {
        &["Field", "Type", "Collation", "Null", "Key", "Default", "Extra", "Privileges", "Comment"]
    } else {
        &["Field", "Type", "Null", "Key", "Default", "Extra"]
    });
    for field in table.schema.fields() {
        let field_name: Cell = field.name().as_str().into();
        let type_text: Cell = mysql_type_text(field).into();
        let nullable: Cell = if field.is_nullable() { "YES" } else { "NO" }.into();
        let (key, default, extra): (Cell, Cell, Cell) = ("".into(), Cell::Null, "".into());
        if full {
            let collation: Cell = is_text(field.data_type()).then_some("utf8mb4_bin").into();
            let comment = field.metadata().get(COMMENT_KEY).map_or("", String::as_str).into();
            rows.push([
                field_name,
                type_text,
                collation,
                nullable,
                key,
                default,
                extra,
                "select".into(),
                comment,
            ]);
        } else {
            rows.push([field_name, type_text, nullable, key, default, extra]);
        }
    }
    rows.filtered(filter)
}

pub(super) async fn indexes(
    context: &ShowContext<'_>,
    name: &Name,
    filter: &Filter,
) -> Result<Rows> {
    table(context, name).await?;
    let rows = Rows::new(&[
        ("Table", Kind::Text),
        ("Non_unique", Kind::Int),
        ("Key_name", Kind::Text),
        ("Seq_in_index", Kind::Int),
        ("Column_name", Kind::Text),
        ("Collation", Kind::Text),
        ("Cardinality", Kind::Int),
        ("Sub_part", Kind::Int),
        ("Packed", Kind::Text),
        ("Null", Kind::Text),
        ("Index_type", Kind::Text),
        ("Comment", Kind::Text),
        ("Index_comment", Kind::Text),
        ("Visible", Kind::Text),
        ("Expression", Kind::Text),
    ]);
    rows.filtered(filter)
}
