//! The first pass: the names of relations. A name means the innermost common table expression in
//! scope, else a table.
//!
//! DataFusion 55.2 refuses a common table expression whose name is in scope already ("WITH query
//! name specified more than once"), where SQL lets the inner one hide the outer one. So the inner
//! one gets a name of its own, and its references keep the old one as their alias.

use crate::error::from_datafusion;
use crate::names::split_database;
use datafusion::common::TableReference;
use datafusion::sql::planner::object_name_to_table_reference;
use mooring_spi::{Error, Result, fold, pick_name};
use sqlparser::ast::{
    Cte, Expr, Ident, ObjectName, ObjectNamePart, Query, Select, TableAlias, TableFactor, VisitMut,
    VisitorMut, With,
};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::ControlFlow;

/// How deep common table expressions may stand inside each other. DataFusion 55.2 visits the query
/// of one twice when it collects names (`datafusion-sql`, `resolve.rs`), so each level doubles the
/// time.
const CTE_NESTING_MAX: usize = 12;

/// How many relations a statement may have once each reference to a common table expression stands for
/// its query, as DataFusion plans it: a few lines of `WITH` can stand for any number of them.
const RELATIONS_MAX: u64 = 1_000;

/// How many relations one `FROM` may join: as many as in MySQL (error 1116). Planning takes the square of
/// it and more.
const JOINED_MAX: usize = 61;

/// How many subscripts may follow each other; each is one level of an expression.
const SUBSCRIPTS_MAX: usize = 100;

/// Puts the names of common table expressions into the case of their definitions, makes them
/// distinct, writes `catalog.schema` with the dot inside one name as two names, and answers the
/// tables that the statement reads.
///
/// # Errors
/// `AmbiguousName`, `SchemaNotFound` for a database that is no name, `Unsupported` beyond
/// [`CTE_NESTING_MAX`], `InvalidQuery` for a name with too many parts.
pub(crate) fn fold_relations(statement: &mut impl VisitMut) -> Result<Vec<TableReference>> {
    let mut folder = RelationFolder::default();
    match statement.visit(&mut folder) {
        ControlFlow::Continue(()) => Ok(folder.tables.into_iter().collect()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// The common table expressions of one WITH.
#[derive(Default)]
struct Frame {
    by_folded: HashMap<String, Vec<CteName>>,
    /// What this frame has added to `RelationFolder::planned`.
    planned: Vec<String>,
}

#[derive(Clone)]
struct CteName {
    written: Ident,
    /// As DataFusion shall know it.
    planned: String,
    /// Whether a reference needs `written` as its alias, to be found by its qualifier.
    alias: bool,
    /// The relations of its query, see [`RELATIONS_MAX`].
    relations: u64,
}

#[derive(Default)]
struct RelationFolder {
    tables: BTreeSet<TableReference>,
    /// One per query around the current place, the innermost last.
    frames: Vec<Frame>,
    /// The WITH clauses of the same queries, which are visited before them.
    withs: Vec<Option<With>>,
    /// The planned names of all frames.
    planned: HashSet<String>,
    renamed: usize,
    cte_nesting: usize,
    /// Those of the statement, or of the common table expression that is looked at.
    relations: u64,
}

impl VisitorMut for RelationFolder {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        self.frames.push(Frame::default());
        let mut with = query.with.take();
        if let Some(with) = &mut with {
            for cte in &mut with.cte_tables {
                self.define(cte, with.recursive)?;
            }
        }
        self.withs.push(with);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        query.with = self.withs.pop().flatten();
        for name in self.frames.pop().into_iter().flat_map(|frame| frame.planned) {
            self.planned.remove(&name);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        let joins: usize = select.from.iter().map(|relation| relation.joins.len()).sum();
        match select.from.len() + joins <= JOINED_MAX {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(Error::unsupported(format!(
                "a `FROM` with more than {JOINED_MAX} tables is not supported"
            ))),
        }
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        match expr {
            Expr::CompoundFieldAccess { access_chain, .. }
                if access_chain.len() > SUBSCRIPTS_MAX =>
            {
                ControlFlow::Break(Error::unsupported(format!(
                    "more than {SUBSCRIPTS_MAX} subscripts in a row are not supported"
                )))
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        // With arguments it is a table function.
        let TableFactor::Table { name, alias, args: None, .. } = factor else {
            return ControlFlow::Continue(());
        };
        match self.reference(name, alias) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

impl RelationFolder {
    /// The name of a common table expression is in scope after it, and inside when it is recursive.
    fn define(&mut self, cte: &mut Cte, recursive: bool) -> ControlFlow<Error> {
        self.cte_nesting += 1;
        if self.cte_nesting > CTE_NESTING_MAX {
            return ControlFlow::Break(Error::unsupported(format!(
                "common table expressions inside each other deeper than {CTE_NESTING_MAX} levels \
                 are not supported; put them side by side in one `WITH`"
            )));
        }
        let outside = std::mem::take(&mut self.relations);
        if recursive {
            self.declare(&mut cte.alias.name, recursive);
        }
        cte.query.visit(self)?;
        if !recursive {
            self.declare(&mut cte.alias.name, recursive);
        }
        self.relations = outside;
        self.cte_nesting -= 1;
        ControlFlow::Continue(())
    }

    fn declare(&mut self, name: &mut Ident, recursive: bool) {
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        let names = frame.by_folded.entry(fold(&name.value)).or_default();
        let twice = names.iter().any(|known| known.written.value == name.value);
        let written = name.clone();
        // One name twice in one WITH is an error, and DataFusion says so.
        if self.planned.contains(&name.value) && !twice {
            self.renamed += 1;
            name.value = format!("__mooring_cte_{}_{}", self.renamed, name.value);
        }
        if self.planned.insert(name.value.clone()) {
            frame.planned.push(name.value.clone());
        }
        // DataFusion parses the name that it gives to the rows of the step before, so that this one
        // ends up in lower case and is cut at its dots.
        let parsed = recursive && !is_plain(&name.value);
        let alias = parsed || name.value != written.value;
        let relations = self.relations + 1;
        names.push(CteName { written, planned: name.value.clone(), alias, relations });
    }

    fn reference(&mut self, name: &mut ObjectName, alias: &mut Option<TableAlias>) -> Result<()> {
        if let [ObjectNamePart::Identifier(ident)] = name.0.as_mut_slice()
            && let Some(cte) = self.find(ident)?
        {
            self.count(cte.relations)?;
            ident.value.clone_from(&cte.planned);
            if cte.alias && alias.is_none() {
                *alias = Some(TableAlias {
                    explicit: true,
                    name: cte.written,
                    columns: Vec::new(),
                    at: None,
                });
            }
            return Ok(());
        }
        self.count(1)?;
        split_dotted(name)?;
        let table = object_name_to_table_reference(name.clone(), false)
            .map_err(|error| from_datafusion(&error))?;
        self.tables.insert(table);
        Ok(())
    }

    fn count(&mut self, relations: u64) -> Result<()> {
        self.relations += relations;
        match self.relations <= RELATIONS_MAX {
            true => Ok(()),
            false => Err(Error::unsupported(format!(
                "the statement reads more than {RELATIONS_MAX} tables, those of common table \
                 expressions counted at each of their references"
            ))),
        }
    }

    fn find(&self, ident: &Ident) -> Result<Option<CteName>> {
        let folded = fold(&ident.value);
        for frame in self.frames.iter().rev() {
            let Some(names) = frame.by_folded.get(&folded) else {
                continue;
            };
            let written = names.iter().map(|name| name.written.value.as_str());
            let picked = pick_name(&ident.value, written)?;
            return Ok(names
                .iter()
                .find(|name| Some(name.written.value.as_str()) == picked)
                .cloned());
        }
        Ok(None)
    }
}

fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// `` `catalog.schema`.table ``, the form in which MySQL clients know databases of other catalogs,
/// as `catalog.schema.table`.
fn split_dotted(name: &mut ObjectName) -> Result<()> {
    let [ObjectNamePart::Identifier(database), table] = name.0.as_slice() else {
        return Ok(());
    };
    if !database.value.contains('.') {
        return Ok(());
    }
    let (catalog, schema) = split_database(std::slice::from_ref(&database.value), "")?;
    let part = |value| {
        let quote_style = database.quote_style;
        ObjectNamePart::Identifier(Ident { value, quote_style, span: database.span })
    };
    name.0 = vec![part(catalog), part(schema), table.clone()];
    Ok(())
}
