//! What a client asks after it has connected.
//!
//! Source: MySQL Source Code Documentation, "Command Phase", "Text Protocol", "Utility Commands".

use super::wire::Decoder;

/// A command's first byte.
mod code {
    use mysql_common::constants::Command;

    pub(super) const QUIT: u8 = Command::COM_QUIT as u8;
    pub(super) const INIT_DB: u8 = Command::COM_INIT_DB as u8;
    pub(super) const QUERY: u8 = Command::COM_QUERY as u8;
    pub(super) const FIELD_LIST: u8 = Command::COM_FIELD_LIST as u8;
    pub(super) const STATISTICS: u8 = Command::COM_STATISTICS as u8;
    pub(super) const PING: u8 = Command::COM_PING as u8;
    pub(super) const CHANGE_USER: u8 = Command::COM_CHANGE_USER as u8;
    pub(super) const STMT_SEND_LONG_DATA: u8 = Command::COM_STMT_SEND_LONG_DATA as u8;
    pub(super) const STMT_CLOSE: u8 = Command::COM_STMT_CLOSE as u8;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command<'a> {
    Quit,
    InitDb(&'a str),
    Query(&'a str),
    /// The columns of `table` whose names match `pattern` (as in LIKE; empty for all).
    FieldList {
        table: &'a str,
        pattern: &'a str,
    },
    Statistics,
    Ping,
    /// By the protocol there is no answer, not even an error.
    Unanswered,
    /// A command whose text is not UTF-8.
    InvalidText,
    Unknown(u8),
}

/// What COM_CHANGE_USER asks for, if that is the command. It is none of [`Command`]: it needs both
/// directions of the connection and ends the session that would answer.
pub(crate) fn change_user_request(payload: &[u8]) -> Option<&[u8]> {
    payload.strip_prefix(&[code::CHANGE_USER])
}

impl<'a> Command<'a> {
    pub(crate) fn parse(payload: &'a [u8]) -> Self {
        // The server takes an empty packet for COM_SLEEP, which is refused.
        let Some((code, rest)) = payload.split_first() else {
            return Self::Unknown(0);
        };
        match *code {
            code::QUIT => Self::Quit,
            code::INIT_DB => text(rest).map_or(Self::InvalidText, Self::InitDb),
            code::QUERY => text(rest).map_or(Self::InvalidText, Self::Query),
            code::FIELD_LIST => Self::field_list(rest).unwrap_or(Self::InvalidText),
            code::STATISTICS => Self::Statistics,
            code::PING => Self::Ping,
            code::STMT_SEND_LONG_DATA | code::STMT_CLOSE => Self::Unanswered,
            unknown => Self::Unknown(unknown),
        }
    }

    fn field_list(rest: &'a [u8]) -> Option<Self> {
        let mut decoder = Decoder::new(rest);
        let table = text(decoder.null_terminated_or_rest())?;
        let pattern = text(decoder.rest())?;
        Some(Self::FieldList { table, pattern: pattern.trim_end_matches('\0') })
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// LIKE without regard to ASCII case: `%` for any characters, `_` for one, `\` before a literal.
pub(crate) fn is_like(name: &str, pattern: &str) -> bool {
    let (name, pattern) = (name.as_bytes(), pattern.as_bytes());
    let (mut at, mut wanted) = (0, 0);
    // Where to go on after the last `%` when what follows it does not fit here.
    let mut retry: Option<(usize, usize)> = None;
    while at < name.len() {
        let escaped = pattern.get(wanted) == Some(&b'\\') && wanted + 1 < pattern.len();
        let literal = wanted + usize::from(escaped);
        match pattern.get(literal) {
            Some(b'%') if !escaped => {
                retry = Some((at + 1, wanted + 1));
                wanted += 1;
                continue;
            }
            Some(b'_') if !escaped => {
                at += 1;
                while name.get(at).is_some_and(|byte| byte & 0xC0 == 0x80) {
                    at += 1;
                }
                wanted += 1;
                continue;
            }
            Some(byte) if byte.eq_ignore_ascii_case(&name[at]) => {
                at += 1;
                wanted = literal + 1;
                continue;
            }
            _ => {}
        }
        let Some((next, after)) = retry else {
            return false;
        };
        (at, wanted) = (next, after);
        retry = Some((next + 1, after));
    }
    pattern[wanted..].iter().all(|byte| *byte == b'%')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commands_are_told_apart() {
        for (payload, expected) in [
            (&b"\x03SELECT 1"[..], Command::Query("SELECT 1")),
            (b"\x02tpch.tiny", Command::InitDb("tpch.tiny")),
            (b"\x04lineitem\0", Command::FieldList { table: "lineitem", pattern: "" }),
            (b"\x04lineitem\0l_%\0", Command::FieldList { table: "lineitem", pattern: "l_%" }),
            (b"\x01", Command::Quit),
            (b"\x0E", Command::Ping),
            (b"\x09", Command::Statistics),
            (b"\x03\xFF", Command::InvalidText),
            (b"\x11root\0", Command::Unknown(0x11)), // COM_CHANGE_USER must not look done
            (b"\x19\x01\0\0\0", Command::Unanswered), // COM_STMT_CLOSE
            (b"", Command::Unknown(0)),
        ] {
            assert_eq!(Command::parse(payload), expected);
        }
    }

    /// Answers of MariaDB 10.11 to `SELECT name LIKE pattern`.
    #[test]
    fn patterns_match_as_like_does() {
        for (name, pattern, expected) in [
            ("l_orderkey", "l%", true),
            ("l_orderkey", "L\\_%KEY", true),
            ("lxorderkey", "l\\_%", false),
            ("l_tax", "l____", true),
            ("l_tax", "l___", false),
            ("süß", "s_ß", true),
            ("aab", "%ab", true),
            ("abab", "%ab%b", true),
            ("abc", "%d", false),
            ("", "%", true),
            ("a", "", false),
        ] {
            assert_eq!(is_like(name, pattern), expected, "{name} LIKE {pattern}");
        }
    }

    proptest! {
        #[test]
        fn any_payload_is_some_command(payload: Vec<u8>) {
            let _ = Command::parse(&payload);
        }

        #[test]
        fn any_pattern_ends(name in "[ab%_\\\\ü]{0,12}", pattern in "[ab%_\\\\ü]{0,12}") {
            let _ = is_like(&name, &pattern);
        }
    }
}
