//! CREATE, ALTER, DROP and RENAME USER, and SET PASSWORD.

use super::account::{user, users};
use super::{Identified, UserDefinition, UserOptions, UserRef, UserStatement};
use crate::accounts::Password;
use crate::mysql::AuthPlugin;
use crate::statement::tokens::{
    at_end, expect, expect_token, expected, next_is, peek_word, string, string_or_word, take,
    take_any, take_words,
};
use mooring_spi::{Error, ErrorKind, Result};
use mooring_state::TlsRequired;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

/// `CREATE USER [IF NOT EXISTS] ...`.
pub(in crate::statement) fn create_user(parser: &mut Parser<'_>) -> Result<UserStatement> {
    expect(parser, "CREATE")?;
    expect(parser, "USER")?;
    let if_not_exists = take_words(parser, &["IF", "NOT", "EXISTS"]);
    let users = definitions(parser)?;
    for defined in &users {
        if defined.user == UserRef::Current {
            return Err(Error::new(
                ErrorKind::SyntaxError,
                "syntax error: `CREATE USER` takes a user's name, not the session's own",
            ));
        }
    }
    Ok(UserStatement::Create { users, if_not_exists, options: options(parser)? })
}

/// `ALTER USER [IF EXISTS] ...`.
pub(in crate::statement) fn alter_user(parser: &mut Parser<'_>) -> Result<UserStatement> {
    expect(parser, "ALTER")?;
    expect(parser, "USER")?;
    let if_exists = take_words(parser, &["IF", "EXISTS"]);
    let users = definitions(parser)?;
    for defined in &users {
        if let Some(Identified::With { plugin }) = &defined.identified
            && !plugin.eq_ignore_ascii_case(AuthPlugin::Jwt.name())
        {
            return Err(Error::unsupported(format!(
                "`ALTER USER ... IDENTIFIED WITH {plugin}` would leave the user without a \
                 password; add `BY '...'` or `AS '...'`"
            )));
        }
    }
    Ok(UserStatement::Alter { users, if_exists, options: options(parser)? })
}

/// `DROP USER [IF EXISTS] user, ...`.
pub(in crate::statement) fn drop_user(parser: &mut Parser<'_>) -> Result<UserStatement> {
    expect(parser, "DROP")?;
    expect(parser, "USER")?;
    let if_exists = take_words(parser, &["IF", "EXISTS"]);
    Ok(UserStatement::Drop { users: users(parser)?, if_exists })
}

/// `RENAME USER old TO new, ...`.
pub(in crate::statement) fn rename_user(parser: &mut Parser<'_>) -> Result<UserStatement> {
    expect(parser, "RENAME")?;
    expect(parser, "USER")?;
    let mut pairs = Vec::new();
    loop {
        let from = user(parser)?;
        expect(parser, "TO")?;
        pairs.push((from, user(parser)?));
        if !parser.consume_token(&Token::Comma) {
            return Ok(UserStatement::Rename { pairs });
        }
    }
}

/// `SET PASSWORD [FOR user] = 'password'`, and `= PASSWORD('password')` as MariaDB's clients say.
pub(in crate::statement) fn set_password(parser: &mut Parser<'_>) -> Result<UserStatement> {
    expect(parser, "SET")?;
    expect(parser, "PASSWORD")?;
    let user = if take(parser, "FOR") { user(parser)? } else { UserRef::Current };
    if take_words(parser, &["TO", "RANDOM"]) {
        return Err(Error::unsupported("`SET PASSWORD TO RANDOM` is not supported"));
    }
    if !parser.consume_token(&Token::Eq) && !parser.consume_token(&Token::Assignment) {
        return expected(parser, "`=`");
    }
    let password = if take(parser, "PASSWORD") {
        expect_token(parser, &Token::LParen)?;
        let password = string(parser, "a password in quotes")?;
        expect_token(parser, &Token::RParen)?;
        password
    } else {
        string(parser, "a password in quotes")?
    };
    after_password(parser)?;
    Ok(UserStatement::SetPassword { user, password: Password::new(password) })
}

fn definitions(parser: &mut Parser<'_>) -> Result<Vec<UserDefinition>> {
    let mut users = Vec::new();
    loop {
        let user = user(parser)?;
        let identified = match take(parser, "IDENTIFIED") {
            true => Some(identified(parser)?),
            false => None,
        };
        users.push(UserDefinition { user, identified });
        if !parser.consume_token(&Token::Comma) {
            return Ok(users);
        }
    }
}

fn identified(parser: &mut Parser<'_>) -> Result<Identified> {
    if take(parser, "BY") {
        let password = password(parser)?;
        return Ok(Identified::By { plugin: None, password });
    }
    if take(parser, "VIA") {
        return Err(Error::unsupported(
            "`IDENTIFIED VIA` is not supported; MySQL's form is `IDENTIFIED WITH plugin`",
        ));
    }
    if !take(parser, "WITH") {
        return expected(parser, "`BY` or `WITH`");
    }
    let plugin = string_or_word(parser, "a plugin's name")?;
    if take(parser, "BY") {
        let password = password(parser)?;
        return Ok(Identified::By { plugin: Some(plugin), password });
    }
    if take(parser, "AS") {
        let hash = Password::new(string(parser, "a hash in quotes")?);
        after_password(parser)?;
        return Ok(Identified::As { plugin, hash });
    }
    Ok(Identified::With { plugin })
}

fn password(parser: &mut Parser<'_>) -> Result<Password> {
    if take_words(parser, &["RANDOM", "PASSWORD"]) {
        return Err(Error::unsupported("`IDENTIFIED BY RANDOM PASSWORD` is not supported"));
    }
    if take(parser, "PASSWORD") {
        return Err(Error::unsupported(
            "`IDENTIFIED BY PASSWORD` is not supported; say \
             `IDENTIFIED WITH mysql_native_password AS '*...'`",
        ));
    }
    let password = Password::new(string(parser, "a password in quotes")?);
    after_password(parser)?;
    Ok(password)
}

/// Clauses of MySQL that may follow a password.
fn after_password(parser: &mut Parser<'_>) -> Result<()> {
    for words in [
        &["REPLACE"][..],
        &["RETAIN", "CURRENT", "PASSWORD"],
        &["DISCARD", "OLD", "PASSWORD"],
        &["AND", "IDENTIFIED"],
        &["INITIAL", "AUTHENTICATION"],
    ] {
        if take_words(parser, words) {
            let clause = words.join(" ");
            return Err(Error::unsupported(format!("`{clause}` is not supported")));
        }
    }
    Ok(())
}

/// What follows the users.
fn options(parser: &mut Parser<'_>) -> Result<UserOptions> {
    let mut options = UserOptions::default();
    while !at_end(parser) {
        if take(parser, "REQUIRE") {
            once("REQUIRE", options.tls.replace(requirement(parser)?).is_some())?;
        } else if take(parser, "ACCOUNT") {
            let locked = match take_any(parser, &["LOCK", "UNLOCK"]) {
                Some(word) => word == "LOCK",
                None => return expected(parser, "`LOCK` or `UNLOCK`"),
            };
            once("ACCOUNT", options.locked.replace(locked).is_some())?;
        } else {
            return other_option(parser);
        }
    }
    Ok(options)
}

/// `NONE`, `SSL`, `X509`, or `SUBJECT 'x' [[AND] ISSUER 'y']` in either order.
fn requirement(parser: &mut Parser<'_>) -> Result<TlsRequired> {
    match take_any(parser, &["NONE", "SSL", "X509"]) {
        Some("NONE") => return Ok(TlsRequired::Nothing),
        Some("SSL") => return Ok(TlsRequired::Ssl),
        Some(_) => return Ok(TlsRequired::X509),
        None => {}
    }
    let (mut issuer, mut subject) = (None, None);
    loop {
        if take(parser, "ISSUER") {
            once("ISSUER", issuer.replace(distinguished_name(parser)?).is_some())?;
        } else if take(parser, "SUBJECT") {
            once("SUBJECT", subject.replace(distinguished_name(parser)?).is_some())?;
        } else if take(parser, "CIPHER") {
            return Err(Error::unsupported("`REQUIRE CIPHER` is not supported"));
        } else {
            return expected(parser, "`NONE`, `SSL`, `X509`, `ISSUER` or `SUBJECT`");
        }
        let and = take(parser, "AND");
        let more = ["ISSUER", "SUBJECT", "CIPHER"];
        if !and && !more.iter().any(|word| next_is(parser, word)) {
            break;
        }
    }
    match subject {
        Some(subject) => Ok(TlsRequired::Subject { subject, issuer }),
        None => Err(Error::unsupported("`REQUIRE ISSUER` is not supported without `SUBJECT`")),
    }
}

fn distinguished_name(parser: &mut Parser<'_>) -> Result<String> {
    let name = string(parser, "a distinguished name in quotes")?;
    match name.is_empty() {
        false => Ok(name),
        true => Err(Error::new(
            ErrorKind::InvalidArgument,
            "a distinguished name is empty; expected such as `/CN=ana`",
        )),
    }
}

fn once(clause: &str, given_before: bool) -> Result<()> {
    if !given_before {
        return Ok(());
    }
    Err(Error::new(ErrorKind::SyntaxError, format!("syntax error: `{clause}` is there twice")))
}

/// Options of MySQL that Mooring does not have.
fn other_option<T>(parser: &mut Parser<'_>) -> Result<T> {
    for words in [
        &["WITH"][..],
        &["PASSWORD", "EXPIRE"],
        &["PASSWORD", "HISTORY"],
        &["PASSWORD", "REUSE"],
        &["PASSWORD", "REQUIRE"],
        &["PASSWORD_LOCK_TIME"],
        &["FAILED_LOGIN_ATTEMPTS"],
        &["COMMENT"],
        &["ATTRIBUTE"],
        &["DEFAULT", "ROLE"],
        &["DISCARD", "OLD", "PASSWORD"],
        &["ADD"],
        &["MODIFY"],
        &["DROP"],
    ] {
        if take_words(parser, words) {
            let mut clause = words.join(" ");
            if clause == "WITH"
                && let Some(limit) = peek_word(parser, 0)
            {
                clause = format!("WITH {}", limit.to_ascii_uppercase());
            }
            return Err(Error::unsupported(format!("`{clause}` of a user is not supported")));
        }
    }
    expected(parser, "`REQUIRE`, `ACCOUNT` or the end of the statement")
}
