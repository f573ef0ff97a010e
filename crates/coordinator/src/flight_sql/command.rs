//! What a client asks for: the commands of Flight SQL, decoded, and those that are refused by name.

use super::metadata::Question;
use super::status::invalid;
use arrow_flight::FlightDescriptor;
use arrow_flight::flight_descriptor::DescriptorType;
use arrow_flight::sql::{Any, Command};
use bytes::Bytes;
use mooring_spi::{Error, Result};
use prost::Message;

/// So much of a wrong name is told.
const SHOWN_CHARACTERS_MAX: usize = 128;

/// Something that has a schema and rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Asked {
    /// A statement's text.
    Statement(String),
    /// The handle of a prepared statement.
    Prepared(Bytes),
    Metadata(Question),
}

/// The command of a descriptor.
///
/// # Errors
/// `InvalidArgument` for what is no command of Flight SQL.
pub(super) fn command(descriptor: &FlightDescriptor) -> Result<Command> {
    match descriptor.r#type() {
        DescriptorType::Cmd => read_command(&descriptor.cmd),
        DescriptorType::Path => Err(Error::unsupported(
            "descriptors of paths are not supported; name a table in a statement: `SELECT * FROM catalog.schema.table`",
        )),
        DescriptorType::Unknown => Err(invalid("the descriptor has no command")),
    }
}

/// # Errors
/// `InvalidArgument` for what is no command of Flight SQL.
pub(super) fn read_command(bytes: &Bytes) -> Result<Command> {
    let malformed = || invalid("the command is not a message of Flight SQL in an `Any`");
    let any = Any::decode(bytes.clone()).map_err(|_| malformed())?;
    match Command::try_from(any).map_err(|_| malformed())? {
        Command::Unknown(any) => Err(invalid(format!(
            "`{}` is no command of Flight SQL",
            any.type_url.escape_debug().take(SHOWN_CHARACTERS_MAX).collect::<String>()
        ))),
        known => Ok(known),
    }
}

/// The command as something that has rows.
///
/// # Errors
/// `Unsupported`, by name; `InvalidArgument` for a command that belongs to another call.
pub(super) fn asked(command: Command) -> Result<Asked> {
    Ok(match command {
        Command::CommandStatementQuery(query) => {
            no_transaction(query.transaction_id.as_ref())?;
            Asked::Statement(query.query)
        }
        Command::CommandPreparedStatementQuery(query) => {
            Asked::Prepared(query.prepared_statement_handle)
        }
        Command::CommandStatementSubstraitPlan(_) => return Err(no_substrait()),
        other => {
            let name = short_name(&other);
            Asked::Metadata(Question::of(other).ok_or_else(|| {
                invalid(format!("`{name}` has no rows; it is for another call of Flight SQL"))
            })?)
        }
    })
}

/// Without what stands before it in every message's name.
pub(super) fn short_name(command: &Command) -> String {
    command.type_url().rsplit('.').next().unwrap_or_default().to_owned()
}

pub(super) fn no_substrait() -> Error {
    Error::unsupported("Substrait plans are not supported; send the statement as SQL")
}

pub(super) fn no_transactions() -> Error {
    Error::unsupported("transactions are not supported; every statement is its own")
}

/// # Errors
/// `Unsupported` for a transaction: none was ever begun.
pub(super) fn no_transaction(id: Option<&Bytes>) -> Result<()> {
    match id.is_some_and(|id| !id.is_empty()) {
        true => Err(no_transactions()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_flight::sql::{
        CommandGetCatalogs, CommandStatementQuery, CommandStatementSubstraitPlan,
        CommandStatementUpdate, ProstMessageExt,
    };
    use mooring_spi::ErrorKind;
    use proptest::prelude::*;

    fn of(message: &impl ProstMessageExt) -> Result<Asked> {
        let descriptor = FlightDescriptor::new_cmd(message.as_any().encode_to_vec());
        command(&descriptor).and_then(asked)
    }

    #[test]
    fn commands_are_told_apart() {
        let query = CommandStatementQuery { query: "SELECT 1".to_owned(), transaction_id: None };
        assert_eq!(of(&query).expect("asked"), Asked::Statement("SELECT 1".to_owned()));
        assert_eq!(of(&CommandGetCatalogs {}).expect("asked"), Asked::Metadata(Question::Catalogs));
        let kind = |asked: Result<Asked>| asked.expect_err("refused").kind();
        assert_eq!(kind(of(&CommandStatementSubstraitPlan::default())), ErrorKind::Unsupported);
        assert_eq!(kind(of(&CommandStatementUpdate::default())), ErrorKind::InvalidArgument);
        let id = Some(Bytes::from_static(b"t"));
        let within = CommandStatementQuery { transaction_id: id, ..query };
        assert_eq!(kind(of(&within)), ErrorKind::Unsupported);
        let path = FlightDescriptor::new_path(vec!["t".to_owned()]);
        assert_eq!(command(&path).expect_err("refused").kind(), ErrorKind::Unsupported);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_command_or_refused(bytes: Vec<u8>) {
            if let Ok(command) = read_command(&bytes.into()) {
                let _ = asked(command);
            }
        }

        /// Within a right envelope.
        #[test]
        fn any_body_is_a_command_or_refused(
            name in prop::sample::select(&[
                "CommandStatementQuery", "CommandGetTables", "CommandGetSqlInfo",
                "CommandGetDbSchemas", "CommandGetXdbcTypeInfo", "CommandPreparedStatementQuery",
                "CommandGetCrossReference", "CommandStatementIngest",
            ][..]),
            value: Vec<u8>,
        ) {
            let type_url = format!("type.googleapis.com/arrow.flight.protocol.sql.{name}");
            let any = Any { type_url, value: value.into() };
            if let Ok(command) = read_command(&any.encode_to_vec().into()) {
                let _ = asked(command);
            }
        }
    }
}
