//! Against a web server in the test.

use crate::{CatalogStores, LIST_FILES_MAX, Location, StorageSettings, list_files, to_spi_error};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode, Uri};
use axum::response::Redirect;
use axum::routing::get;
use mooring_spi::{Error, ErrorKind, Result};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;

const BYTES: &[u8] = b"0123456789";

/// What the server does.
#[derive(Debug, Clone, Default)]
struct Manners {
    ranges: bool,
    /// Requests that are answered with status 503 before the others.
    failures: Arc<AtomicUsize>,
}

/// Serves [`BYTES`] as `/data/a b.bin`, and redirects; gives its root.
async fn served(manners: Manners) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let root = format!("http://{}", listener.local_addr().expect("an address"));
    let routes = Router::new()
        .route("/data/{name}", get(file))
        .route("/moved", get(|| async { Redirect::temporary("/data/a%20b.bin") }))
        .route("/loop", get(|| async { Redirect::temporary("/loop") }))
        .with_state(manners);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    root
}

/// RFC 9110, section 14: `Range: bytes=first-last`.
async fn file(State(manners): State<Manners>, uri: Uri, headers: HeaderMap) -> Response<Body> {
    let is_failure = manners
        .failures
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
    let answer = Response::builder();
    if is_failure.is_ok() {
        let answer = answer.status(StatusCode::SERVICE_UNAVAILABLE);
        return answer.body(Body::empty()).expect("an answer");
    }
    if uri.path() != "/data/a%20b.bin" {
        return answer.status(StatusCode::NOT_FOUND).body(Body::empty()).expect("an answer");
    }
    let answer = answer.header("etag", "\"v1\"");
    let range = headers.get("range").and_then(|range| range.to_str().ok());
    let Some(range) = range.filter(|_| manners.ranges) else {
        return answer.body(Body::from(BYTES)).expect("an answer");
    };
    let (first, last) =
        range.trim_start_matches("bytes=").split_once('-').expect("a range of bytes");
    let (first, last): (usize, usize) =
        (first.parse().expect("first"), last.parse().expect("last"));
    answer
        .status(StatusCode::PARTIAL_CONTENT)
        .header("content-range", format!("bytes {first}-{last}/{}", BYTES.len()))
        .body(Body::from(&BYTES[first..=last]))
        .expect("an answer")
}

fn opened(text: &str) -> (Location, Arc<dyn ObjectStore>) {
    let properties = BTreeMap::from([("http_allowed_hosts".to_owned(), "127.0.0.1".to_owned())]);
    let settings = StorageSettings::from_properties(&properties).expect("settings");
    let location = Location::parse(text).expect("a location");
    let store = CatalogStores::new("lake", settings).store(location.url()).expect("a store");
    (location, store)
}

async fn found(text: &str) -> Result<Vec<ObjectMeta>> {
    let (location, store) = opened(text);
    list_files(store.as_ref(), &location, LIST_FILES_MAX).await
}

async fn part(text: &str, range: Range<u64>) -> Result<Vec<u8>> {
    let (location, store) = opened(text);
    match store.get_range(location.prefix(), range).await {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(error) => Err(to_spi_error(error, text)),
    }
}

#[tokio::test]
async fn a_file_has_its_size_and_tag_and_is_read_in_parts() {
    let root = served(Manners { ranges: true, ..Manners::default() }).await;
    for path in ["data/a%20b.bin", "data/a b.bin", "moved"] {
        let url = format!("{root}/{path}");
        let files = found(&url).await.expect("there");
        let sizes: Vec<_> = files.iter().map(|file| (file.size, file.e_tag.as_deref())).collect();
        assert_eq!(sizes, [(BYTES.len() as u64, Some("\"v1\""))]);
        assert_eq!(part(&url, 2..5).await.expect("read"), b"234");
    }
}

#[tokio::test]
async fn a_server_without_ranges_is_named() {
    let url = format!("{}/data/a%20b.bin", served(Manners::default()).await);
    let error = part(&url, 2..5).await.expect_err("no ranges");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains(&url) && error.message().contains("range"), "{error}");
    let (location, store) = opened(&url);
    let whole = store.get(location.prefix()).await.expect("got").bytes().await.expect("read");
    assert_eq!(whole, BYTES);
}

#[tokio::test]
async fn what_is_no_single_file_is_refused_by_name() {
    let root = served(Manners::default()).await;
    let kind = |error: &Error, path: &str| {
        assert!(error.message().contains(path), "{error}");
        error.kind()
    };
    for (path, expected) in [
        ("data/", ErrorKind::Unsupported),
        ("", ErrorKind::Unsupported),
        ("data/*.parquet", ErrorKind::Unsupported),
        ("data/none", ErrorKind::LocationNotFound),
    ] {
        let error = found(&format!("{root}/{path}")).await.expect_err(path);
        assert_eq!(kind(&error, path), expected, "{error}");
    }
    let error = found(&format!("{root}/loop")).await.expect_err("a loop");
    assert_eq!(kind(&error, "/loop"), ErrorKind::SourceUnavailable, "{error}");
}

#[tokio::test]
async fn a_server_that_is_busy_is_asked_again() {
    let failures = Arc::new(AtomicUsize::new(2));
    let root = served(Manners { ranges: true, failures: failures.clone() }).await;
    assert_eq!(part(&format!("{root}/data/a b.bin"), 0..1).await.expect("read"), b"0");
    assert_eq!(failures.load(Ordering::SeqCst), 0);
}
