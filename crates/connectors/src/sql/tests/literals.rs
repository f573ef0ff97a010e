//! Whatever a literal or a name holds, it is one token of the statement, and stands for itself.

use super::super::{Dialect, PostgresDialect};
use super::build;
use super::fixture::{Fixture, mariadb};
use super::generator::Generator;
use super::random::Random;
use crate::sql::SqlWriter;
use arrow::datatypes::DataType;
use mooring_spi::{Function, Value};
use proptest::prelude::*;
use sqlparser::dialect::{MySqlDialect, PostgreSqlDialect};
use sqlparser::tokenizer::{Token, Tokenizer};

fn tokens(sql: &str, dialect: &dyn sqlparser::dialect::Dialect) -> Vec<Token> {
    Tokenizer::new(dialect, sql).with_unescape(true).tokenize().expect("SQL")
}

proptest! {
    #[test]
    fn texts_are_one_literal_in_postgresql(text in "(?s).{0,40}") {
        let literal = PostgresDialect.literal(&Value::Text(text.clone()), &DataType::Utf8);
        if text.contains('\0') {
            prop_assert!(literal.is_err());
            return Ok(());
        }
        let tokens = tokens(&literal.expect("a literal"), &PostgreSqlDialect {});
        match &tokens[0] {
            Token::SingleQuotedString(found) | Token::EscapedStringLiteral(found) => {
                prop_assert_eq!(found, &text);
            }
            other => prop_assert!(false, "{other:?}"),
        }
        prop_assert_eq!(&tokens[1], &Token::DoubleColon);
        prop_assert_eq!(tokens.len(), 3);
    }

    #[test]
    fn texts_are_one_literal_in_mysql(text in "(?s).{0,40}") {
        let literal = mariadb().literal(&Value::Text(text.clone()), &DataType::Utf8).expect("a literal");
        // Whatever `sql_mode` makes of it.
        prop_assert!(!literal.contains('\\'));
        let literal = literal.strip_prefix("_utf8mb4").expect("its character set").trim_start();
        let tokens = tokens(literal, &MySqlDialect {});
        prop_assert_eq!(tokens.len(), 1);
        match &tokens[0] {
            Token::SingleQuotedString(found) => prop_assert_eq!(found, &text),
            Token::HexStringLiteral(found) => {
                let bytes: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
                prop_assert_eq!(found, &bytes);
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn names_are_one_identifier(name in "[^\0]{1,40}") {
        let quoted = PostgresDialect.identifier(&name);
        let expected = Token::make_word(&name, Some('"'));
        prop_assert_eq!(tokens(&quoted, &PostgreSqlDialect {}), vec![expected]);
        let quoted = mariadb().identifier(&name);
        let expected = Token::make_word(&name, Some('`'));
        prop_assert_eq!(tokens(&quoted, &MySqlDialect {}), vec![expected]);
    }

    #[test]
    fn doubles_are_read_back(number: f64) {
        let literal = PostgresDialect.literal(&Value::Float(number), &DataType::Float64).expect("a literal");
        let text = literal.trim_start_matches('\'').trim_end_matches("'::float8");
        let read: f64 = text.parse().expect("a number");
        prop_assert!(read.to_bits() == number.to_bits() || (read.is_nan() && number.is_nan()));
        match mariadb().literal(&Value::Float(number), &DataType::Float64) {
            Ok(literal) => {
                let text = literal.trim_matches(['(', ')']);
                prop_assert!(text.contains('e'), "{text} is a decimal");
                prop_assert_eq!(text.parse::<f64>().expect("a number").to_bits(), number.to_bits());
            }
            Err(_) => prop_assert!(!number.is_finite()),
        }
    }

    #[test]
    fn whole_numbers_are_read_back(number: i64) {
        let text = PostgresDialect.literal(&Value::Int(number), &DataType::Int64).expect("a literal");
        let digits = text.trim_end_matches("::int8").trim_matches(['(', ')']);
        prop_assert_eq!(digits.parse::<i64>().expect("a number"), number);
        // A sign in front of `::` would be put on after the cast.
        prop_assert_eq!(number < 0, text.starts_with("(-"));
    }

    /// A text in a condition changes nothing about the statement's other tokens.
    #[test]
    fn a_condition_stays_one_condition(text in "[^\0]*") {
        let fixture = Fixture::new("s", false);
        let source_table = |table: &_| fixture.source_table(table);
        let writer = SqlWriter { dialect: &PostgresDialect, source_table: &source_table };
        let count = |text: &str| {
            let scan = build::scan(&fixture.tables[0].0, vec![5]);
            let same = build::test(Function::Equal, vec![build::column(&scan, 0), build::text(text)]);
            let sql = writer.statement(&build::filter(scan, vec![same])).expect("supported").sql;
            tokens(&sql, &PostgreSqlDialect {}).len()
        };
        prop_assert_eq!(count(&text), count("x"));
    }

    /// Whatever is generated is written or refused, the same each time, and parses.
    #[test]
    fn relations_are_written_without_a_panic(seed: u64) {
        let is_mysql = seed % 2 == 0;
        let fixture = Fixture::new("s", is_mysql);
        let source_table = |table: &_| fixture.source_table(table);
        let mysql = mariadb();
        let dialect: &dyn Dialect = if is_mysql { &mysql } else { &PostgresDialect };
        let writer = SqlWriter { dialect, source_table: &source_table };
        let plan = Generator { random: Random::new(seed), fixture: &fixture, writer }.plan();
        let statement = writer.statement(&plan.relation).expect("what is generated is supported");
        prop_assert_eq!(statement.columns.len(), plan.relation.columns.len());
        prop_assert_eq!(writer.statement(&plan.relation).expect("again").sql, statement.sql.clone());
        let parser_dialect: &dyn sqlparser::dialect::Dialect =
            if is_mysql { &MySqlDialect {} } else { &PostgreSqlDialect {} };
        tokens(&statement.sql, parser_dialect);
    }
}
