//! Hadoop's locations.

use mooring_spi::{Error, Result};

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
        "the location `{hadoop}` is not supported; those on S3 and `file:/PATH` are"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

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
