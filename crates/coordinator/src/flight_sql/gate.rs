//! What stands before every call: a bearer token, looked at before a byte of the call's body is
//! read. Logins come without one, and so do the questions of load balancers and of tools that ask
//! which services there are.

use super::FlightSqlDoor;
use super::jwt::is_jwt;
use super::metrics::Refusal;
use super::session::FlightSession;
use super::sessions::{shared_token_digest, token_digest};
use super::status::{not_authenticated, status};
use super::stream::Peer;
use super::timed_body::TimedBody;
use futures::future::BoxFuture;
use http::{HeaderValue, Request, Response, header};
use mooring_spi::{Error, Result};
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Layer, Service};

const HANDSHAKE: &str = "/arrow.flight.protocol.FlightService/Handshake";
/// Services that tell nothing of anybody.
const OPEN_SERVICES: [&str; 2] = ["/grpc.health.v1.Health/", "/grpc.reflection."];
/// A longer token is nobody's.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// The session that a call belongs to, in the call's extensions.
#[derive(Clone)]
pub(super) struct Caller(pub(super) Arc<FlightSession>);

/// The layer around all services of the port.
#[derive(Clone)]
pub(super) struct Gate(Arc<FlightSqlDoor>);

impl Gate {
    pub(super) fn new(door: Arc<FlightSqlDoor>) -> Self {
        Self(door)
    }
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { inner, door: self.0.clone() }
    }
}

#[derive(Clone)]
pub(super) struct Gated<S> {
    inner: S,
    door: Arc<FlightSqlDoor>,
}

impl<S, B> Service<Request<B>> for Gated<S>
where
    S: Service<Request<TimedBody<B>>, Response = Response<tonic::body::Body>>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Send + 'static,
{
    type Response = Response<tonic::body::Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, std::result::Result<Self::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<std::result::Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that was asked whether it is ready is the one that is called.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let door = self.door.clone();
        Box::pin(async move {
            let path = request.uri().path();
            let is_open = OPEN_SERVICES.iter().any(|service| path.starts_with(service));
            let is_login = path == HANDSHAKE;
            let Some(peer) = request.extensions().get::<Peer>().cloned() else {
                let defect = Error::internal("a call of nobody");
                return Ok(status(&defect).into_http());
            };
            let time = door.settings.body_timeout;
            let request = request.map(|body| TimedBody::new(body, time));
            if is_open {
                // Nobody has said who it is: the connection still has its deadline.
                return inner.call(request).await;
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
            let caller = async {
                let token = bearer(authorization.as_ref())?;
                door.caller(token, &peer).await
            };
            match caller.await {
                Ok(session) => {
                    peer.vouch();
                    let _busy = session.enter();
                    let mut request = request;
                    request.extensions_mut().insert(Caller(session));
                    inner.call(request).await
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
        peer: &Peer,
    ) -> Result<Arc<FlightSession>> {
        let unknown = || {
            not_authenticated(
                "the token is unknown or has expired, or its session has ended; log in again by Handshake",
            )
        };
        let is_read_along = !peer.is_private() && !self.settings.clear_passwords;
        let in_the_clear = || {
            not_authenticated(
                "the token came over the network in the clear and is not taken; connect with TLS (`grpc+tls://`)",
            )
        };
        if is_read_along && is_jwt(token) {
            return Err(in_the_clear());
        }
        let digest = match is_jwt(token) {
            true => shared_token_digest(token, peer.number()),
            false => token_digest(token),
        };
        let session = match (self.sessions.find(&digest), &self.settings.jwt) {
            (Some(session), _) => session,
            (None, Some(verifier)) if is_jwt(token) => {
                self.open_by_jwt(verifier, token, peer).await?
            }
            (None, _) => return Err(unknown()),
        };
        if is_read_along && session.is_private() {
            return Err(in_the_clear());
        }
        let user = &session.client().user;
        let account = self.logins.account_now(user, peer.address, &peer.encryption).await?;
        if !account.is_some_and(|account| session.is_of(&account)) {
            // Elsewhere the name may be another account's, or need another connection.
            let is_at_home = peer.address.ip() == session.client().address.ip()
                && peer.is_private() == session.is_private();
            if is_at_home {
                self.sessions.end(session.id());
            }
            return Err(not_authenticated(
                "the token's account was dropped or changed since, or does not admit this client; log in again",
            ));
        }
        session.note_connection(peer);
        Ok(session)
    }
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
