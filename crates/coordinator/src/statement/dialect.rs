//! How Mooring reads SQL: MySQL's dialect of sqlparser, with the parts of standard SQL that it
//! lacks and with MySQL's operator precedence.
//!
//! Precedence, MySQL 8.4 reference manual, section 14.4.1 "Operator Precedence", from tight to
//! loose: `!`; `^`; `*`, `/`, `DIV`, `%`, `MOD`; `-`, `+`; `<<`, `>>`; `&`; `|`; comparisons;
//! `NOT`; `AND`, `&&`; `XOR`; `OR`. sqlparser 0.62 reads the right side of `DIV` to its end
//! (sqlparser issue 2460), does not know `MOD` between operands, and binds `&&`, `XOR`, `^` and
//! the shifts elsewhere.

use super::sql_mode::SqlMode;
use sqlparser::ast::{BinaryOperator, Expr, Statement, UnaryOperator};
use sqlparser::dialect::{Dialect, MySqlDialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;
use std::any::TypeId;
use std::cell::Cell;

/// The dialect of one text, in the lexical modes of its session.
///
/// It counts the expressions that are begun. Where sqlparser fails in a nested `CAST(`, `CASE` or the
/// like, it reads each of them once more as a function's name, which doubles the work with every level.
#[derive(Debug)]
pub struct MooringDialect {
    pub mode: SqlMode,
    expressions_left: Cell<usize>,
}

/// Expressions that are begun at most, for each token and beside that: none begins so often in a
/// statement that is right.
const EXPRESSIONS_PER_TOKEN: usize = 16;
const EXPRESSIONS_MIN: usize = 20_000;

impl Default for MooringDialect {
    fn default() -> Self {
        Self::new(SqlMode::default())
    }
}

impl MooringDialect {
    pub fn new(mode: SqlMode) -> Self {
        Self { mode, expressions_left: Cell::new(EXPRESSIONS_MIN) }
    }

    /// Bounds the work for a text of this many tokens.
    pub fn expect_tokens(&self, tokens: usize) {
        let expressions = tokens.saturating_mul(EXPRESSIONS_PER_TOKEN);
        self.expressions_left.set(expressions.saturating_add(EXPRESSIONS_MIN));
    }

    /// Whether reading was given up; the parser's own error may be any.
    pub fn gave_up(&self) -> bool {
        self.expressions_left.get() == 0
    }
}

const MYSQL: MySqlDialect = MySqlDialect {};

const BANG_PRECEDENCE: u8 = 48;
const CARET_PRECEDENCE: u8 = 45;
const SHIFT_PRECEDENCE: u8 = 26;
const XOR_PRECEDENCE: u8 = 7;

impl Dialect for MooringDialect {
    /// MySQL's, so that sqlparser's questions for MySQL are answered with yes.
    fn dialect(&self) -> TypeId {
        TypeId::of::<MySqlDialect>()
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        MYSQL.is_delimited_identifier_start(ch) || (self.mode.ansi_quotes && ch == '"')
    }

    fn supports_string_literal_backslash_escape(&self) -> bool {
        !self.mode.no_backslash_escapes
    }

    fn ignores_wildcard_escapes(&self) -> bool {
        !self.mode.no_backslash_escapes
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        if matches!(precedence, Precedence::Xor) {
            XOR_PRECEDENCE
        } else {
            MYSQL.prec_value(precedence)
        }
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        match &parser.peek_token_ref().token {
            Token::Word(word) if word.quote_style.is_none() && word.keyword == Keyword::MOD => {
                Some(Ok(self.prec_value(Precedence::MulDivModOp)))
            }
            Token::Overlap => Some(Ok(self.prec_value(Precedence::And))),
            Token::StringConcat if self.mode.pipes_as_or => {
                Some(Ok(self.prec_value(Precedence::Or)))
            }
            Token::Caret => Some(Ok(CARET_PRECEDENCE)),
            Token::ShiftLeft | Token::ShiftRight => Some(Ok(SHIFT_PRECEDENCE)),
            _ => None,
        }
    }

    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        match self.expressions_left.get() {
            0 => return Some(Err(ParserError::RecursionLimitExceeded)),
            left => self.expressions_left.set(left - 1),
        }
        if !parser.consume_token(&Token::ExclamationMark) {
            return None;
        }
        Some(parser.parse_subexpr(BANG_PRECEDENCE).map(|operand| Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr: Box::new(Expr::Nested(Box::new(operand))),
        }))
    }

    fn parse_infix(
        &self,
        parser: &mut Parser,
        left: &Expr,
        precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        let op = if self.mode.pipes_as_or && parser.consume_token(&Token::StringConcat) {
            BinaryOperator::Or
        } else {
            match parser.parse_one_of_keywords(&[Keyword::DIV, Keyword::MOD])? {
                Keyword::DIV => BinaryOperator::MyIntegerDivide,
                _ => BinaryOperator::Modulo,
            }
        };
        Some(parser.parse_subexpr(precedence).map(|right| Expr::BinaryOp {
            left: Box::new(left.clone()),
            op,
            right: Box::new(right),
        }))
    }

    // Standard SQL that sqlparser's MySQL dialect lacks.

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_window_clause_named_window_reference(&self) -> bool {
        true
    }

    fn supports_window_function_null_treatment_arg(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    // MySQL that sqlparser's MySQL dialect lacks.

    fn supports_group_by_with_modifier(&self) -> bool {
        true
    }

    fn allow_extract_custom(&self) -> bool {
        true
    }

    // The rest is MySQL's: everything that `MySqlDialect` of sqlparser 0.62 overrides.

    fn is_identifier_start(&self, ch: char) -> bool {
        MYSQL.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        MYSQL.is_identifier_part(ch)
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        MYSQL.identifier_quote_style(identifier)
    }

    fn supports_string_literal_concatenation(&self) -> bool {
        MYSQL.supports_string_literal_concatenation()
    }

    fn supports_numeric_prefix(&self) -> bool {
        MYSQL.supports_numeric_prefix()
    }

    fn supports_bitwise_shift_operators(&self) -> bool {
        MYSQL.supports_bitwise_shift_operators()
    }

    fn supports_multiline_comment_hints(&self) -> bool {
        MYSQL.supports_multiline_comment_hints()
    }

    fn parse_statement(&self, parser: &mut Parser) -> Option<Result<Statement, ParserError>> {
        MYSQL.parse_statement(parser)
    }

    fn require_interval_qualifier(&self) -> bool {
        MYSQL.require_interval_qualifier()
    }

    fn supports_limit_comma(&self) -> bool {
        MYSQL.supports_limit_comma()
    }

    fn supports_create_table_select(&self) -> bool {
        MYSQL.supports_create_table_select()
    }

    fn supports_insert_set(&self) -> bool {
        MYSQL.supports_insert_set()
    }

    fn supports_user_host_grantee(&self) -> bool {
        MYSQL.supports_user_host_grantee()
    }

    fn is_table_factor_alias(
        &self,
        explicit: bool,
        keyword: &Keyword,
        parser: &mut Parser,
    ) -> bool {
        MYSQL.is_table_factor_alias(explicit, keyword, parser)
    }

    fn supports_table_hints(&self) -> bool {
        MYSQL.supports_table_hints()
    }

    fn requires_single_line_comment_whitespace(&self) -> bool {
        MYSQL.requires_single_line_comment_whitespace()
    }

    fn supports_match_against(&self) -> bool {
        MYSQL.supports_match_against()
    }

    fn supports_select_modifiers(&self) -> bool {
        MYSQL.supports_select_modifiers()
    }

    fn supports_set_names(&self) -> bool {
        MYSQL.supports_set_names()
    }

    fn supports_comma_separated_set_assignments(&self) -> bool {
        MYSQL.supports_comma_separated_set_assignments()
    }

    fn supports_update_order_by(&self) -> bool {
        MYSQL.supports_update_order_by()
    }

    fn supports_data_type_signed_suffix(&self) -> bool {
        MYSQL.supports_data_type_signed_suffix()
    }

    fn supports_cross_join_constraint(&self) -> bool {
        MYSQL.supports_cross_join_constraint()
    }

    fn supports_double_ampersand_operator(&self) -> bool {
        MYSQL.supports_double_ampersand_operator()
    }

    fn supports_binary_kw_as_cast(&self) -> bool {
        MYSQL.supports_binary_kw_as_cast()
    }

    fn supports_comment_optimizer_hint(&self) -> bool {
        MYSQL.supports_comment_optimizer_hint()
    }

    fn supports_constraint_keyword_without_name(&self) -> bool {
        MYSQL.supports_constraint_keyword_without_name()
    }

    fn supports_key_column_option(&self) -> bool {
        MYSQL.supports_key_column_option()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expression with every operator in parentheses.
    fn grouped(sql: &str) -> String {
        let dialect = MooringDialect::default();
        let expr = Parser::new(&dialect)
            .try_with_sql(sql)
            .and_then(|mut parser| parser.parse_expr())
            .expect("an expression");
        group(&expr)
    }

    fn group(expr: &Expr) -> String {
        match expr {
            Expr::BinaryOp { left, op, right } => {
                format!("({} {op} {})", group(left), group(right))
            }
            Expr::UnaryOp { op, expr } => format!("({op} {})", group(expr)),
            Expr::Nested(inner) => group(inner),
            other => other.to_string(),
        }
    }

    // Expected groupings: MySQL 8.4 reference manual, section 14.4.1.
    #[test]
    fn operators_bind_as_in_mysql() {
        for (sql, expected) in [
            ("UNIX_TIMESTAMP(c) DIV 60 * 60", "((UNIX_TIMESTAMP(c) DIV 60) * 60)"),
            ("a + b DIV c - d", "((a + (b DIV c)) - d)"),
            ("a MOD b + c", "((a % b) + c)"),
            ("mod(a, b) MOD c", "(mod(a, b) % c)"),
            ("a = 1 && b = 2 OR c", "(((a = 1) AND (b = 2)) OR c)"),
            ("a = 1 XOR b = 2 AND c", "((a = 1) XOR ((b = 2) AND c))"),
            ("a * b ^ c", "(a * (b ^ c))"),
            ("a & b << c + d", "(a & (b << (c + d)))"),
            ("!a = b", "((NOT a) = b)"),
            ("NOT a = b", "(NOT (a = b))"),
        ] {
            assert_eq!(grouped(sql), expected, "{sql}");
        }
    }

    // MySQL 8.0 reference manual, section 5.1.11: `PIPES_AS_CONCAT`.
    #[test]
    fn pipes_are_or_where_the_mode_says_so() {
        let modes = [(false, "a = 1 || b", "a = 1 || b"), (true, "a = 1 || b", "a = 1 OR b")];
        for (pipes_as_or, sql, expected) in modes {
            let dialect = MooringDialect::new(SqlMode { pipes_as_or, ..SqlMode::default() });
            let parsed = Parser::new(&dialect)
                .try_with_sql(sql)
                .and_then(|mut parser| parser.parse_expr())
                .expect("an expression");
            assert_eq!(parsed.to_string(), expected);
        }
    }

    #[test]
    fn the_lexical_modes_change_quotes_and_escapes() {
        let ansi = MooringDialect::new(SqlMode { ansi_quotes: true, ..SqlMode::default() });
        let parsed = Parser::new(&ansi)
            .try_with_sql("\"a\"")
            .and_then(|mut parser| parser.parse_expr())
            .expect("an expression");
        assert!(matches!(parsed, Expr::Identifier(_)));
        let plain =
            MooringDialect::new(SqlMode { no_backslash_escapes: true, ..SqlMode::default() });
        let parsed = Parser::new(&plain)
            .try_with_sql(r"'a\'")
            .and_then(|mut parser| parser.parse_expr())
            .expect("an expression");
        assert_eq!(parsed.to_string(), r"'a\'");
    }
}
