//! What stands before every call: a bearer token, looked at before a byte of the call's body is
//! read. Logins come without one, and so do the questions of load balancers and of tools that ask
//! which services there are.

use super::FlightSqlDoor;
use super::body::{Allowance, Coming};
use super::jwt::is_jwt;
use super::metrics::Refusal;
use super::session::FlightSession;
use super::sessions::token_digest;
use super::status::{limit_exceeded, not_authenticated, status};
use super::stream::Peer;
use futures::future::BoxFuture;
use http::{HeaderValue, Request, Response, header};
use mooring_spi::{Error, Result};
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tower::{Layer, Service};

const HANDSHAKE: &str = "/arrow.flight.protocol.FlightService/Handshake";
/// Services that tell nothing of anybody.
const OPEN_SERVICES: [&str; 2] = ["/grpc.health.v1.Health/", "/grpc.reflection."];
/// A longer token is nobody's.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// The session that a call belongs to, in the call's extensions.
#[derive(Clone)]
pub(super) struct Caller(pub(super) Arc<FlightSession>);

/// What a call that needs no login may send.
const OPEN_CALL_BYTES_MAX: usize = 16 * 1024;

/// The layer around all services of the port.
#[derive(Clone)]
pub(super) struct Gate {
    door: Arc<FlightSqlDoor>,
    stop: CancellationToken,
}

impl Gate {
    /// `stop`: ends the calls that belong to no session.
    pub(super) fn new(door: Arc<FlightSqlDoor>, stop: CancellationToken) -> Self {
        Self { door, stop }
    }
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { inner, door: self.door.clone(), stop: self.stop.clone() }
    }
}

#[derive(Clone)]
pub(super) struct Gated<S> {
    inner: S,
    door: Arc<FlightSqlDoor>,
    stop: CancellationToken,
}

impl<S> Service<Request<Body>> for Gated<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, std::result::Result<Self::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<std::result::Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        // The one that was asked whether it is ready is the one that is called.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let (door, stop) = (self.door.clone(), self.stop.clone());
        Box::pin(async move {
            let path = request.uri().path();
            let is_open = OPEN_SERVICES.iter().any(|service| path.starts_with(service));
            let is_login = path == HANDSHAKE;
            let Some(peer) = request.extensions().get::<Peer>().cloned() else {
                let defect = Error::internal("a call of nobody");
                return Ok(status(&defect).into_http());
            };
            let body_timeout = door.settings.body_timeout;
            if is_open {
                // Whoever asks no more than this is a stranger still, and leaves at its deadline.
                let Ok(place) = peer.open_calls.clone().try_acquire_owned() else {
                    let refusal = limit_exceeded("a connection has too many calls without a login");
                    return Ok(status(&refusal).into_http());
                };
                let allowance = Allowance::Few { left: OPEN_CALL_BYTES_MAX, _place: place };
                let coming = |body| Body::new(Coming::new(body, allowance, body_timeout, stop));
                return inner.call(request.map(coming)).await;
            }
            if door.settings.require_tls && !peer.encryption.is_encrypted() {
                door.metrics.refused(Refusal::TlsRequired);
                let refusal = not_authenticated(
                    "this server takes calls inside TLS only; use a location that begins with `grpc+tls://`",
                );
                return Ok(status(&refusal).into_http());
            }
            if is_login {
                return inner.call(request).await;
            }
            let authorization = request.headers().get(header::AUTHORIZATION).cloned();
            let user_agent = request.headers().get(header::USER_AGENT).cloned();
            let caller = async {
                let token = bearer(authorization.as_ref())?;
                let agent = user_agent.as_ref().and_then(|agent| agent.to_str().ok());
                door.caller(token, agent, &peer).await
            };
            match caller.await {
                Ok(session) => {
                    peer.vouch();
                    let _busy = session.enter();
                    let allowance = Allowance::OfUser(door.coming.place(&session.client().user));
                    let end = session.close.clone();
                    request.extensions_mut().insert(Caller(session));
                    let coming = |body| Body::new(Coming::new(body, allowance, body_timeout, end));
                    inner.call(request.map(coming)).await
                }
                Err(error) => {
                    door.metrics.refused(Refusal::Token);
                    tracing::debug!(address = %peer.address, %error, "refused a Flight SQL call");
                    Ok(status(&error).into_http())
                }
            }
        })
    }
}

impl FlightSqlDoor {
    /// The session of the token that a call brings, whose account is still what it was.
    ///
    /// # Errors
    /// `AuthenticationFailed`; `StateUnusable` when the accounts cannot be read.
    pub(super) async fn caller(
        self: &Arc<Self>,
        token: &str,
        agent: Option<&str>,
        peer: &Peer,
    ) -> Result<Arc<FlightSession>> {
        let unknown = || {
            not_authenticated(
                "the token is unknown or has expired, or its session has ended; log in again by Handshake",
            )
        };
        let takes_secrets = self.takes_secrets_of(peer);
        if is_jwt(token) && !takes_secrets {
            return Err(in_the_clear());
        }
        let session = match &self.settings.jwt {
            Some(verifier) if is_jwt(token) => {
                self.session_by_jwt(verifier, token, agent, peer).await?
            }
            Some(_) | None => self.sessions.find(&token_digest(token)).ok_or_else(unknown)?,
        };
        // That of an account without a password may have been in the clear from the start.
        if session.is_private && !takes_secrets {
            return Err(in_the_clear());
        }
        self.must_stand(&session, peer).await?;
        session.note_connection(peer);
        Ok(session)
    }
}

fn in_the_clear() -> Error {
    not_authenticated(
        "the token came over the network in the clear; connect with TLS (`grpc+tls://`)",
    )
}

/// The token in `authorization: Bearer TOKEN` (RFC 6750, section 2.1).
fn bearer(authorization: Option<&HeaderValue>) -> Result<&str> {
    let value = authorization.ok_or_else(|| {
        not_authenticated(
            "the call brings no token; log in by Handshake with `authorization: Basic ...` and send \
             the token that it answers as `authorization: Bearer ...`",
        )
    })?;
    let text = value.to_str().map_err(|_| not_authenticated("the token is not readable"))?;
    match text.split_once(' ') {
        Some((scheme, token))
            if scheme.eq_ignore_ascii_case("bearer") && token.len() <= TOKEN_BYTES_MAX =>
        {
            Ok(token.trim())
        }
        _ => Err(not_authenticated(
            "the header `authorization` is not `Bearer TOKEN`; a password is for Handshake alone",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mooring_spi::ErrorKind;
    use proptest::prelude::*;

    #[test]
    fn a_bearer_is_read_and_nothing_else() {
        for (value, token) in [("Bearer abc", "abc"), ("bearer  a=", "a=")] {
            let value = HeaderValue::from_static(value);
            assert_eq!(bearer(Some(&value)).expect("a token"), token);
        }
        for value in ["Basic YTpi", "Bearer", "", "Bearerabc"] {
            let error = bearer(Some(&HeaderValue::from_static(value))).expect_err(value);
            assert_eq!(error.kind(), ErrorKind::AuthenticationFailed);
        }
        assert!(bearer(None).is_err());
    }

    proptest! {
        #[test]
        fn any_header_is_a_token_or_refused(value: Vec<u8>) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let _ = bearer(Some(&value));
            }
        }
    }
}
