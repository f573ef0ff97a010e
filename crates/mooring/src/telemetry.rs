//! Logging: which events are written, and how, to standard error. Standard output is for what a
//! command was asked for.

use crate::config::{ConfigError, Log, LogFormat};
use std::io::{self, IsTerminal};
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Starts logging for this process. To be called once, before the first event.
///
/// # Errors
/// `log.filter` cannot be read, or logging was started before.
pub(crate) fn start(log: &Log) -> Result<(), ConfigError> {
    let wants_colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let ansi = wants_colour && io::stderr().is_terminal();
    tracing::subscriber::set_global_default(subscriber(log, ansi, io::stderr)?)
        .map_err(|error| ConfigError::LoggingStarted(error.to_string()))
}

fn subscriber<W>(
    log: &Log,
    ansi: bool,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, ConfigError>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let filter = filter(&log.filter)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    Ok(match log.format {
        LogFormat::Text => Box::new(builder.with_ansi(ansi).compact().finish()),
        LogFormat::Json => Box::new(builder.with_ansi(false).json().flatten_event(true).finish()),
    })
}

/// The text comes from `log.filter` alone: `RUST_LOG` is not read.
fn filter(text: &str) -> Result<EnvFilter, ConfigError> {
    EnvFilter::builder().parse(text).map_err(|error| ConfigError::LogFilter {
        filter: text.to_owned(),
        problem: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic before").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What an event of level info and one of level debug leave behind.
    fn logged(filter: &str, format: LogFormat) -> String {
        let written = Written::default();
        let writer = written.clone();
        let log = Log { filter: filter.to_owned(), format };
        let subscriber = subscriber(&log, false, move || writer.clone()).expect("a subscriber");
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(port = 3307, "listening");
            tracing::debug!("a detail");
        });
        let bytes = written.0.lock().expect("no panic before").clone();
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn the_filter_decides_what_is_written() {
        let info = logged("info", LogFormat::Text);
        assert!(info.contains("listening") && info.contains("port=3307"), "{info}");
        assert!(!info.contains("a detail") && !info.contains('\u{1b}'), "{info}");
        assert!(logged("info,mooring=debug", LogFormat::Text).contains("a detail"));
        assert_eq!(logged("off", LogFormat::Text), "");
    }

    #[test]
    fn json_is_one_object_per_line_with_the_fields_of_the_event() {
        let text = logged("info", LogFormat::Json);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.starts_with('{') && text.ends_with("}\n"), "{text}");
        assert!(text.contains("\"port\":3307") && text.contains("\"message\":\"listening\""));
    }

    #[test]
    fn a_wrong_filter_names_the_setting() {
        let error = filter("mooring=loud").expect_err("no such level").to_string();
        assert!(error.contains("`log.filter`") && error.contains("`mooring=loud`"), "{error}");
    }
}
