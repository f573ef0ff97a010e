//! What a client asks after it has connected.
//!
//! Source: MySQL Source Code Documentation, "Command Phase", "Text Protocol",
//! "Utility Commands", "Prepared Statements".

use super::error::WireError;
use super::prepared::ExecuteRequest;
use super::query_attributes::skip_attributes;
use super::wire::{Decoder, Malformed};
use mysql_common::constants::CapabilityFlags;

/// A command's first byte.
mod code {
    use mysql_common::constants::Command;

    pub(super) const QUIT: u8 = Command::COM_QUIT as u8;
    pub(super) const INIT_DB: u8 = Command::COM_INIT_DB as u8;
    pub(super) const QUERY: u8 = Command::COM_QUERY as u8;
    pub(super) const FIELD_LIST: u8 = Command::COM_FIELD_LIST as u8;
    pub(super) const STATISTICS: u8 = Command::COM_STATISTICS as u8;
    pub(super) const PROCESS_INFO: u8 = Command::COM_PROCESS_INFO as u8;
    pub(super) const PROCESS_KILL: u8 = Command::COM_PROCESS_KILL as u8;
    pub(super) const PING: u8 = Command::COM_PING as u8;
    pub(super) const CHANGE_USER: u8 = Command::COM_CHANGE_USER as u8;
    pub(super) const STMT_PREPARE: u8 = Command::COM_STMT_PREPARE as u8;
    pub(super) const STMT_EXECUTE: u8 = Command::COM_STMT_EXECUTE as u8;
    pub(super) const STMT_SEND_LONG_DATA: u8 = Command::COM_STMT_SEND_LONG_DATA as u8;
    pub(super) const STMT_CLOSE: u8 = Command::COM_STMT_CLOSE as u8;
    pub(super) const STMT_RESET: u8 = Command::COM_STMT_RESET as u8;
    pub(super) const SET_OPTION: u8 = Command::COM_SET_OPTION as u8;
    pub(super) const STMT_FETCH: u8 = Command::COM_STMT_FETCH as u8;
    pub(super) const RESET_CONNECTION: u8 = Command::COM_RESET_CONNECTION as u8;
}

#[derive(Debug, Clone, PartialEq, Eq)]
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
    ProcessInfo,
    /// Ends the connection of this id, as KILL does.
    ProcessKill(u32),
    Ping,
    Prepare(&'a str),
    Execute(ExecuteRequest<'a>),
    Fetch {
        statement_id: u32,
        rows: u32,
    },
    ResetStatement(u32),
    /// By the protocol there is no answer, not even an error.
    CloseStatement(u32),
    /// A piece of a parameter; there is no answer either.
    LongData {
        statement_id: u32,
        parameter: u16,
        data: &'a [u8],
    },
    /// Several statements in one text: from now on, or no longer.
    MultiStatements(bool),
    ResetConnection,
    /// A command without an answer that is not as it should be.
    Unanswered,
    /// A command that is not as it should be, and why.
    Wrong(WireError),
    Unknown(u8),
}

/// What COM_CHANGE_USER asks for, if that is the command. It is none of [`Command`]: it needs both
/// directions of the connection and ends the session that would answer.
pub(crate) fn change_user_request(payload: &[u8]) -> Option<&[u8]> {
    payload.strip_prefix(&[code::CHANGE_USER])
}

impl<'a> Command<'a> {
    pub(crate) fn parse(payload: &'a [u8], capabilities: CapabilityFlags) -> Self {
        // The server takes an empty packet for COM_SLEEP, which is refused.
        let Some((code, rest)) = payload.split_first() else {
            return Self::Unknown(0);
        };
        Self::of_code(*code, rest, capabilities).unwrap_or_else(Self::Wrong)
    }

    fn of_code(code: u8, rest: &'a [u8], capabilities: CapabilityFlags) -> Result<Self, WireError> {
        let mut decoder = Decoder::new(rest);
        Ok(match code {
            code::QUIT => Self::Quit,
            code::INIT_DB => Self::InitDb(text(rest)?),
            code::QUERY if capabilities.contains(CapabilityFlags::CLIENT_QUERY_ATTRIBUTES) => {
                Self::Query(text(skip_attributes(rest)?)?)
            }
            code::QUERY => Self::Query(text(rest)?),
            code::FIELD_LIST => {
                let table = text(decoder.null_terminated_or_rest())?;
                let pattern = text(decoder.rest())?.trim_end_matches('\0');
                if pattern.len() > PATTERN_MAX_BYTES {
                    return Err(WireError::wrong_arguments("mysqld_list_fields"));
                }
                Self::FieldList { table, pattern }
            }
            code::STATISTICS => Self::Statistics,
            code::PROCESS_INFO => Self::ProcessInfo,
            code::PROCESS_KILL => Self::ProcessKill(decoder.u32()?),
            code::PING => Self::Ping,
            code::STMT_PREPARE => Self::Prepare(text(rest)?),
            code::STMT_EXECUTE => Self::Execute(ExecuteRequest::parse(rest)?),
            code::STMT_FETCH => Self::Fetch { statement_id: decoder.u32()?, rows: decoder.u32()? },
            code::STMT_RESET => Self::ResetStatement(decoder.u32()?),
            code::STMT_CLOSE => decoder.u32().map_or(Self::Unanswered, Self::CloseStatement),
            code::STMT_SEND_LONG_DATA => Self::long_data(decoder).unwrap_or(Self::Unanswered),
            code::SET_OPTION => match decoder.u16()? {
                0 => Self::MultiStatements(true),
                1 => Self::MultiStatements(false),
                // As the server answers it (`sql/sql_parse.cc`).
                _ => Self::Unknown(code),
            },
            code::RESET_CONNECTION => Self::ResetConnection,
            unknown => Self::Unknown(unknown),
        })
    }

    fn long_data(mut decoder: Decoder<'a>) -> Result<Self, Malformed> {
        Ok(Self::LongData {
            statement_id: decoder.u32()?,
            parameter: decoder.u16()?,
            data: decoder.rest(),
        })
    }
}

/// Names have 64 characters at most.
const PATTERN_MAX_BYTES: usize = 1024;

fn text(bytes: &[u8]) -> Result<&str, WireError> {
    std::str::from_utf8(bytes).map_err(|_| WireError::invalid_text())
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
            (b"\x0A", Command::ProcessInfo),
            (b"\x0C\x05\x01\0\0", Command::ProcessKill(261)),
            (b"\x16SELECT ?", Command::Prepare("SELECT ?")),
            (b"\x1C\x01\0\0\0\x0A\0\0\0", Command::Fetch { statement_id: 1, rows: 10 }),
            (b"\x1A\x01\0\0\0", Command::ResetStatement(1)),
            (b"\x19\x01\0\0\0", Command::CloseStatement(1)),
            (
                b"\x18\x01\0\0\0\x02\0ab",
                Command::LongData { statement_id: 1, parameter: 2, data: b"ab" },
            ),
            (b"\x1B\0\0", Command::MultiStatements(true)),
            (b"\x1B\x01\0", Command::MultiStatements(false)),
            (b"\x1B\x02\0", Command::Unknown(0x1B)),
            (b"\x1F", Command::ResetConnection),
            (b"\x03\xFF", Command::Wrong(WireError::invalid_text())),
            (b"\x17\x01\0", Command::Wrong(WireError::malformed())),
            (b"\x1C\x01", Command::Wrong(WireError::malformed())),
            (b"\x19\x01", Command::Unanswered),
            (b"\x18\x01\0\0\0\x02", Command::Unanswered),
            (b"\x11root\0", Command::Unknown(0x11)), // COM_CHANGE_USER must not look done
            (b"\x0D", Command::Unknown(0x0D)),       // COM_DEBUG
            (b"\x08", Command::Unknown(0x08)),       // COM_SHUTDOWN
            (b"", Command::Unknown(0)),
        ] {
            assert_eq!(Command::parse(payload, CapabilityFlags::empty()), expected);
        }
    }

    #[test]
    fn a_query_may_stand_behind_attributes() {
        let capabilities = CapabilityFlags::CLIENT_QUERY_ATTRIBUTES;
        let payload = b"\x03\x00\x01SELECT 1";
        assert_eq!(Command::parse(payload, capabilities), Command::Query("SELECT 1"));
        let cut = Command::parse(b"\x03\x01", capabilities);
        assert_eq!(cut, Command::Wrong(WireError::malformed()));
    }

    proptest! {
        #[test]
        fn any_payload_is_some_command(payload: Vec<u8>) {
            for capabilities in [CapabilityFlags::empty(), CapabilityFlags::all()] {
                let _ = Command::parse(&payload, capabilities);
            }
        }
    }
}
