//! GRANT, REVOKE, SHOW GRANTS and SHOW CREATE USER. There are two kinds of user: administrators,
//! who have all privileges, and readers, who every user is. Finer grants are refused by name.

use super::account::{user, users};
use super::{UserRef, UserStatement};
use crate::statement::tokens::{
    at_end, expect, expect_token, expected, next_is, peek_word, take, take_any, take_words,
};
use mooring_spi::{Error, Result};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

/// What every user may do.
const READING: [&str; 3] = ["SELECT", "SHOW DATABASES", "USAGE"];
const EVERYWHERE: &str = "only `*.*` can be granted on";

/// `GRANT ALL [PRIVILEGES] | SELECT | USAGE ON *.* TO user, ... [WITH GRANT OPTION]`.
pub(in crate::statement) fn grant(parser: &mut Parser<'_>) -> Result<UserStatement> {
    expect(parser, "GRANT")?;
    let privileges = privileges(parser)?;
    if !take(parser, "ON") {
        return Err(Error::unsupported(format!(
            "`GRANT {}` is not supported; there are no roles",
            privileges.join(", ")
        )));
    }
    everywhere(parser)?;
    expect(parser, "TO")?;
    let users = users(parser)?;
    if next_is(parser, "IDENTIFIED") || next_is(parser, "REQUIRE") {
        return Err(Error::unsupported(
            "`GRANT` does not change how a user connects; use `ALTER USER`",
        ));
    }
    let with_grant_option = take_words(parser, &["WITH", "GRANT", "OPTION"]);
    if next_is(parser, "WITH") || next_is(parser, "AS") {
        let clause = peek_word(parser, 0).unwrap_or_default().to_ascii_uppercase();
        return Err(Error::unsupported(format!("`GRANT ... {clause}` is not supported")));
    }
    let administrator = privileges == ["ALL"];
    if administrator {
        return Ok(UserStatement::Grant { users, administrator });
    }
    refuse_others("GRANT", &privileges)?;
    if with_grant_option {
        return Err(Error::unsupported(
            "`WITH GRANT OPTION` is an administrator's; grant `ALL PRIVILEGES`",
        ));
    }
    Ok(UserStatement::Grant { users, administrator })
}

/// `REVOKE ALL [PRIVILEGES], GRANT OPTION FROM user, ...`, or `REVOKE ALL [PRIVILEGES] ON *.* FROM`.
pub(in crate::statement) fn revoke(parser: &mut Parser<'_>) -> Result<UserStatement> {
    expect(parser, "REVOKE")?;
    if take_words(parser, &["IF", "EXISTS"]) {
        return Err(Error::unsupported("`REVOKE IF EXISTS` is not supported"));
    }
    let privileges = privileges(parser)?;
    let on = take(parser, "ON");
    if on {
        everywhere(parser)?;
    }
    expect(parser, "FROM")?;
    let users = users(parser)?;
    if take_words(parser, &["IGNORE", "UNKNOWN", "USER"]) {
        return Err(Error::unsupported("`IGNORE UNKNOWN USER` is not supported"));
    }
    let all = match on {
        true => privileges == ["ALL"],
        false => privileges == ["ALL", "GRANT OPTION"],
    };
    if all {
        return Ok(UserStatement::Revoke { users });
    }
    Err(Error::unsupported(format!(
        "`REVOKE {}` is not supported; there is `REVOKE ALL PRIVILEGES, GRANT OPTION FROM user`, \
         and every user may read",
        privileges.join(", ")
    )))
}

/// `SHOW GRANTS [FOR user]`; MySQL's `USING role` is refused.
pub(in crate::statement) fn show_grants(parser: &mut Parser<'_>) -> Result<UserStatement> {
    expect(parser, "SHOW")?;
    expect(parser, "GRANTS")?;
    let user = if take(parser, "FOR") { user(parser)? } else { UserRef::Current };
    if next_is(parser, "USING") {
        return Err(Error::unsupported(
            "`SHOW GRANTS ... USING` is not supported: there are no roles",
        ));
    }
    Ok(UserStatement::ShowGrants { user })
}

/// `SHOW CREATE USER [user]`.
pub(in crate::statement) fn show_create_user(parser: &mut Parser<'_>) -> Result<UserStatement> {
    for word in ["SHOW", "CREATE", "USER"] {
        expect(parser, word)?;
    }
    let user = if at_end(parser) { UserRef::Current } else { user(parser)? };
    Ok(UserStatement::ShowCreate { user })
}

/// Privileges with commas between them, in capitals; `ALL PRIVILEGES` is `ALL`.
fn privileges(parser: &mut Parser<'_>) -> Result<Vec<String>> {
    let mut privileges = Vec::new();
    loop {
        let mut words = Vec::new();
        while let Some(word) = peek_word(parser, 0)
            && !["ON", "TO", "FROM"].iter().any(|end| end.eq_ignore_ascii_case(word))
        {
            words.push(word.to_ascii_uppercase());
            parser.advance_token();
        }
        if words.is_empty() {
            return expected(parser, "a privilege such as `ALL PRIVILEGES` or `SELECT`");
        }
        if parser.peek_token_ref().token == Token::LParen {
            return Err(Error::unsupported("grants on columns are not supported"));
        }
        let privilege = words.join(" ");
        privileges.push(if privilege == "ALL PRIVILEGES" { "ALL".to_owned() } else { privilege });
        if !parser.consume_token(&Token::Comma) {
            return Ok(privileges);
        }
    }
}

/// `*.*`.
fn everywhere(parser: &mut Parser<'_>) -> Result<()> {
    if let Some(object) = take_any(parser, &["TABLE", "FUNCTION", "PROCEDURE"]) {
        return Err(Error::unsupported(format!("`ON {object}` is not supported; {EVERYWHERE}")));
    }
    let first = parser.peek_token_ref().token.clone();
    let one = parser.peek_nth_token_ref(1).token != Token::Period;
    let last = parser.peek_nth_token_ref(2).token.clone();
    if matches!(first, Token::Mul) && !one && matches!(last, Token::Mul) {
        for token in [Token::Mul, Token::Period, Token::Mul] {
            expect_token(parser, &token)?;
        }
        return Ok(());
    }
    match first {
        Token::Mul | Token::Word(_) => {
            let place = if one { first.to_string() } else { format!("{first}.{last}") };
            Err(Error::unsupported(format!("grants on `{place}` are not supported; {EVERYWHERE}")))
        }
        _ => expected(parser, "`*.*`"),
    }
}

fn refuse_others(statement: &str, privileges: &[String]) -> Result<()> {
    match privileges.iter().find(|privilege| !READING.contains(&privilege.as_str())) {
        None => Ok(()),
        Some(other) => Err(Error::unsupported(format!(
            "`{statement} {other}` is not supported; there are `ALL PRIVILEGES`, which makes an \
             administrator, and `SELECT`, which every user has"
        ))),
    }
}
