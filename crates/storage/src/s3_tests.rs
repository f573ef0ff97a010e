//! Against a listener with fixed answers: `object_store` tells a status by its text only, and an
//! update of it that words them differently must fail here.

use crate::{CatalogStores, LIST_FILES_MAX, Location, StorageSettings, list_files};
use mooring_spi::{Error, ErrorKind};
use std::collections::BTreeMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Answers every request alike; gives its port.
async fn answering(status: &'static str, body: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 16 * 1024];
            let read = stream.read(&mut request).await.expect("a request");
            let path_style = String::from_utf8_lossy(&request[..read]).starts_with("GET /logs?");
            let status = if path_style { status } else { "418 Not Path Style" };
            let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
            let answer = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.expect("answered");
        }
    });
    port
}

async fn listing_error(port: u16) -> Error {
    let endpoint = format!("http://127.0.0.1:{port}");
    let properties = BTreeMap::from([
        ("s3_endpoint".to_string(), endpoint),
        ("s3_access_key".to_string(), "AKIATEST".to_string()),
        ("s3_secret_key".to_string(), "s3cret".to_string()),
    ]);
    let settings = StorageSettings::from_properties(&properties).expect("settings");
    let location = Location::parse("s3://logs/a%20b/").expect("a location");
    let store = CatalogStores::new("lake", settings).store(location.url()).expect("a store");
    list_files(store.as_ref(), &location, LIST_FILES_MAX).await.expect_err("an error")
}

#[tokio::test]
async fn a_servers_refusal_is_told_by_its_kind() {
    let no_key =
        "<Error><Code>InvalidAccessKeyId</Code><AWSAccessKeyId>AKIATEST</AWSAccessKeyId></Error>";
    let no_bucket = "<Error><Code>NoSuchBucket</Code></Error>";
    for (status, body, kind, code) in [
        ("403 Forbidden", no_key, ErrorKind::AccessDenied, "`InvalidAccessKeyId`"),
        ("404 Not Found", no_bucket, ErrorKind::LocationNotFound, "`NoSuchBucket`"),
        ("400 Bad Request", "", ErrorKind::SourceUnavailable, "status 400"),
    ] {
        let error = listing_error(answering(status, body).await).await;
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains("`s3://logs/a%20b/`"), "{error}");
        assert!(error.message().contains(code), "{error}");
        assert!(!format!("{error:?}").contains("AKIATEST"), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let error = listing_error(1).await;
    assert_eq!(error.kind(), ErrorKind::SourceUnavailable, "{error}");
    assert!(error.message().contains("refused"), "{error}");
}
