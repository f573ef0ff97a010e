//! Which values a setting takes, how its text form is read, and what is said when it is wrong.

use mooring_connectors::lake::AllowedPaths;
use mooring_coordinator::mysql::Network;
use std::net::SocketAddr;
use toml::Value;

/// One year: longer waits are typing errors.
const DURATION_MAX_MS: i64 = 365 * 24 * 60 * 60 * 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// Text that is never shown: the secret or a reference to it.
    Secret,
    Choice(&'static [&'static str]),
    Boolean,
    /// Not set when empty.
    OptionalBoolean,
    Integer {
        least: i64,
        most: i64,
    },
    /// A whole number in the unit that the key's ending names.
    Duration {
        unit: Unit,
        least: i64,
    },
    /// `IP:PORT`; port 0 lets the system choose.
    ListenAddress,
    /// `HOST:PORT`, not set when empty.
    HostPort,
    HostPorts,
    /// Each an address or a network in CIDR form.
    Networks,
    /// Each an absolute path or a URL.
    Paths,
    /// How references to secrets begin.
    References,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Milliseconds,
    Seconds,
}

impl Unit {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Unit::Milliseconds => "milliseconds",
            Unit::Seconds => "seconds",
        }
    }

    fn most(self) -> i64 {
        match self {
            Unit::Milliseconds => DURATION_MAX_MS,
            Unit::Seconds => DURATION_MAX_MS / 1000,
        }
    }
}

impl Kind {
    pub(crate) fn accepts(self, value: &Value) -> bool {
        match self {
            Kind::Text | Kind::Secret => value.is_str(),
            Kind::Choice(choices) => value.as_str().is_some_and(|text| choices.contains(&text)),
            Kind::Boolean => value.is_bool(),
            Kind::OptionalBoolean => value.is_bool() || value.as_str() == Some(""),
            Kind::Integer { least, most } => is_within(value, least, most),
            Kind::Duration { unit, least } => is_within(value, least, unit.most()),
            Kind::ListenAddress => {
                value.as_str().is_some_and(|text| text.parse::<SocketAddr>().is_ok())
            }
            Kind::HostPort => {
                value.as_str().is_some_and(|text| text.is_empty() || is_host_port(text))
            }
            Kind::HostPorts => value.as_array().is_some_and(|items| {
                items.iter().all(|item| item.as_str().is_some_and(is_host_port))
            }),
            Kind::Networks => value.as_array().is_some_and(|items| {
                items
                    .iter()
                    .all(|item| item.as_str().is_some_and(|text| text.parse::<Network>().is_ok()))
            }),
            Kind::Paths => value.as_array().is_some_and(|items| {
                items.iter().all(|item| {
                    item.as_str().is_some_and(|text| AllowedPaths::new(&[text.to_owned()]).is_ok())
                })
            }),
            Kind::References => value.as_array().is_some_and(|items| {
                let is_reference =
                    |text: &str| text.starts_with("env:") || text.starts_with("file:");
                items.iter().all(|item| item.as_str().is_some_and(is_reference))
            }),
        }
    }

    /// What an environment variable or a flag means. What cannot be read stays text, for
    /// [`Kind::accepts`] to refuse.
    pub(crate) fn read_text(self, text: &str) -> Value {
        let unread = || Value::String(text.to_owned());
        match self {
            Kind::Text | Kind::Secret | Kind::Choice(_) | Kind::ListenAddress | Kind::HostPort => {
                unread()
            }
            Kind::Boolean | Kind::OptionalBoolean => {
                text.parse().map_or_else(|_| unread(), Value::Boolean)
            }
            Kind::Integer { .. } | Kind::Duration { .. } => {
                text.trim().parse().map_or_else(|_| unread(), Value::Integer)
            }
            Kind::HostPorts | Kind::Networks | Kind::Paths | Kind::References => Value::Array(
                text.split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(|item| Value::String(item.to_owned()))
                    .collect(),
            ),
        }
    }

    /// Completes "expected ...".
    pub(crate) fn expected(self) -> String {
        match self {
            Kind::Text => "text".to_owned(),
            Kind::Secret => "text: the secret, `env:NAME` or `file:PATH`".to_owned(),
            Kind::Choice(choices) => {
                let quoted: Vec<String> = choices.iter().map(|text| format!("`{text}`")).collect();
                quoted.join(" or ")
            }
            Kind::Boolean => "`true` or `false`".to_owned(),
            Kind::OptionalBoolean => "`true`, `false` or empty text".to_owned(),
            Kind::Integer { least, most } if most == i64::MAX => {
                format!("an integer of at least {least}")
            }
            Kind::Integer { least, most } => format!("an integer from {least} to {most}"),
            Kind::Duration { unit, least } => {
                format!("a whole number of {} from {least} to {}", unit.name(), unit.most())
            }
            Kind::ListenAddress => "an address `IP:PORT`, such as `127.0.0.1:3307`".to_owned(),
            Kind::HostPort => "an address `HOST:PORT` or empty text".to_owned(),
            Kind::HostPorts => "a list of addresses `HOST:PORT`".to_owned(),
            Kind::Networks => "a list of networks, such as `10.0.0.0/8`".to_owned(),
            Kind::Paths => {
                "a list of folders, such as `/srv/data/` or `s3://bucket/public/`".to_owned()
            }
            Kind::References => {
                "a list of beginnings, such as `env:CATALOG_` or `file:/run/secrets/`".to_owned()
            }
        }
    }
}

/// # Errors
/// The text is no `HOST:PORT` that one can connect to.
pub(crate) fn check_host_port(text: &str) -> Result<String, String> {
    if is_host_port(text) {
        return Ok(text.to_owned());
    }
    Err("expected `HOST:PORT`, such as `coordinator.example:50061`".to_owned())
}

/// An IPv6 address stands in brackets, as in a URL.
fn is_host_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    if port.parse::<u16>().is_ok_and(|port| port > 0) {
        let bracketed = host.starts_with('[') && text.parse::<SocketAddr>().is_ok();
        let plain = !host.is_empty()
            && host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
        return bracketed || plain;
    }
    false
}

fn is_within(value: &Value, least: i64, most: i64) -> bool {
    value.as_integer().is_some_and(|number| (least..=most).contains(&number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port() {
        for right in ["a:1", "10.0.0.1:50061", "my-host.example:65535", "[::1]:50061"] {
            assert!(is_host_port(right), "{right}");
        }
        for wrong in ["", "a", ":1", "a:", "a:0", "a:65536", "::1:50061", "http://a:1", "a b:1"] {
            assert!(!is_host_port(wrong), "{wrong}");
        }
    }

    #[test]
    fn text_is_read_by_kind() {
        let integer = Kind::Integer { least: 0, most: 10 };
        assert_eq!(integer.read_text("7"), Value::Integer(7));
        assert!(!integer.accepts(&integer.read_text("11")));
        assert!(!integer.accepts(&integer.read_text("seven")));
        assert_eq!(Kind::OptionalBoolean.read_text("true"), Value::Boolean(true));
        assert!(Kind::OptionalBoolean.accepts(&Kind::OptionalBoolean.read_text("")));
        assert!(!Kind::OptionalBoolean.accepts(&Kind::OptionalBoolean.read_text("yes")));
        assert_eq!(Kind::Text.read_text("7"), Value::String("7".to_owned()));
    }

    #[test]
    fn networks_are_checked_one_by_one() {
        assert!(Kind::Networks.accepts(&Kind::Networks.read_text("10.0.0.0/8, ::1")));
        assert!(Kind::Networks.accepts(&Kind::Networks.read_text("")));
        assert!(!Kind::Networks.accepts(&Kind::Networks.read_text("10.0.0.0/8, 10.0.0.0/33")));
        assert!(!Kind::Boolean.accepts(&Kind::Boolean.read_text("")));
    }

    #[test]
    fn paths_are_absolute_or_urls() {
        assert!(Kind::Paths.accepts(&Kind::Paths.read_text("s3://b/public/, /srv/data/")));
        assert!(Kind::Paths.accepts(&Kind::Paths.read_text("")));
        assert!(!Kind::Paths.accepts(&Kind::Paths.read_text("/srv/data/, data/")));
    }

    #[test]
    fn references_begin_with_where_secrets_are() {
        let accepts = |text| Kind::References.accepts(&Kind::References.read_text(text));
        assert!(accepts("env:CATALOG_, file:/run/secrets/") && accepts(""));
        assert!(!accepts("/run/secrets/") && !accepts("env:, aws-sm:"));
    }

    #[test]
    fn a_choice_names_its_choices() {
        assert_eq!(Kind::Choice(&["text", "json"]).expected(), "`text` or `json`");
    }
}
