//! The property `host`, which is a name or an address and nothing more.

use mooring_spi::{Error, ErrorKind, Result};

/// # Errors
/// `InvalidArgument` for a host with a port behind it, as URLs have it.
pub(crate) fn without_port(host: String) -> Result<String> {
    let port = host.rsplit_once(':').filter(|(name, port)| {
        let is_one_name = !name.contains(':') || name.ends_with(']');
        is_one_name && !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
    });
    match port {
        None => Ok(host),
        Some((name, port)) => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "`host` is `{host}`; expected `host` = `{}` and `port` = {port}",
                name.trim_matches(['[', ']'])
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_another_property() {
        for host in ["db.example.com", "10.0.0.5", "::1", "fe80::1", "fe80::1:5432"] {
            assert_eq!(without_port(host.to_owned()).expect("a host"), host);
        }
        for host in ["db:5432", "10.0.0.5:5432", "[::1]:5432"] {
            let error = without_port(host.to_owned()).expect_err(host);
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().contains("`port` = 5432"), "{error}");
        }
        let error = without_port("[::1]:5432".to_owned()).expect_err("a port");
        assert!(error.message().contains("`host` = `::1` and"), "{error}");
    }
}
