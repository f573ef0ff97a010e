//! Character sets and collations.

use super::INFORMATION_SCHEMA;
use super::connector::SessionTables;
use super::table::{
    Kind::{UBigInt, UInt},
    Line, Rows, TableDefinition, set, text,
};
use crate::statement::{CHARACTER_SETS, COLLATIONS, CharacterSet, Collation};

pub(super) const TABLES: &[TableDefinition] = &[
    TableDefinition {
        schema: INFORMATION_SCHEMA,
        name: "CHARACTER_SETS",
        columns: &[
            text("CHARACTER_SET_NAME"),
            text("DEFAULT_COLLATE_NAME"),
            text("DESCRIPTION"),
            set("MAXLEN", UInt),
        ],
        rows: Rows::Of(character_sets),
    },
    TableDefinition {
        schema: INFORMATION_SCHEMA,
        name: "COLLATIONS",
        columns: &[
            text("COLLATION_NAME"),
            text("CHARACTER_SET_NAME"),
            set("ID", UBigInt),
            text("IS_DEFAULT"),
            text("IS_COMPILED"),
            set("SORTLEN", UInt),
            text("PAD_ATTRIBUTE"),
        ],
        rows: Rows::Of(collations),
    },
    TableDefinition {
        schema: INFORMATION_SCHEMA,
        name: "COLLATION_CHARACTER_SET_APPLICABILITY",
        columns: &[text("COLLATION_NAME"), text("CHARACTER_SET_NAME")],
        rows: Rows::Of(applicability),
    },
];

fn character_sets(_: &SessionTables) -> Vec<Line> {
    let line = |set: &CharacterSet| {
        let bytes_max = set.bytes_max.into();
        vec![set.name.into(), set.default_collation.into(), set.description.into(), bytes_max]
    };
    CHARACTER_SETS.iter().map(line).collect()
}

fn collations(_: &SessionTables) -> Vec<Line> {
    let line = |collation: &Collation| {
        vec![
            collation.name.into(),
            collation.character_set.into(),
            collation.id.into(),
            if collation.is_default() { "Yes" } else { "" }.into(),
            "Yes".into(),
            collation.sort_length.into(),
            collation.pad_attribute().into(),
        ]
    };
    COLLATIONS.iter().map(line).collect()
}

fn applicability(_: &SessionTables) -> Vec<Line> {
    let line = |collation: &Collation| vec![collation.name.into(), collation.character_set.into()];
    COLLATIONS.iter().map(line).collect()
}
