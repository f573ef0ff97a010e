//! What kind of error an exception of a metastore is.

use mooring_spi::ErrorKind;

/// Of a metastore that cannot reach its own database, or the file system.
const OUTAGES: [&str; 7] = [
    "communications link failure",
    "connection",
    "datastoreexception",
    "safe mode",
    "safemode",
    "timed out",
    "timeout",
];
/// Of its authorizers, Apache Ranger's and the file system's among them.
const DENIALS: [&str; 6] = [
    "access denied",
    "accesscontrolexception",
    "does not have privilege",
    "no privilege",
    "not authorized",
    "permission denied",
];

/// By its text: a metastore says everything with a `MetaException`.
pub(super) fn kind_of_exception(message: &str) -> ErrorKind {
    let message = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(&DENIALS) {
        ErrorKind::AccessDenied
    } else if says(&OUTAGES) {
        ErrorKind::SourceUnavailable
    } else {
        ErrorKind::SourceRefused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_from_a_refusal() {
        for (message, kind) in [
            (
                "Unable to open a test connection to the given database. JDBC url = jdbc:mysql://db",
                ErrorKind::SourceUnavailable,
            ),
            (
                "javax.jdo.JDODataStoreException: Communications link failure",
                ErrorKind::SourceUnavailable,
            ),
            (
                "java.security.AccessControlException: Permission denied: user=mooring, access=EXECUTE",
                ErrorKind::AccessDenied,
            ),
            (
                "Filtering is supported only on partition keys of type string",
                ErrorKind::SourceRefused,
            ),
            ("Internal error processing get_table_req", ErrorKind::SourceRefused),
            ("", ErrorKind::SourceRefused),
        ] {
            assert_eq!(kind_of_exception(message), kind, "{message}");
        }
    }
}
