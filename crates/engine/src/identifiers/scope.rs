//! What the identifiers of one SELECT can mean: its relations and their columns.

use super::columns::Columns;
use mooring_spi::{Result, fold, pick_name};
use sqlparser::ast::Ident;
use std::collections::HashMap;
use std::rc::Rc;

/// A relation after FROM.
#[derive(Debug, Clone)]
struct Relation {
    /// Its alias, or the parts of its name; never empty.
    name: Vec<String>,
    columns: Rc<Columns>,
}

#[derive(Debug, Default)]
pub(super) struct Scope {
    relations: Vec<Relation>,
    /// Places in `relations` by the folded last part of the name.
    by_table: HashMap<String, Vec<usize>>,
    /// Of all relations.
    pub columns: Rc<Columns>,
    /// There may be relations that are not named here.
    pub anonymous: bool,
}

/// What a qualifier means.
pub(super) struct Qualified {
    /// The qualifier as DataFusion finds it.
    pub name: Vec<String>,
    /// The whole name of the relation, where there is only one.
    pub whole: Option<Vec<String>>,
    pub columns: Rc<Columns>,
}

impl Scope {
    /// `name`: empty for a relation that no qualifier names.
    pub fn of_relation(name: Vec<String>, columns: Rc<Columns>) -> Self {
        let Some(table) = name.last() else {
            return Self { columns, anonymous: true, ..Self::default() };
        };
        let by_table = HashMap::from([(fold(table), vec![0])]);
        let relation = Relation { name, columns: columns.clone() };
        Self { relations: vec![relation], by_table, columns, anonymous: false }
    }

    /// Adds the relations of `other`.
    pub fn merge(&mut self, other: Scope) {
        self.anonymous |= other.anonymous;
        Columns::merge(&mut self.columns, &other.columns);
        let offset = self.relations.len();
        self.relations.extend(other.relations);
        for (table, places) in other.by_table {
            let known = self.by_table.entry(table).or_default();
            known.extend(places.into_iter().map(|place| place + offset));
        }
    }

    /// Finds the relation that `qualifier` names.
    ///
    /// # Errors
    /// `AmbiguousName`.
    pub fn qualified(&self, qualifier: &[Ident]) -> Result<Option<Qualified>> {
        let Some((table, prefix)) = qualifier.split_last() else {
            return Ok(None);
        };
        let places = self.by_table.get(&fold(&table.value)).map_or(&[] as &[usize], Vec::as_slice);
        let mut found: Vec<&Relation> = places
            .iter()
            .filter_map(|place| self.relations.get(*place))
            .filter(|relation| same_database(prefix, &relation.name))
            .collect();
        let tables = found.iter().filter_map(|relation| relation.name.last());
        let Some(picked) = pick_name(&table.value, tables.map(String::as_str))? else {
            return Ok(None);
        };
        let picked = picked.to_owned();
        found.retain(|relation| relation.name.last() == Some(&picked));
        if let [relation] = found.as_slice() {
            return Ok(Some(Qualified {
                name: spelled(qualifier, &relation.name),
                whole: Some(relation.name.clone()),
                columns: relation.columns.clone(),
            }));
        }
        let mut name: Vec<String> = prefix.iter().map(|part| part.value.clone()).collect();
        name.push(picked);
        let mut columns = Rc::default();
        for relation in found {
            Columns::merge(&mut columns, &relation.columns);
        }
        Ok(Some(Qualified { name, whole: None, columns }))
    }
}

/// Whether the catalog and schema of a qualifier can be those of a relation. One of them may be
/// shorter, and a dot may stand inside a part: `` `lake.web` `` is `lake.web`.
fn same_database(prefix: &[Ident], relation: &[String]) -> bool {
    let relation = relation.split_last().map_or(&[] as &[String], |(_, database)| database);
    if prefix.is_empty() || relation.is_empty() {
        return true;
    }
    let one = fold(&prefix.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join("."));
    let two = fold(&relation.join("."));
    let (long, short) = if one.len() >= two.len() { (one, two) } else { (two, one) };
    long.strip_suffix(&short).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// As many parts of the relation's name as were written, or all where they are cut otherwise.
fn spelled(qualifier: &[Ident], relation: &[String]) -> Vec<String> {
    let same = |parts: &&[String]| {
        parts.iter().zip(qualifier).all(|(part, ident)| fold(part) == fold(&ident.value))
    };
    let tail = relation.len().checked_sub(qualifier.len());
    let tail = tail.and_then(|start| relation.get(start..)).filter(same);
    tail.unwrap_or(relation).to_vec()
}
