//! What a table is made of that can be read by pages.

use super::cut::Part;
use super::metadata::{Leaf, Relation};
use super::statistics::{leaf_rows, row_width, table_statistics};
use super::types::Column;
use mooring_spi::Count;

/// What can be read in the place of the relation, giving the same rows to this user.
pub(super) fn parts(relation: &Relation, columns: &[Column], block_bytes: u64) -> Vec<Part> {
    let width = row_width(relation, columns);
    let pages = |bytes: u64| bytes.div_ceil(block_bytes.max(1));
    if let Some(leaves) = &relation.leaves {
        if relation.row_security || !leaves.iter().all(|leaf| leaf.readable) {
            return Vec::new();
        }
        let part = |leaf: &Leaf| Part {
            schema: leaf.schema.clone(),
            name: leaf.name.clone(),
            pages: leaf.bytes.map(pages),
            size_bytes: leaf_rows(leaf, width, block_bytes).unwrap_or(0).saturating_mul(width),
        };
        return leaves.iter().map(part).collect();
    }
    // Pages are for those who may read all columns.
    let whole = relation.lockable && !relation.has_heirs;
    let Some(bytes) = relation.bytes.filter(|_| whole) else { return Vec::new() };
    let statistics = table_statistics(relation, columns, block_bytes);
    let size_bytes = match statistics.bytes {
        Count::Exact(size) | Count::Estimate(size) => size,
        Count::Unknown => bytes,
    };
    let (schema, name) = (relation.schema.clone(), relation.name.clone());
    vec![Part { schema, name, pages: Some(pages(bytes)), size_bytes }]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(kind: &str, leaves: Option<Vec<Leaf>>) -> Relation {
        Relation {
            schema: "s".into(),
            name: "t".into(),
            kind: kind.into(),
            rows: 100.0,
            pages: 2,
            bytes: (kind == "r").then_some(2 * 8192),
            has_heirs: kind == "p",
            row_security: false,
            lockable: true,
            columns: None,
            statistics: None,
            leaves,
        }
    }

    fn leaf(name: &str, kind: &str, readable: bool) -> Leaf {
        let bytes = (kind == "r").then_some(8192);
        Leaf { schema: "s".into(), name: name.into(), rows: 10.0, pages: 1, bytes, readable }
    }

    #[test]
    fn a_table_is_its_only_part() {
        let found = parts(&relation("r", None), &[], 8192);
        assert_eq!((found.len(), found[0].pages), (1, Some(2)));
        assert!(parts(&Relation { has_heirs: true, ..relation("r", None) }, &[], 8192).is_empty());
        assert!(parts(&Relation { lockable: false, ..relation("r", None) }, &[], 8192).is_empty());
        assert!(parts(&relation("v", None), &[], 8192).is_empty());
    }

    #[test]
    fn partitions_stand_for_the_whole_where_the_user_sees_the_same() {
        let leaves = vec![leaf("a", "r", true), leaf("f", "f", true)];
        let found = parts(&relation("p", Some(leaves.clone())), &[], 8192);
        assert_eq!(found.iter().map(|part| part.pages).collect::<Vec<_>>(), [Some(1), None]);
        let secured = Relation { row_security: true, ..relation("p", Some(leaves)) };
        assert!(parts(&secured, &[], 8192).is_empty());
        let hidden = relation("p", Some(vec![leaf("a", "r", true), leaf("b", "r", false)]));
        assert!(parts(&hidden, &[], 8192).is_empty());
    }
}
