//! The column list and the PARTITIONED BY clause of a table definition.

use super::data_type::arrow_type;
use super::syntax_error::syntax_error;
use super::tokens::{expect_token, expected, identifier, string, take, take_words};
use arrow::datatypes::{DataType, Field};
use mooring_spi::{Error, ErrorKind, Result, fold};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;
use std::collections::{HashMap, HashSet};

/// The key of a column's comment in its field's metadata.
pub const COMMENT_KEY: &str = "comment";

/// `(name type [[NOT] NULL] [COMMENT '...'], ...)`.
pub(super) fn columns(parser: &mut Parser<'_>) -> Result<Vec<Field>> {
    expect_token(parser, &Token::LParen)?;
    let mut fields = Vec::new();
    loop {
        let name = identifier(parser, "a column name")?;
        let data_type = column_type(parser)?;
        fields.push(constrained(parser, name, data_type)?);
        if !parser.consume_token(&Token::Comma) {
            break;
        }
    }
    if parser.peek_token_ref().token != Token::RParen {
        return expected(parser, "`NOT NULL`, `COMMENT`, `,` or `)`");
    }
    parser.advance_token();
    Ok(fields)
}

fn column_type(parser: &mut Parser<'_>) -> Result<DataType> {
    arrow_type(&parser.parse_data_type().map_err(syntax_error)?)
}

fn constrained(parser: &mut Parser<'_>, name: String, data_type: DataType) -> Result<Field> {
    let mut nullable = true;
    let mut comment = None;
    loop {
        if take_words(parser, &["NOT", "NULL"]) {
            nullable = false;
        } else if take(parser, "NULL") {
            nullable = true;
        } else if take(parser, "COMMENT") {
            comment = Some(string(parser, "a comment in quotes")?);
        } else {
            break;
        }
    }
    let field = Field::new(name, data_type, nullable);
    Ok(match comment {
        Some(text) => field.with_metadata(HashMap::from([(COMMENT_KEY.to_owned(), text)])),
        None => field,
    })
}

/// A column that comes from the folder names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionColumn {
    pub name: String,
    /// `None` when neither the clause nor the column list names it.
    pub data_type: Option<DataType>,
}

/// `(name [type], ...)`.
pub(super) fn partition_columns(parser: &mut Parser<'_>) -> Result<Vec<PartitionColumn>> {
    expect_token(parser, &Token::LParen)?;
    let mut columns = Vec::new();
    loop {
        let name = identifier(parser, "a column name")?;
        let ends = matches!(parser.peek_token_ref().token, Token::Comma | Token::RParen);
        let data_type = if ends { None } else { Some(column_type(parser)?) };
        columns.push(PartitionColumn { name, data_type });
        if !parser.consume_token(&Token::Comma) {
            break;
        }
    }
    expect_token(parser, &Token::RParen)?;
    Ok(columns)
}

/// All columns with the partition columns at the end, and the partition columns with their types.
///
/// # Errors
/// `InvalidArgument` for a name given twice, a type given twice or not at all, and a table
/// without a column in its files.
pub(super) fn arranged(
    columns: Vec<Field>,
    partitions: &[PartitionColumn],
) -> Result<(Vec<Field>, Vec<PartitionColumn>)> {
    distinct(columns.iter().map(|field| field.name().as_str()))?;
    let mut in_files = columns;
    let mut at_end = Vec::new();
    for partition in partitions {
        let listed = in_files.iter().position(|field| fold(field.name()) == fold(&partition.name));
        let field = match (listed, &partition.data_type) {
            (Some(position), None) => in_files.remove(position),
            (None, Some(data_type)) => Field::new(&partition.name, data_type.clone(), true),
            (Some(_), Some(_)) => {
                return Err(invalid(format!(
                    "column `{}` has two types: give it in the column list or in \
                     `PARTITIONED BY`",
                    partition.name
                )));
            }
            (None, None) => {
                return Err(invalid(format!(
                    "partition column `{}` has no type: give it in the column list or in \
                     `PARTITIONED BY`",
                    partition.name
                )));
            }
        };
        at_end.push(field);
    }
    if in_files.is_empty() {
        return Err(invalid("a table needs a column besides its partition columns".to_owned()));
    }
    let typed = at_end
        .iter()
        .map(|field| PartitionColumn {
            name: field.name().clone(),
            data_type: Some(field.data_type().clone()),
        })
        .collect();
    in_files.append(&mut at_end);
    Ok((in_files, typed))
}

/// # Errors
/// `InvalidArgument` when two names differ in case only.
pub(super) fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(fold(name)) {
            return Err(invalid(format!("column `{name}` is there twice")));
        }
    }
    Ok(())
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}
