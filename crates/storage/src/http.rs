//! Makes the client of one web server, for single files over HTTP (RFC 9110).
//!
//! What users may name must not lead to services that trust whoever can reach them: those of this
//! machine, and the one that gives a cloud's credentials to its instances. So such addresses, and
//! HTTP without TLS, are only for hosts that the configuration lists. TLS is also what makes a check
//! of the address worth something: a name that is made to point elsewhere later, and a redirect to
//! plain HTTP (which the client refuses), do not get past a certificate.

use crate::error::to_spi_error;
use crate::s3::{CONNECT_TIMEOUT, IDLE_CONNECTIONS_MAX, REQUEST_TIMEOUT, retry};
use async_trait::async_trait;
use mooring_spi::{Error, ErrorKind, Result};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    ReqwestConnector,
};
use object_store::http::{HttpBuilder, HttpStore};
use parking_lot::Mutex;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};
use tokio::net::lookup_host;
use url::{Host, Url};

/// Where clouds answer their instances beside link-local addresses: Alibaba Cloud's metadata
/// service, Azure's wire server ("What is IP address 168.63.129.16?"), and Oracle Cloud's.
const CLOUD_SERVICES: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(192, 0, 0, 192),
];
/// The metadata service of AWS over IPv6 ("Use the Instance Metadata Service", EC2 user guide).
const AWS_METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
/// Addresses of IPv4 in IPv6 (RFC 6052, section 2.1): `64:ff9b::/96`.
const NAT64_PREFIX: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

/// For how long the addresses of a name that were looked at hold.
const ADDRESSES_TIME_TO_LIVE: Duration = Duration::from_secs(60);

/// `allowed_hosts` are read whatever their addresses, and without TLS.
///
/// # Errors
/// `AccessDenied` for a host that is not to be reached.
pub(crate) fn server_store(url: &Url, allowed_hosts: &[String]) -> Result<HttpStore> {
    let host = url.host_str().unwrap_or_default();
    let is_listed = allowed_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(host));
    if !is_listed {
        refuse_unlisted(url, host)?;
    }
    let options = ClientOptions::new()
        .with_allow_http(is_listed)
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_timeout(REQUEST_TIMEOUT)
        .with_pool_max_idle_per_host(IDLE_CONNECTIONS_MAX);
    let mut root = url.clone();
    root.set_path("/");
    let builder =
        HttpBuilder::new().with_url(root.as_str()).with_client_options(options).with_retry(retry());
    let builder = match url.host() {
        Some(Host::Domain(name)) if !is_listed => builder.with_http_connector(CheckedConnector {
            name: name.to_owned(),
            port: url.port_or_known_default().unwrap_or_default(),
        }),
        _ => builder,
    };
    builder.build().map_err(|error| to_spi_error(error, root.as_str()))
}

fn refuse_unlisted(url: &Url, host: &str) -> Result<()> {
    let is_internal = match url.host() {
        Some(Host::Ipv4(address)) => is_internal(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => is_internal(IpAddr::V6(address)),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        None => false,
    };
    let why = match (is_internal, url.scheme()) {
        (true, _) => InternalAddress.to_string(),
        (false, "http") => "HTTP without TLS is only for hosts in `http_allowed_hosts`".to_owned(),
        (false, _) => return Ok(()),
    };
    Err(Error::new(ErrorKind::AccessDenied, format!("host `{host}` is not read: {why}")))
}

/// Whether only this machine, its link or its cloud answer there.
fn is_internal(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_loopback()
                || address.is_link_local()
                || address.octets().first() == Some(&0)
                || CLOUD_SERVICES.contains(&address)
        }
        IpAddr::V6(address) => {
            if let Some(mapped) = address.to_ipv4_mapped().or_else(|| from_nat64(address)) {
                return is_internal(IpAddr::V4(mapped));
            }
            address.is_loopback()
                || address.is_unspecified()
                || address.is_unicast_link_local()
                || address == AWS_METADATA
        }
    }
}

fn from_nat64(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [prefix @ .., high, low] = address.segments();
    let [first, second] = high.to_be_bytes();
    let [third, fourth] = low.to_be_bytes();
    (prefix == NAT64_PREFIX).then(|| Ipv4Addr::new(first, second, third, fourth))
}

/// A name leads to where nobody is to be led.
#[derive(Debug)]
pub(crate) struct InternalAddress;

impl std::fmt::Display for InternalAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "it is an address of this machine or of its network's own services; list the host in \
             `http_allowed_hosts` if that is meant",
        )
    }
}

impl std::error::Error for InternalAddress {}

/// Looks at the addresses of a name before requests go there.
#[derive(Debug)]
struct CheckedConnector {
    name: String,
    port: u16,
}

impl HttpConnector for CheckedConnector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(CheckedService {
            inner: ReqwestConnector::default().connect(options)?,
            name: self.name.clone(),
            port: self.port,
            checked: Mutex::new(None),
        }))
    }
}

#[derive(Debug)]
struct CheckedService {
    inner: HttpClient,
    name: String,
    port: u16,
    checked: Mutex<Option<Instant>>,
}

#[async_trait]
impl HttpService for CheckedService {
    async fn call(&self, request: HttpRequest) -> std::result::Result<HttpResponse, HttpError> {
        let is_fresh = self.checked.lock().is_some_and(|at| at.elapsed() < ADDRESSES_TIME_TO_LIVE);
        // A name without an address is told of by the client.
        if !is_fresh && let Ok(mut found) = lookup_host((self.name.as_str(), self.port)).await {
            if found.any(|address| is_internal(address.ip())) {
                return Err(HttpError::new(HttpErrorKind::Unknown, InternalAddress));
            }
            *self.checked.lock() = Some(Instant::now());
        }
        self.inner.execute(request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_trust_whoever_reaches_them_are_internal() {
        for text in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "169.254.169.254",
            "168.63.129.16",
            "100.100.100.200",
            "::1",
            "::",
            "fe80::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
        ] {
            assert!(is_internal(text.parse().expect("an address")), "{text}");
        }
        for text in ["10.0.0.1", "93.184.216.34", "2606:2800::1", "64:ff9b::5db8:d822"] {
            assert!(!is_internal(text.parse().expect("an address")), "{text}");
        }
    }

    #[test]
    fn hosts_are_refused_unless_they_are_listed() {
        for text in [
            "https://127.0.0.1/a",
            "https://[::1]/a",
            "https://0x7f.1/a",
            "https://2852039166/a",
            "https://localhost/a",
            "https://LOCALHOST./a",
            "https://db.localhost/a",
            "http://example.org/a",
        ] {
            let url = Url::parse(text).expect("a URL");
            let error = server_store(&url, &[]).expect_err(text);
            assert_eq!(error.kind(), ErrorKind::AccessDenied);
            assert!(error.message().contains("`http_allowed_hosts`"), "{error}");
            let listed = url.host_str().expect("a host").to_owned();
            server_store(&url, &[listed]).expect(text);
        }
        server_store(&Url::parse("https://example.org/a").expect("a URL"), &[]).expect("public");
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_refused_before_a_request() {
        let connector = CheckedConnector { name: "localhost".to_owned(), port: 1 };
        let store = HttpBuilder::new()
            .with_url("https://localhost:1/")
            .with_http_connector(connector)
            .with_retry(retry())
            .build()
            .expect("a store");
        let path = object_store::path::Path::from("a");
        let error = object_store::ObjectStoreExt::head(&store, &path).await.expect_err("refused");
        let error = to_spi_error(error, "https://localhost:1/a");
        assert_eq!(error.kind(), ErrorKind::AccessDenied, "{error}");
    }
}
