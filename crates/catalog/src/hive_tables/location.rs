//! Hadoop's locations.

use mooring_spi::{Error, Result};

/// Of a value in a message; one may have a megabyte.
const SHOWN_CHARACTERS_MAX: usize = 100;

/// A location as Mooring writes it. Hadoop's is no URL: a `%` in it stands for itself, in a partition's
/// folder most of all. A folder of this machine becomes a path; `s3a` and `s3n` are S3.
///
/// # Errors
/// `Unsupported`, naming it, for what is neither.
pub(crate) fn location(hadoop: &str) -> Result<String> {
    let (scheme, rest) = hadoop.split_once(':').unwrap_or_default();
    match scheme.to_ascii_lowercase().as_str() {
        "file" => {
            // `file:/path`, or with an empty host.
            let path = rest.strip_prefix("//").unwrap_or(rest);
            if path.starts_with('/') {
                return Ok(path.to_owned());
            }
        }
        "s3" | "s3a" | "s3n" => {
            if let Some(path) = rest.strip_prefix("//") {
                let encoded = path.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
                return Ok(format!("s3://{encoded}"));
            }
        }
        _ => {}
    }
    Err(Error::unsupported(format!(
        "the location `{}` is not supported; those on S3 and `file:/PATH` are",
        shown(hadoop)
    )))
}

/// The beginning of a text that may be long.
pub(super) fn shown(value: &str) -> String {
    match value.char_indices().nth(SHOWN_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

/// A URL as it may be shown: without a user and without what comes after its path, where secrets stand.
pub(super) fn shown_url(url: &str) -> String {
    let is_scheme = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    let (scheme, rest) = match url.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..host_end].rsplit_once('@').map_or(0, |(user, _)| user.len() + 1);
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    // A password may have slashes in it that nobody has escaped.
    match rest[host_end..].contains('@') {
        true => format!("{scheme}…"),
        false => format!("{scheme}{}", &rest[host..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn urls_are_shown_without_secrets() {
        for (url, shown) in [
            ("s3://bucket/a b/x.avsc", "s3://bucket/a b/x.avsc"),
            ("https://host/x.avsc?token=hunter2#y", "https://host/x.avsc"),
            ("https://host?hunter2", "https://host"),
            ("https://me:hunter2@host:8081/x", "https://host:8081/x"),
            ("https://me@work:hunter2@host/x?y", "https://host/x"),
            ("https://me:hun/ter2@host/x", "https://…"),
            ("https://me:hun?ter2@host/x", "https://…"),
            ("/schemas/x.avsc", "/schemas/x.avsc"),
            ("me:hunter2@host/x", "host/x"),
            ("me:hunter2@host/x?y=http://z", "host/x"),
            ("", ""),
        ] {
            assert_eq!(shown_url(url), shown, "{url}");
        }
    }

    proptest! {
        #[test]
        fn no_url_is_shown_with_a_user_or_a_query(url in "([a-z@]{0,3}://)?[a-z:@/?#]{0,20}") {
            prop_assert!(!shown_url(&url).contains(['@', '?', '#']));
        }
    }

    #[test]
    fn hadoops_locations_are_read() {
        for (hadoop, ours) in [
            ("file:/tmp/a b%2F", "/tmp/a b%2F"),
            ("file:///tmp/a", "/tmp/a"),
            ("s3a://bucket/c=a%2Fb", "s3://bucket/c=a%252Fb"),
            ("S3://bucket/t", "s3://bucket/t"),
        ] {
            assert_eq!(location(hadoop).expect(hadoop), ours);
        }
        for hadoop in ["hdfs://n/t", "/user/hive/t", "file://host/t", "s3a:t", ""] {
            let error = location(hadoop).expect_err(hadoop);
            assert!(error.message().contains(&format!("`{hadoop}`")), "{error}");
        }
    }
}
