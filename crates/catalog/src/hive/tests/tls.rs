//! TLS as a metastore speaks it, and what is said where only one side does.

use super::peer::{Peer, texts};
use super::{FRAMED, metastore};
use mooring_spi::{Error, ErrorKind, Metastore};
use rcgen::CertifiedKey;
use std::io::Write;
use std::sync::Arc;
use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A server's side for one name, and the file that a client trusts it by.
fn side(name: &str) -> (TlsAcceptor, NamedTempFile) {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed([name.to_owned()]).expect("a pair");
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a certificate");
    let mut file = NamedTempFile::new().expect("a file");
    file.write_all(cert.pem().as_bytes()).expect("written");
    (TlsAcceptor::from(Arc::new(config)), file)
}

fn trusted(file: &NamedTempFile) -> [(&str, &str); 3] {
    [FRAMED, ("tls", "true"), ("tls_ca_file", file.path().to_str().expect("a path"))]
}

async fn error_of(port: u16, properties: &[(&str, &str)]) -> Error {
    metastore(port, properties).schemas().await.expect_err("refused")
}

#[tokio::test]
async fn calls_go_over_tls() {
    let (acceptor, file) = side("localhost");
    let peer = Peer::open_with(Some(acceptor), |_| texts(&["sales"])).await;
    let metastore = metastore(peer.port, &trusted(&file));
    for _ in 0..2 {
        assert_eq!(metastore.schemas().await.expect("schemas"), ["sales"]);
    }
}

#[tokio::test]
async fn a_server_that_is_not_trusted_is_named() {
    let (acceptor, file) = side("metastore.example");
    let (_, other) = side("metastore.example");
    let peer = Peer::open_with(Some(acceptor), |_| texts(&["sales"])).await;
    let named = ("tls_server_name", "metastore.example");
    let wrong_root = [&trusted(&other)[..], &[named]].concat();
    for (properties, name) in
        [(trusted(&file).to_vec(), "`localhost`"), (wrong_root, "`metastore.example`")]
    {
        let error = error_of(peer.port, &properties).await;
        assert_eq!(error.kind(), ErrorKind::SourceUnavailable, "{error}");
        for named in ["`warehouse`", "not trusted", name, "`tls_ca_file`"] {
            assert!(error.message().contains(named), "{error}");
        }
    }
    assert_eq!(peer.methods(), Vec::<String>::new());
    let properties = [&trusted(&file)[..], &[named]].concat();
    assert_eq!(metastore(peer.port, &properties).schemas().await.expect("schemas"), ["sales"]);
}

#[tokio::test]
async fn plain_text_to_a_server_with_tls_is_told() {
    let (acceptor, _file) = side("localhost");
    let peer = Peer::open_with(Some(acceptor), |_| texts(&["sales"])).await;
    for transport in ["buffered", "framed"] {
        let error = error_of(peer.port, &[("transport", transport)]).await;
        assert!(error.message().contains("TLS"), "{error}");
    }
}

#[tokio::test]
async fn tls_to_a_server_without_it_is_told_in_time() {
    let (_, file) = side("localhost");
    // It takes the greeting for the begin of a long message, and waits for the rest.
    let silent = TcpListener::bind(("localhost", 0)).await.expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let properties = [&trusted(&file)[..], &[("timeout_ms", "400")]].concat();
    let error = error_of(port, &properties).await;
    assert_eq!(error.kind(), ErrorKind::SourceUnavailable, "{error}");
    assert!(error.message().contains("does the metastore speak TLS"), "{error}");
}
