//! The metastore's client against a peer of the test's own: what real servers cannot be made to do. Real ones
//! are asked in `tests/clients/hive_test.py`.

mod real_server;
mod peer;
mod partitions;
mod tls;

use super::{HiveMetastore, HiveSettings, MetastoreMetrics};
use mooring_spi::{ErrorKind, Metastore};
use peer::{Peer, exception, texts};

/// A metastore at `port` of this machine, with more properties.
fn metastore(port: u16, properties: &[(&str, &str)]) -> HiveMetastore {
    let uris = format!("thrift://localhost:{port}");
    let given = [&[("uris", uris.as_str())][..], properties].concat();
    let given = given.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = HiveSettings::from_properties(&given.collect()).expect("settings");
    HiveMetastore::new("warehouse", settings, MetastoreMetrics::default())
}

const FRAMED: (&str, &str) = ("transport", "framed");

#[tokio::test]
async fn a_refusal_is_no_outage() {
    for (message, kind) in [
        ("Retrying call after 1 attempts: no such plugin", ErrorKind::SourceRefused),
        ("User mooring does not have privileges", ErrorKind::AccessDenied),
        ("Unable to open a test connection to the given database", ErrorKind::SourceUnavailable),
    ] {
        for is_declared in [true, false] {
            let peer = Peer::open(move |_| exception(is_declared, message)).await;
            let error = metastore(peer.port, &[FRAMED]).schemas().await.expect_err("an exception");
            assert_eq!(error.kind(), kind, "{error}");
            for named in ["`warehouse`", "`get_all_databases`", message] {
                assert!(error.message().contains(named), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn nobody_there_is_an_outage() {
    let peer = Peer::open(|_| texts(&["a"])).await;
    let port = peer.port;
    drop(peer);
    let error = metastore(port, &[FRAMED]).schemas().await.expect_err("nobody");
    assert_eq!(error.kind(), ErrorKind::SourceUnavailable, "{error}");
    assert!(error.message().contains(&port.to_string()), "{error}");
}
