//! How a scan is cut into statements that several readers share: by partitions, and within a table by pages.
//! Source: PostgreSQL's manual, 5.6 "System Columns" (`ctid`); scans of ranges of it are there since version 14.

use super::metadata::PlanNode;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

pub(super) const RANGES_SINCE: u32 = 14;

/// A relation with pages of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    pub schema: String,
    pub name: String,
    /// `None` of a foreign partition, which is not cut.
    pub pages: Option<u64>,
    /// What it takes in Arrow's form.
    pub size_bytes: u64,
}

/// One statement's share of a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub part: &'a Part,
    /// From a page up to another one, or to the end.
    pub pages: Option<(u64, Option<u64>)>,
    pub size_bytes: u64,
}

/// Which relations the database would read from end to end, and which not at all.
#[derive(Debug, Default)]
pub(super) struct Access {
    /// By schema and name: whether each page is read.
    by_relation: HashMap<(String, String), bool>,
}

impl Access {
    pub fn of(plan: &PlanNode) -> Self {
        let mut access = Self::default();
        plan.each(&mut |node| {
            if let (Some(schema), Some(relation)) = (&node.schema, &node.relation) {
                let whole = node.node_type == "Seq Scan";
                access.by_relation.insert((schema.clone(), relation.clone()), whole);
            }
        });
        access
    }

    pub fn reads_something_whole(&self) -> bool {
        self.by_relation.values().any(|whole| *whole)
    }

    /// `None`: it cannot have a row that matches.
    fn reads_whole(&self, part: &Part) -> Option<bool> {
        self.by_relation.get(&(part.schema.clone(), part.name.clone())).copied()
    }
}

/// Pieces of about `split_bytes` of pages, at most about `splits_max` of them. Whatever is there is in one piece,
/// and in one only, whenever it is read: the last piece of a part has no end.
///
/// `access`: without it every page is read.
pub(super) fn cut<'a>(
    parts: &'a [Part],
    access: Option<&Access>,
    block_bytes: u64,
    split_bytes: u64,
    splits_max: usize,
) -> Vec<Piece<'a>> {
    let all_pages: u64 = parts.iter().filter_map(|part| part.pages).sum();
    let least = all_pages.div_ceil(splits_max.max(1) as u64);
    let step = (split_bytes / block_bytes.max(1)).max(least).max(1);
    let mut pieces = Vec::new();
    for part in parts {
        let whole = match access {
            None => true,
            Some(access) => match access.reads_whole(part) {
                Some(whole) => whole,
                None => continue,
            },
        };
        let count = part.pages.filter(|_| whole).map_or(1, |pages| pages.div_ceil(step).max(1));
        for number in 0..count {
            let pages = (count > 1).then(|| {
                let last = number + 1 == count;
                (number * step, (!last).then_some((number + 1) * step))
            });
            pieces.push(Piece { part, pages, size_bytes: part.size_bytes / count });
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn part(name: &str, pages: Option<u64>) -> Part {
        Part { schema: "s".into(), name: name.into(), pages, size_bytes: 1_000 }
    }

    #[test]
    fn a_table_is_cut_by_pages() {
        let parts = [part("a", Some(20)), part("b", Some(0)), part("f", None)];
        let pieces = cut(&parts, None, 8192, 8 * 8192, 100);
        let ranges: Vec<_> =
            pieces.iter().map(|piece| (piece.part.name.as_str(), piece.pages)).collect();
        assert_eq!(
            ranges,
            [
                ("a", Some((0, Some(8)))),
                ("a", Some((8, Some(16)))),
                ("a", Some((16, None))),
                ("b", None),
                ("f", None)
            ]
        );
    }

    #[test]
    fn what_the_database_finds_by_an_index_is_not_cut() {
        let node = |node_type: &str, relation: &str| PlanNode {
            node_type: node_type.into(),
            schema: Some("s".into()),
            relation: Some(relation.into()),
            rows: 1.0,
            plans: Vec::new(),
        };
        let plan = PlanNode {
            node_type: "Append".into(),
            schema: None,
            relation: None,
            rows: 2.0,
            plans: vec![node("Index Scan", "a"), node("Seq Scan", "b")],
        };
        let access = Access::of(&plan);
        assert!(access.reads_something_whole());
        let parts = [part("a", Some(20)), part("b", Some(20)), part("pruned", Some(20))];
        let pieces = cut(&parts, Some(&access), 8192, 10 * 8192, 100);
        let names: Vec<_> = pieces.iter().map(|piece| piece.part.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "b"]);
    }

    proptest! {
        /// Each page, also one that is added later, is in one piece.
        #[test]
        fn every_page_is_read_once(pages in 0..500_u64, step in 1..50_u64, max in 1..60_usize, page in 0..600_u64) {
            let parts = [part("a", Some(pages))];
            let pieces = cut(&parts, None, 1, step, max);
            prop_assert!(pieces.len() <= max);
            let holds = |piece: &&Piece<'_>| match piece.pages {
                None => true,
                Some((from, to)) => from <= page && to.is_none_or(|to| page < to),
            };
            prop_assert_eq!(pieces.iter().filter(holds).count(), 1);
        }
    }
}
