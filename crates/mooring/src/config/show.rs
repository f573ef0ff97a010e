//! `mooring config`: every setting as a commented `mooring.toml`.
//!
//! What has its default is commented out as `#name = value`, without the space of a comment;
//! what differs is live. So the output is itself a file that gives the same configuration,
//! except for secrets, which are never shown.

use super::kind::Kind;
use super::setting::Setting;
use super::values::{Sourced, Values};
use super::{ConfigError, SETTINGS, catalogs};

const LINE_LENGTH_MAX: usize = 100;

const HEADER: &str = "\
# Mooring's settings. In this order, the last one wins: the defaults, the file that `--config`
# names or `mooring.toml` in the working folder, the environment (two underscores for each dot:
# `MOORING__COORDINATOR__MYSQL__LISTEN`), and flags (`--set coordinator.mysql.listen=0.0.0.0:3306`).
# A setting that has its default is commented out.
";

const CATALOGS: &str = "\
More catalogs, each in a section `[[catalog]]` with its `name`, its kind after `using` and the \
properties of that kind. `hive`: `uris` (`thrift://HOST:9083`, several with commas), `timeout_ms`, \
`connections_max`, `message_max_bytes`, `partitions_max`, `transport` (`buffered` or `framed`), `tls` \
(`true` or `false`), `tls_ca_file`, `tls_server_name`. `glue`: `region`, \
`endpoint`, `catalog_id`, `role_arn`, `external_id`, `timeout_ms`, `calls_max`, \
`requests_per_second`, `retries_max`, `partitions_max`. These two: `s3_region`, `s3_endpoint`, \
`s3_access_key`, `s3_secret_key`, `s3_path_style` as in `[lake]`, of which a secret may be \
`env:NAME` or `file:PATH`; `http_allowed_hosts` and `parquet_time_zone` as there; `stale_if_error_s`, \
`metadata_max_staleness_s`, `metadata_cache_bytes`. `postgresql`: `host`, `port`, `database`, \
`user`, `password` (may be `env:NAME` or `file:PATH`), `tls` (`disable`, `prefer`, `require` or \
`verify-full`), `tls_ca_file`, `tls_server_name`, `connections_max`, `connection_wait_ms`, \
`connect_timeout_ms`, `metadata_timeout_ms`, `read_timeout_ms`, `statement_timeout_ms`, \
`idle_timeout_ms`, `split_bytes`, `splits_max`, `numeric_as` (`decimal` or `text`), `numeric_scale`. \
`mysql`: `host`, `port`, `database`, `user`, `password` (a secret \
likewise), `tls` (`disable`, `prefer`, `require` or `verify-full`), `tls_ca_file`, `tls_server_name`, \
`rsa_exchange`, `connections_max`, `connection_wait_ms`, `connect_timeout_ms`, `idle_timeout_ms`, \
`read_timeout_ms`, `statement_timeout_ms`, `row_max_bytes`, `zero_dates` (`error` or `null`), `parallel_reads` (`off`, `locked` \
or `inconsistent`), `lock_wait_ms`. Read by: coordinator.";

/// # Errors
/// As [`Values::defaults`].
pub(crate) fn show(values: &Values) -> Result<String, ConfigError> {
    let defaults = Values::defaults()?;
    let mut text = HEADER.to_owned();
    let mut section = "";
    for setting in SETTINGS {
        let (its_section, name) = setting.section_and_name();
        if its_section != section {
            section = its_section;
            text += &format!("\n[{section}]\n");
        }
        text.push('\n');
        text += &comment(&format!("{} {}", setting.help, expectation(setting)));
        let default = defaults.get(setting.key).map(|sourced| &sourced.value);
        match values.get(setting.key) {
            Some(current) if Some(&current.value) != default => {
                text += &different(setting, name, current);
            }
            Some(_) | None => text += &format!("#{name} = {}\n", setting.default),
        }
    }
    text += &comment(CATALOGS).replacen('#', "\n#", 1);
    text.extend(values.catalogs().iter().map(catalogs::show));
    Ok(text)
}

fn expectation(setting: &Setting) -> String {
    let roles: Vec<&str> = setting.roles.iter().map(|role| role.name()).collect();
    format!("Takes {}. Read by: {}.", setting.kind.expected(), roles.join(", "))
}

fn different(setting: &Setting, name: &str, current: &Sourced) -> String {
    let Sourced { value, origin } = current;
    let default = setting.default;
    if setting.kind == Kind::Secret {
        return comment(&format!("Default: {default}. Now (secret), from {origin}."))
            + &format!("#{name} = \"(secret)\"\n");
    }
    comment(&format!("Default: {default}. Now from {origin}:")) + &format!("{name} = {value}\n")
}

/// Breaks at spaces only, which also keeps a line end in a path from ending the comment.
fn comment(text: &str) -> String {
    let mut lines = String::new();
    let mut line = "#".to_owned();
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > LINE_LENGTH_MAX && line != "#" {
            lines += &line;
            lines.push('\n');
            "#".clone_into(&mut line);
        }
        line.push(' ');
        line += word;
    }
    lines + &line + "\n"
}

#[cfg(test)]
mod tests {
    use super::super::values::{Flag, Sources};
    use super::*;

    fn load(file: &str, set: &[(&str, &str)]) -> Values {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("mooring.toml");
        std::fs::write(&path, file).expect("a file");
        let flags = set
            .iter()
            .map(|(key, value)| Flag {
                name: "--set",
                key: (*key).to_owned(),
                value: (*value).to_owned(),
            })
            .collect();
        let sources = Sources { file: Some(path), flags, ..Sources::default() };
        Values::load(&sources).expect("right values")
    }

    /// The output with the settings that were commented out.
    fn live(text: &str) -> String {
        text.lines()
            .map(|line| match line.strip_prefix('#') {
                Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
                Some(_) | None => format!("{line}\n"),
            })
            .collect()
    }

    #[test]
    fn the_output_is_a_file_that_gives_the_defaults() {
        let defaults = Values::defaults().expect("right defaults");
        let text = show(&defaults).expect("text");
        assert_eq!(load(&text, &[]).nested(), defaults.nested());

        let live = live(&text);
        assert_eq!(load(&live, &[]).nested(), defaults.nested());
        assert_eq!(
            live.lines().filter(|line| line.contains(" = ") && !line.starts_with('#')).count(),
            SETTINGS.len()
        );
    }

    #[test]
    fn what_differs_is_live_with_its_default_and_origin() {
        let set = [("worker.coordinators", "a:1,b:2"), ("engine.batch_size_rows", "100")];
        let changed = load("", &set);
        let text = show(&changed).expect("text");
        assert!(
            text.contains("\n# Default: 16384. Now from flag `--set`:\nbatch_size_rows = 100\n")
        );
        assert_eq!(load(&text, &[]).nested(), changed.nested());
    }

    #[test]
    fn what_was_given_but_is_the_default_does_not_differ() {
        let text = show(&load("", &[("log.format", "text")])).expect("text");
        assert!(text.contains("\n#format = \"text\"\n") && !text.contains("--set`:"), "{text}");
    }

    #[test]
    fn a_secret_is_not_shown() {
        let text = show(&load("", &[("state.url", "postgres://u:hidden@h/d")])).expect("text");
        assert!(text.contains("Now (secret), from flag `--set`."), "{text}");
        assert!(!text.contains("hidden"));
        load(&text, &[]);
    }

    #[test]
    fn comments_are_broken_at_spaces() {
        let text = comment(&"word ".repeat(50));
        assert!(text.lines().all(|line| line.starts_with("# w") && line.len() <= LINE_LENGTH_MAX));
        assert_eq!(text.matches("word").count(), 50);
        assert_eq!(comment("a\nb"), "# a b\n");
    }
}
