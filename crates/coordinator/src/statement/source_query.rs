//! `TABLE(catalog.system.query('…'))`: a query in the language of a source, as a relation. The name is Trino's.
//!
//! It becomes a table of the schema [`QUERY_SCHEMA`] whose name is the text, so that it is resolved like any
//! other.

use mooring_engine::QUERY_SCHEMA;
use mooring_spi::{Error, ErrorKind, Result};
use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName,
    ObjectNamePart, TableAlias, TableFactor, Value,
};

/// Where the statement gives it no other name.
const NAME: &str = "query";

/// # Errors
/// `InvalidArgument` for such a function without a catalog, or with anything but one text; `Unsupported` for another one
/// in `TABLE(…)`.
pub(super) fn as_table(factor: &mut TableFactor) -> Result<()> {
    let (catalog, text, alias) = match factor {
        TableFactor::TableFunction { expr: Expr::Function(function), alias } => {
            let Some(catalog) = catalog_of(&function.name)? else {
                return Err(Error::unsupported(format!(
                    "`TABLE({}(…))` is not supported; a query in the language of a catalog's source is \
                     `TABLE(catalog.system.query('…'))`",
                    function.name
                )));
            };
            (catalog, text_of(&arguments(function)), alias.take())
        }
        TableFactor::Table { name, alias, args: Some(given), .. } => {
            let Some(catalog) = catalog_of(name)? else { return Ok(()) };
            (catalog, text_of(&given.args), alias.take())
        }
        _ => return Ok(()),
    };
    let text = text.ok_or_else(|| {
        Error::new(ErrorKind::InvalidArgument, format!(
            "`{catalog}.system.query` takes one text: `TABLE({catalog}.system.query('SELECT …'))`"
        ))
    })?;
    let quoted = |value: &str| ObjectNamePart::Identifier(Ident::with_quote('`', value));
    let alias = alias.unwrap_or_else(|| TableAlias {
        explicit: true,
        name: Ident::new(NAME),
        columns: Vec::new(),
        at: None,
    });
    *factor = TableFactor::Table {
        name: ObjectName(vec![quoted(&catalog.value), quoted(QUERY_SCHEMA), quoted(&text)]),
        alias: Some(alias),
        args: None,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_hints: Vec::new(),
    };
    Ok(())
}

/// The catalog in `catalog.system.query`; `None` for any other function.
fn catalog_of(name: &ObjectName) -> Result<Option<Ident>> {
    let parts: Vec<&Ident> = name.0.iter().filter_map(ObjectNamePart::as_ident).collect();
    let is_query = |schema: &Ident, function: &Ident| {
        schema.value.eq_ignore_ascii_case("system") && function.value.eq_ignore_ascii_case("query")
    };
    match parts.as_slice() {
        [catalog, schema, function] if is_query(schema, function) => {
            Ok(Some(Ident::clone(catalog)))
        }
        [schema, function] if is_query(schema, function) => Err(Error::new(
            ErrorKind::InvalidArgument,
            "`system.query` needs the catalog whose source runs it: `TABLE(catalog.system.query('…'))`",
        )),
        _ => Ok(None),
    }
}

fn arguments(function: &Function) -> Vec<FunctionArg> {
    match &function.args {
        FunctionArguments::List(list)
            if list.duplicate_treatment.is_none() && list.clauses.is_empty() =>
        {
            list.args.clone()
        }
        FunctionArguments::List(_) | FunctionArguments::None | FunctionArguments::Subquery(_) => {
            Vec::new()
        }
    }
}

/// One text, which may have the name `query`.
fn text_of(arguments: &[FunctionArg]) -> Option<String> {
    let value = match arguments {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)))] => value,
        [FunctionArg::Named { name, arg: FunctionArgExpr::Expr(Expr::Value(value)), .. }]
            if name.value.eq_ignore_ascii_case(NAME) =>
        {
            value
        }
        _ => return None,
    };
    match &value.value {
        Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Statement, parse};
    use mooring_spi::ErrorKind;

    fn normal(sql: &str) -> String {
        match parse(sql).expect("a statement") {
            Statement::Query(query) => query.query.to_string(),
            other => panic!("no query: {other:?}"),
        }
    }

    #[test]
    fn a_query_of_a_source_is_a_table() {
        let table = "`pg`.`system.query`.`SELECT 'a' AS x`";
        assert_eq!(
            normal("SELECT * FROM TABLE(pg.system.query('SELECT ''a'' AS x'))"),
            format!("SELECT * FROM {table} AS query")
        );
        assert_eq!(
            normal("SELECT q.x FROM TABLE(pg.SYSTEM.Query(query => 'SELECT ''a'' AS x')) q, t"),
            format!("SELECT q.x FROM {table} q, t")
        );
        assert_eq!(
            normal("SELECT * FROM t JOIN pg.system.query(\"SELECT 'a' AS x\") AS q ON q.x = t.x"),
            format!("SELECT * FROM t JOIN {table} AS q ON q.x = t.x")
        );
    }

    #[test]
    fn it_takes_one_text_and_a_catalog() {
        for wrong in [
            "SELECT * FROM TABLE(pg.system.query())",
            "SELECT * FROM TABLE(pg.system.query(1))",
            "SELECT * FROM TABLE(pg.system.query('a', 'b'))",
            "SELECT * FROM TABLE(pg.system.query(text => 'a'))",
            "SELECT * FROM TABLE(system.query('SELECT 1'))",
        ] {
            let error = parse(wrong).expect_err(wrong);
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{wrong}");
        }
    }
}
