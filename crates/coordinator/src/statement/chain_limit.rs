//! A bound on chains of operators.
//!
//! `a OR b OR c ...` and `SELECT ... UNION SELECT ...` become trees as deep as they are long,
//! which sqlparser's own limit does not see. Cloning, printing and dropping such a tree recurses,
//! and a stack that overflows ends the process.

use mooring_spi::{Error, Result};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// How many operators may follow each other, those around parentheses included. On a thread with
/// 2 MiB of stack, cloning and printing overflow between 2,000 and 3,000 operators and between 500
/// and 1,000 set operations; half of the stack is left to the planner.
const CHAIN_MAX: usize = 1_000;

/// A set operation counts for as many operators.
const SET_OPERATION_WEIGHT: usize = 4;

/// The operators so far inside one pair of parentheses.
#[derive(Default)]
struct Level {
    /// Since the last comma: items of a list are not inside each other.
    operators: usize,
    set_operations: usize,
}

/// # Errors
/// `Unsupported` for a chain beyond [`CHAIN_MAX`].
pub(super) fn check(tokens: &[TokenWithSpan]) -> Result<()> {
    let mut levels = vec![Level::default()];
    // The sum of all levels.
    let mut depth = 0usize;
    for token in tokens {
        let Some(level) = levels.last_mut() else {
            return Ok(());
        };
        match kind(&token.token) {
            Kind::Operator => {
                level.operators += 1;
                depth += 1;
            }
            Kind::SetOperation => {
                level.set_operations += SET_OPERATION_WEIGHT;
                depth += SET_OPERATION_WEIGHT;
            }
            Kind::Separator => {
                depth -= level.operators;
                level.operators = 0;
            }
            Kind::Opening => levels.push(Level::default()),
            Kind::Closing if levels.len() > 1 => {
                if let Some(closed) = levels.pop() {
                    depth -= closed.operators + closed.set_operations;
                }
            }
            Kind::Closing | Kind::Other => {}
        }
        if depth > CHAIN_MAX {
            return Err(Error::unsupported(format!(
                "a chain of more than {CHAIN_MAX} operators or {} set operations is not supported; \
                 `IN (...)` takes longer lists",
                CHAIN_MAX / SET_OPERATION_WEIGHT
            )));
        }
    }
    Ok(())
}

enum Kind {
    Operator,
    SetOperation,
    Separator,
    Opening,
    Closing,
    Other,
}

fn kind(token: &Token) -> Kind {
    match token {
        Token::LParen | Token::LBracket => Kind::Opening,
        Token::RParen | Token::RBracket => Kind::Closing,
        Token::Comma | Token::SemiColon => Kind::Separator,
        Token::Word(word) => match word.keyword {
            // A table that is pivoted again and again nests as set operations do.
            Keyword::UNION
            | Keyword::EXCEPT
            | Keyword::INTERSECT
            | Keyword::MINUS
            | Keyword::PIVOT
            | Keyword::UNPIVOT => Kind::SetOperation,
            Keyword::AND
            | Keyword::OR
            | Keyword::XOR
            | Keyword::NOT
            | Keyword::DIV
            | Keyword::MOD
            | Keyword::IS
            | Keyword::IN
            | Keyword::LIKE
            | Keyword::ILIKE
            | Keyword::REGEXP
            | Keyword::RLIKE
            | Keyword::BETWEEN
            | Keyword::COLLATE
            | Keyword::AT => Kind::Operator,
            _ => Kind::Other,
        },
        Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::DoubleQuotedString(_)
        | Token::Whitespace(_)
        | Token::Period
        | Token::EOF => Kind::Other,
        // Every other symbol may be an operator.
        _ => Kind::Operator,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Statement, make_unique, parse};
    use super::*;
    use mooring_spi::ErrorKind;

    /// What the coordinator does with a query, on a stack as small as a worker thread's.
    fn survives(sql: String) -> bool {
        let work = move || match parse(&sql) {
            Ok(Statement::Query(query)) => {
                let mut copy = query.query.clone();
                make_unique(&mut copy);
                !copy.to_string().is_empty()
            }
            Ok(other) => panic!("no query: {other:?}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unsupported);
                false
            }
        };
        let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(work);
        thread.expect("a thread").join().expect("no overflow")
    }

    #[test]
    fn long_chains_are_carried_and_endless_ones_refused() {
        let ors = |count| format!("SELECT * FROM t WHERE {}", vec!["a"; count].join(" OR "));
        let sums = |count| format!("SELECT {}", vec!["1"; count].join("+"));
        let unions = |count| vec!["SELECT 1, 2"; count].join(" UNION ALL ");
        for (chain, longest) in [
            (ors as fn(usize) -> String, CHAIN_MAX),
            (sums, CHAIN_MAX),
            (unions, CHAIN_MAX / SET_OPERATION_WEIGHT),
        ] {
            assert!(survives(chain(longest)));
            assert!(!survives(chain(100_000)));
        }
    }

    #[test]
    fn endless_pivots_are_refused() {
        let pivots = " PIVOT(SUM(a) FOR b IN (1))".repeat(20_000);
        assert!(!survives(format!("SELECT * FROM t{pivots}")));
    }

    #[test]
    fn lists_and_siblings_are_no_chains() {
        let list = vec!["-1"; 50_000].join(", ");
        assert!(survives(format!("SELECT * FROM t WHERE a IN ({list})")));
        let rows = vec!["(-1, 2+3)"; 20_000].join(", ");
        assert!(survives(format!("VALUES {rows}")));
    }

    #[test]
    fn parentheses_do_not_hide_a_chain() {
        let inner = vec!["a"; 100].join(" OR ");
        let nested = (0..30).fold("a".to_owned(), |sql, _| format!("({inner} OR {sql})"));
        assert!(!survives(format!("SELECT {nested}")));
    }
}
