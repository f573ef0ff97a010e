//! Session options: the catalog, the schema, how results travel, and every variable of a session
//! by its name.

use super::options_messages::{
    GetSessionOptionsResult, OptionValue, SessionOptionValue, SetError, SetFailure,
    SetSessionOptionsRequest, SetSessionOptionsResult,
};
use super::session::FlightSession;
use super::status::{invalid, report};
use crate::statement::VariableValue;
use arrow::error::ArrowError;
use arrow::ipc::CompressionType;
use arrow::ipc::writer::IpcWriteOptions;
use mooring_spi::{Error, ErrorKind, Result};

const CATALOG: &str = "catalog";
const SCHEMA: &str = "schema";
const DIALECT: &str = "dialect";
const COMPRESSION: &str = "compression";
const VIEWS: &str = "view_types";
const UNSIGNED: &str = "unsigned_types";
/// The one dialect that there is.
const MYSQL: &str = "mysql";

/// Options that one call may set.
const OPTIONS_MAX: usize = 64;
/// The variables that are told; any other can be set, too.
const TOLD_VARIABLES: [&str; 6] = [
    "time_zone",
    "sql_mode",
    "max_execution_time",
    "sql_select_limit",
    "wait_timeout",
    "batch_size",
];

/// How results travel to a session's client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct WireOptions {
    pub(super) compression: Compression,
    /// The client reads the view types.
    pub(super) views: bool,
    /// Unsigned numbers travel as signed ones that have room for them, and instants as wall time.
    pub(super) signed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Compression {
    #[default]
    None,
    Lz4,
    Zstd,
}

impl Compression {
    const ALL: [Self; 3] = [Self::None, Self::Lz4, Self::Zstd];

    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

impl WireOptions {
    /// # Errors
    /// Arrow was built without the compression.
    pub(super) fn ipc(self) -> std::result::Result<IpcWriteOptions, ArrowError> {
        IpcWriteOptions::default().try_with_compression(match self.compression {
            Compression::None => None,
            Compression::Lz4 => Some(CompressionType::LZ4_FRAME),
            Compression::Zstd => Some(CompressionType::ZSTD),
        })
    }
}

impl FlightSession {
    /// Sets what can be set, and tells of the rest.
    ///
    /// # Errors
    /// `LimitExceeded` for too many at once.
    pub(super) async fn set_options(
        &self,
        request: SetSessionOptionsRequest,
    ) -> Result<SetSessionOptionsResult> {
        if request.session_options.len() > OPTIONS_MAX {
            return Err(super::status::limit_exceeded(format!(
                "one call sets at most {OPTIONS_MAX} session options"
            )));
        }
        let mut options: Vec<_> = request.session_options.into_iter().collect();
        // A schema is one of the catalog that was chosen with it.
        options.sort_unstable_by_key(|(name, _)| (name != CATALOG, name.clone()));
        let mut result = SetSessionOptionsResult::default();
        for (name, value) in options {
            let Err(error) = self.set_option(&name, value.option_value).await else { continue };
            let client = self.client();
            let _ = report(&error, &client.user, client.connection_id);
            let failure = SetFailure { value: set_error(error.kind()).into() };
            result.errors.insert(name, failure);
        }
        Ok(result)
    }

    async fn set_option(&self, name: &str, value: Option<OptionValue>) -> Result<()> {
        match name {
            CATALOG => {
                let catalog = text(name, value)?;
                self.lock().await?.choose_catalog(&catalog)
            }
            SCHEMA => {
                let schema = text(name, value)?;
                let mut session = self.lock().await?;
                self.unless_ended(session.choose_schema(&schema)).await
            }
            DIALECT => match text(name, value)? {
                dialect if dialect.eq_ignore_ascii_case(MYSQL) => Ok(()),
                dialect => Err(Error::unsupported(format!(
                    "there is no dialect `{dialect}`; there is `{MYSQL}`"
                ))),
            },
            COMPRESSION => {
                let compression = match value {
                    None => Compression::None,
                    value => compression(&text(name, value)?)?,
                };
                self.options.lock().compression = compression;
                Ok(())
            }
            VIEWS => {
                self.options.lock().views = switch(name, value)?;
                Ok(())
            }
            UNSIGNED => {
                self.options.lock().signed = !switch(name, value)?;
                Ok(())
            }
            variable => self.set_variable(variable, value).await,
        }
    }

    async fn set_variable(&self, name: &str, value: Option<OptionValue>) -> Result<()> {
        self.execute(&assignment(name, value)?).await.map(drop)
    }

    /// What is set now.
    ///
    /// # Errors
    /// `AuthenticationFailed` when the session ends meanwhile.
    pub(super) async fn told_options(&self) -> Result<GetSessionOptionsResult> {
        let mut told = GetSessionOptionsResult::default();
        let mut tell = |name: &str, value: OptionValue| {
            let value = SessionOptionValue { option_value: Some(value) };
            told.session_options.insert(name.to_owned(), value);
        };
        let session = self.lock().await?;
        tell(CATALOG, OptionValue::Text(session.current_catalog().to_owned()));
        if let Some(schema) = session.current_schema() {
            tell(SCHEMA, OptionValue::Text(schema.to_owned()));
        }
        for name in TOLD_VARIABLES {
            let value = session.variable(name)?;
            tell(
                name,
                match value {
                    VariableValue::Int(number) => OptionValue::Int(number),
                    VariableValue::Bool(on) => OptionValue::Bool(on),
                    other @ (VariableValue::Null
                    | VariableValue::UInt(_)
                    | VariableValue::Double(_)
                    | VariableValue::Text(_)) => {
                        OptionValue::Text(other.shown().unwrap_or_default())
                    }
                },
            );
        }
        drop(session);
        let options = *self.options.lock();
        tell(DIALECT, OptionValue::Text(MYSQL.to_owned()));
        tell(COMPRESSION, OptionValue::Text(options.compression.name().to_owned()));
        tell(VIEWS, OptionValue::Bool(options.views));
        tell(UNSIGNED, OptionValue::Bool(!options.signed));
        Ok(told)
    }
}

fn set_error(kind: ErrorKind) -> SetError {
    use ErrorKind as Kind;
    let is_name =
        matches!(kind, Kind::UnknownVariable | Kind::ReadOnlyVariable | Kind::GlobalVariable);
    let is_value = matches!(
        kind,
        Kind::WrongVariableValue
            | Kind::InvalidArgument
            | Kind::Unsupported
            | Kind::UnknownTimeZone
            | Kind::TypeMismatch
            | Kind::CatalogNotFound
            | Kind::SchemaNotFound
    );
    match (is_name, is_value) {
        (true, _) => SetError::InvalidName,
        (false, true) => SetError::InvalidValue,
        (false, false) => SetError::Error,
    }
}

fn text(name: &str, value: Option<OptionValue>) -> Result<String> {
    match value {
        Some(OptionValue::Text(text)) => Ok(text),
        Some(
            OptionValue::Bool(_)
            | OptionValue::Int(_)
            | OptionValue::Double(_)
            | OptionValue::List(_),
        )
        | None => Err(invalid(format!("the session option `{name}` is a text"))),
    }
}

fn switch(name: &str, value: Option<OptionValue>) -> Result<bool> {
    let wrong = || invalid(format!("the session option `{name}` is `true` or `false`"));
    match value {
        None => Ok(false),
        Some(OptionValue::Bool(on)) => Ok(on),
        // JDBC sends what stands in a connection's URL, which is text.
        Some(OptionValue::Text(text)) => text.to_ascii_lowercase().parse().map_err(|_| wrong()),
        Some(OptionValue::Int(_) | OptionValue::Double(_) | OptionValue::List(_)) => Err(wrong()),
    }
}

fn compression(text: &str) -> Result<Compression> {
    let named = |one: &Compression| one.name().eq_ignore_ascii_case(text);
    Compression::ALL.into_iter().find(named).ok_or_else(|| {
        invalid(format!("there is no compression `{text}`; there are `none`, `lz4` and `zstd`"))
    })
}

/// The SET statement that gives a variable its value, or, without one, the server's.
fn assignment(name: &str, value: Option<OptionValue>) -> Result<String> {
    // Any other name would be more than a name.
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(Error::new(
            ErrorKind::UnknownVariable,
            format!("`{}` is no session option and no variable", name.escape_debug()),
        ));
    }
    let literal = match value {
        None => "DEFAULT".to_owned(),
        Some(OptionValue::Bool(on)) => if on { "1" } else { "0" }.to_owned(),
        Some(OptionValue::Int(number)) => number.to_string(),
        Some(OptionValue::Double(number)) if number.is_finite() => number.to_string(),
        Some(OptionValue::Text(text)) => match text.parse::<i64>() {
            // JDBC sends what stands in a connection's URL, which is text.
            Ok(number) => number.to_string(),
            Err(_) => quoted(&text)?,
        },
        Some(OptionValue::List(list)) => quoted(&list.values.join(","))?,
        Some(OptionValue::Double(_)) => {
            return Err(invalid(format!("the session option `{name}` has no finite value")));
        }
    };
    Ok(format!("SET SESSION `{name}` = {literal}"))
}

/// A literal that means the text whatever the session's `sql_mode` says of backslashes.
fn quoted(text: &str) -> Result<String> {
    if text.contains(['\\', '\0']) {
        return Err(invalid("the value of a session option has no backslash and no zero byte"));
    }
    Ok(format!("'{}'", text.replace('\'', "''")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::{Statement, parse};
    use proptest::prelude::*;

    fn text_value(text: &str) -> Option<OptionValue> {
        Some(OptionValue::Text(text.to_owned()))
    }

    #[test]
    fn a_variable_is_set_by_its_statement() {
        for (value, sql) in [
            (text_value("+02:00"), "SET SESSION `v` = '+02:00'"),
            (text_value("7"), "SET SESSION `v` = 7"),
            (Some(OptionValue::Int(-1)), "SET SESSION `v` = -1"),
            (Some(OptionValue::Bool(true)), "SET SESSION `v` = 1"),
            (None, "SET SESSION `v` = DEFAULT"),
        ] {
            assert_eq!(assignment("v", value).expect("a statement"), sql);
        }
        assert!(assignment("v`; DROP TABLE t", None).is_err());
        assert!(assignment("", None).is_err());
        assert!(assignment("v", text_value("a\\")).is_err());
    }

    #[test]
    fn compressions_are_found_by_name() {
        assert_eq!(compression("LZ4").expect("there"), Compression::Lz4);
        assert!(compression("gzip").is_err());
        for compression in Compression::ALL {
            let options = WireOptions { compression, ..WireOptions::default() };
            assert!(options.ipc().is_ok(), "{compression:?}");
        }
    }

    proptest! {
        /// Whatever the text, the statement is one SET of one variable or none at all.
        #[test]
        fn a_value_is_never_read_as_sql(name in "[a-z_]{1,12}", text: String) {
            if let Ok(sql) = assignment(&name, text_value(&text))
                && let Ok(statement) = parse(&sql)
            {
                prop_assert!(matches!(&statement, Statement::Set(set) if set.len() == 1), "{sql}");
            }
        }
    }
}
