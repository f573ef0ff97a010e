//! The labels of result columns: a client that typed `count(*)` sees `count(*)`, not what the
//! planner calls it.

use super::dialect::MooringDialect;
use super::parse::{parser_of, tokens_of};
use super::query::leftmost_select;
use super::source_text::Offsets;
use sqlparser::ast::{Expr, Ident, Query, SelectItem, Value};
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// What names the columns of one select item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Label {
    /// An alias, a column's name as typed, or the text of an expression.
    Text(String),
    /// `*` or `t.*`: one column or more, under their own names.
    Wildcard,
}

/// The labels of the outermost leftmost SELECT of `query`, which was parsed from `sql`; empty
/// when there is none (`VALUES`). Where the text cannot be found, an expression is labelled as
/// sqlparser prints it.
pub fn select_labels(sql: &str, query: &Query) -> Vec<Label> {
    let tokens = tokens_of(&MooringDialect::default(), sql).unwrap_or_default();
    let start = tokens.iter().position(|token| match &token.token {
        Token::LParen => true,
        Token::Word(word) => matches!(word.keyword, Keyword::SELECT | Keyword::WITH),
        _ => false,
    });
    labels_at(sql, tokens.into_iter().skip(start.unwrap_or_default()).collect(), query)
}

/// As [`select_labels`], with the tokens of the query alone.
pub(super) fn labels_at(sql: &str, tokens: Vec<TokenWithSpan>, query: &Query) -> Vec<Label> {
    let Some(select) = leftmost_select(query) else {
        return Vec::new();
    };
    let texts = item_texts(sql, tokens)
        .filter(|texts| texts.len() == select.projection.len())
        .unwrap_or_default();
    let mut texts = texts.into_iter();
    select.projection.iter().map(|item| label(item, texts.next())).collect()
}

fn label(item: &SelectItem, text: Option<&str>) -> Label {
    let named = match item {
        SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => return Label::Wildcard,
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
        SelectItem::ExprWithAliases { .. } => None,
        SelectItem::UnnamedExpr(expr) => own_name(expr),
    };
    Label::Text(named.unwrap_or_else(|| text.map_or_else(|| item.to_string(), str::to_owned)))
}

/// A column is labelled by its last part, a string by its content.
fn own_name(expr: &Expr) -> Option<String> {
    let is_variable = |part: &Ident| part.quote_style.is_none() && part.value.starts_with('@');
    match expr {
        Expr::Identifier(column) => Some(column.value.clone()),
        Expr::CompoundIdentifier(parts) => {
            let qualified = !parts.first().is_some_and(is_variable);
            parts.last().filter(|_| qualified).map(|column| column.value.clone())
        }
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// The text of each item of the first SELECT, found by parsing the items one by one.
fn item_texts(sql: &str, tokens: Vec<TokenWithSpan>) -> Option<Vec<&str>> {
    // sqlparser places the tokens inside `/*! ... */` before where they stand.
    if sql.contains("/*!") {
        return None;
    }
    let dialect = MooringDialect::default();
    let mut parser = parser_of(&dialect, tokens);
    to_select_list(&mut parser)?;
    let mut offsets = Offsets::new(sql);
    let mut texts = Vec::new();
    loop {
        let start = parser.peek_token_ref().span.start;
        parser.parse_select_item().ok()?;
        let end = last_token_before(&parser, parser.index())?.span.end;
        texts.push(sql.get(offsets.of(start)?..offsets.of(end)?)?);
        if !parser.consume_token(&Token::Comma) {
            return Some(texts);
        }
    }
}

fn last_token_before<'a>(parser: &'a Parser<'_>, index: usize) -> Option<&'a TokenWithSpan> {
    let mut before = (0..index).rev().map(|index| parser.token_at(index));
    before.find(|token| !matches!(token.token, Token::Whitespace(_)))
}

/// Past the CTEs, the opening parentheses, SELECT and its modifiers.
fn to_select_list(parser: &mut Parser<'_>) -> Option<()> {
    loop {
        if parser.parse_keyword(Keyword::WITH) {
            let _recursive = parser.parse_keyword(Keyword::RECURSIVE);
            parser.parse_cte().ok()?;
            while parser.consume_token(&Token::Comma) {
                parser.parse_cte().ok()?;
            }
        } else if !parser.consume_token(&Token::LParen) {
            break;
        }
    }
    parser.expect_keyword(Keyword::SELECT).ok()?;
    loop {
        if parser.peek_one_of_keywords(&[Keyword::ALL, Keyword::DISTINCT]).is_some() {
            parser.parse_all_or_distinct().ok()?;
        } else if parser.parse_keyword(Keyword::TOP) {
            parser.parse_top().ok()?;
        } else if parser.parse_one_of_keywords(&MODIFIERS).is_none() {
            return Some(());
        }
    }
}

/// Before the select list, besides ALL and DISTINCT (MySQL 8.4 reference manual, 15.2.13).
const MODIFIERS: [Keyword; 8] = [
    Keyword::DISTINCTROW,
    Keyword::HIGH_PRIORITY,
    Keyword::STRAIGHT_JOIN,
    Keyword::SQL_SMALL_RESULT,
    Keyword::SQL_BIG_RESULT,
    Keyword::SQL_BUFFER_RESULT,
    Keyword::SQL_NO_CACHE,
    Keyword::SQL_CALC_FOUND_ROWS,
];

#[cfg(test)]
#[path = "labels_tests.rs"]
mod tests;
