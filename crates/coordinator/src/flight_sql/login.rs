//! Handshake: a name and a password become a session and the token that stands for it.
//!
//! Source: "Arrow Flight RPC", section "Authentication": the password in `authorization: Basic`
//! (RFC 7617), the token in the answer's header `authorization: Bearer`, which clients send with
//! every call from then on.

use super::FlightSqlDoor;
use super::jwt::JwtVerifier;
use super::metrics::Refusal;
use super::session::{FlightSession, Opened};
use super::sessions::{TokenDigest, new_token, shared_token_digest, token_digest};
use super::status::{limit_exceeded, not_authenticated, report, status};
use super::stream::Peer;
use crate::mysql::{
    Account, AuthPlugin, Credential, LoginFailure, MysqlDoor, PasswordLogin, SessionFactory,
    SessionRequest,
};
use crate::session::Client;
use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use mooring_spi::{Error, ErrorKind, Result};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::metadata::MetadataMap;

/// A user's name has 32 characters, a password 256 bytes.
const BASIC_BYTES_MAX: usize = 1024;
/// As at the MySQL door, whose packet has no room for more.
const USER_BYTES_MAX: usize = 256;
/// How long GetFlightInfo waits for a query's first rows, once its columns are known.
const FIRST_ROWS_WAIT: Duration = Duration::from_millis(500);
/// Of what a client says of itself.
const USER_AGENT_CHARACTERS_MAX: usize = 256;
const CLIENT_NAME: &str = "_client_name";
/// In the names of clients whose language has no numbers without sign: JDBC's driver takes the largest
/// for -1.
const JAVA: &str = "grpc-java";

/// Clients exist that leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Whom a token lets in, and for how long.
struct Admitted {
    account: Account,
    /// The changes of accounts until it was looked up.
    account_changes: u64,
    lifetime: Duration,
}

/// A user's name and password; it has no readable form.
struct Basic {
    user: String,
    password: Vec<u8>,
}

impl FlightSqlDoor {
    /// The token of a new session.
    pub(super) async fn log_in(
        self: &Arc<Self>,
        headers: &MetadataMap,
        peer: &Peer,
    ) -> std::result::Result<String, Status> {
        // JDBC shows by Handshake that the token which it was given is taken.
        if let Some(token) = presented(headers, "bearer") {
            let caller = self.caller(token, agent(headers), peer).await;
            caller.map_err(|error| report(&error, "", 0))?;
            peer.vouch();
            return Ok(token.to_owned());
        }
        let basic = basic(headers).map_err(|error| {
            self.metrics.refused(Refusal::AccessDenied);
            tracing::debug!(address = %peer.address, %error, "refused a Flight SQL login");
            status(&error)
        })?;
        let token = self.open(&basic, attributes(agent(headers)), peer).await;
        token.map_err(|error| report(&error, &basic.user, 0))
    }

    async fn open(
        self: &Arc<Self>,
        basic: &Basic,
        attributes: Arc<[(String, String)]>,
        peer: &Peer,
    ) -> Result<String> {
        let Basic { user, password } = basic;
        if !password.is_empty() && !self.takes_secrets_of(peer) {
            self.metrics.refused(Refusal::AccessDenied);
            return Err(not_authenticated(
                "a password came over the network in the clear and was not looked at; connect with TLS (`grpc+tls://`)",
            ));
        }
        let account_changes = self.logins.account_changes();
        let login = PasswordLogin {
            user: user.clone(),
            password: password.clone(),
            address: peer.address,
            encryption: peer.encryption.clone(),
        };
        let account =
            check(&self.logins, &self.logins_at_once, login, peer).await.map_err(|failure| {
                self.metrics.refused(Refusal::AccessDenied);
                refusal(failure, user, peer)
            })?;
        peer.vouch();
        if account.credential == Credential::Token {
            // The session would outlive the token, and the key that has signed it.
            return Err(not_authenticated(format!(
                "user '{user}' comes by tokens: send the token itself with each call, as `authorization: Bearer`"
            )));
        }
        let token = new_token();
        let lifetime = self.settings.token_lifetime;
        let admitted = Admitted { account, account_changes, lifetime };
        let digest = token_digest(&token);
        self.open_session(digest, user, admitted, attributes, peer).await?;
        Ok(token)
    }

    /// Whether passwords and tokens may come as `peer` does.
    pub(super) fn takes_secrets_of(&self, peer: &Peer) -> bool {
        peer.is_private() || self.settings.clear_passwords
    }

    /// The session of a connection with a token that somebody else has signed. It is proven at each
    /// call: a key that is taken away ends what it signed.
    ///
    /// # Errors
    /// `AuthenticationFailed`; as for a login.
    pub(super) async fn session_by_jwt(
        self: &Arc<Self>,
        verifier: &Arc<JwtVerifier>,
        token: &str,
        agent: Option<&str>,
        peer: &Peer,
    ) -> Result<Arc<FlightSession>> {
        let now = SystemTime::now();
        let digest = shared_token_digest(token, peer.number());
        let known = self.sessions.find(&digest);
        let proven = verifier.verify(token, now).await.inspect_err(|_| {
            if let Some(session) = &known {
                self.sessions.end(session.id());
            }
        })?;
        if let Some(session) = known {
            return Ok(session);
        }
        let user = &proven.user;
        let account_changes = self.logins.account_changes();
        let account = self.logins.account(user, peer.address).await?;
        let admits = |account: &Account| account.tls.is_met(&peer.encryption);
        let account =
            account.filter(admits).ok_or_else(|| refusal(LoginFailure::Denied, user, peer))?;
        if account.credential != Credential::Token {
            return Err(not_authenticated(format!(
                "user '{user}' does not come by tokens; `ALTER USER ... IDENTIFIED WITH {}` lets it",
                AuthPlugin::Jwt.name()
            )));
        }
        if account.locked {
            return Err(refusal(LoginFailure::Locked, user, peer));
        }
        let left = proven.expires.duration_since(now).unwrap_or_default();
        let lifetime = left.min(self.settings.token_lifetime);
        let admitted = Admitted { account, account_changes, lifetime };
        self.open_session(digest, user, admitted, attributes(agent), peer).await
    }

    async fn open_session(
        self: &Arc<Self>,
        digest: TokenDigest,
        user: &str,
        admitted: Admitted,
        attributes: Arc<[(String, String)]>,
        peer: &Peer,
    ) -> Result<Arc<FlightSession>> {
        let Admitted { account, account_changes, lifetime } = admitted;
        let too_many = |message: String| {
            self.metrics.refused(Refusal::TooManySessions);
            limit_exceeded(message)
        };
        let per_user = self.settings.sessions_per_user_max;
        let mut place = self.user_places.take(user, per_user);
        if place.is_none() && self.sessions.make_room(Some(user)) {
            place = self.user_places.take(user, per_user);
        }
        let place = place.ok_or_else(|| {
            too_many(format!(
                "user `{user}` has {per_user} Flight SQL sessions already; close some"
            ))
        })?;
        if self.sessions.count() >= self.settings.sessions_max {
            // Of the same user rather than of another one.
            let _ = self.sessions.make_room(Some(user)) || self.sessions.make_room(None);
        }
        let client = Client {
            user: user.to_owned(),
            account_host: account.host.clone(),
            administrator: account.administrator,
            address: peer.address,
            tls: peer.tls_names,
            connection_id: self.hub.next_connection_id(),
            attributes,
        };
        let close = CancellationToken::new();
        let request =
            SessionRequest { client: client.clone(), database: None, close: close.clone() };
        let mut session = self.hub.open_session(request).await?;
        session.answer_before_rows(FIRST_ROWS_WAIT);
        let is_private = peer.is_private();
        let opened = Opened { account, account_changes, close, lifetime, place, is_private };
        let agent = client.attributes.iter().find(|(name, _)| name == CLIENT_NAME);
        let signed = agent.is_some_and(|(_, agent)| agent.contains(JAVA));
        let session = FlightSession::new(session, client, opened);
        session.options.lock().signed = signed;
        session.note_connection(peer);
        tracing::debug!(user, connection_id = session.id(), address = %peer.address, "Flight SQL session begun");
        let sessions_max = self.settings.sessions_max;
        self.sessions.insert(digest, session, sessions_max).ok_or_else(|| {
            too_many(format!("{sessions_max} Flight SQL sessions are open; try again later"))
        })
    }
}

/// Checks a password: of a connection one after the other, of all together not too many. Once begun, a
/// check runs to its end and counts, also when its client has taken the call back.
async fn check(
    logins: &Arc<MysqlDoor>,
    at_once: &Arc<Semaphore>,
    login: PasswordLogin,
    peer: &Peer,
) -> std::result::Result<Account, LoginFailure> {
    let gone = |what: &'static str| LoginFailure::Unable(Error::internal(what));
    let one = peer.login.clone().acquire_owned().await;
    let one = one.map_err(|_| gone("the logins of a connection are closed"))?;
    logins.login_turn(login.address).await?;
    let place = at_once.clone().acquire_owned().await;
    let place = place.map_err(|_| gone("the logins are closed"))?;
    let logins = logins.clone();
    let checked = tokio::spawn(async move {
        let _held = (one, place);
        logins.log_in_by_password(login).await
    });
    checked.await.unwrap_or_else(|_| Err(gone("a login did not end")))
}

fn refusal(failure: LoginFailure, user: &str, peer: &Peer) -> Error {
    let host = peer.address.ip().to_canonical();
    match failure {
        LoginFailure::Denied => {
            not_authenticated(format!("access denied for user '{user}'@'{host}'"))
        }
        LoginFailure::Locked => not_authenticated(format!(
            "access denied for user '{user}'@'{host}': the account is locked"
        )),
        LoginFailure::TooManyWaiting => limit_exceeded(format!(
            "host '{host}' has logins waiting after failed ones; try again later"
        )),
        LoginFailure::Unable(error) => error,
    }
}

fn agent(headers: &MetadataMap) -> Option<&str> {
    headers.get("user-agent").and_then(|agent| agent.to_str().ok())
}

fn attributes(agent: Option<&str>) -> Arc<[(String, String)]> {
    let agent =
        agent.map(|agent| agent.chars().take(USER_AGENT_CHARACTERS_MAX).collect::<String>());
    agent.map(|agent| (CLIENT_NAME.to_owned(), agent)).into_iter().collect()
}

/// What stands behind the scheme in `authorization`.
fn presented<'a>(headers: &'a MetadataMap, scheme: &str) -> Option<&'a str> {
    let value = headers.get("authorization")?.to_str().ok()?;
    let (found, credentials) = value.split_once(' ')?;
    found.eq_ignore_ascii_case(scheme).then(|| credentials.trim())
}

fn basic(headers: &MetadataMap) -> Result<Basic> {
    let encoded = presented(headers, "basic").ok_or_else(|| {
        not_authenticated("Handshake takes a name and a password as `authorization: Basic ...`")
    })?;
    read_basic(encoded).ok_or_else(|| {
        Error::new(
            ErrorKind::AuthenticationFailed,
            format!(
                "what follows `Basic` is not `NAME:PASSWORD` in base64, of at most {BASIC_BYTES_MAX} bytes"
            ),
        )
    })
}

fn read_basic(encoded: &str) -> Option<Basic> {
    if encoded.len() > BASIC_BYTES_MAX * 4 / 3 + 4 {
        return None;
    }
    let decoded = BASE64.decode(encoded).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    let user = std::str::from_utf8(&decoded[..colon]).ok()?.to_owned();
    if user.len() > USER_BYTES_MAX {
        return None;
    }
    Some(Basic { user, password: decoded[colon + 1..].to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mysql::tests::fake::closed_door;
    use crate::mysql::{Encryption, PasswordVerifier};
    use proptest::prelude::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Denies once it is let.
    struct Hesitant {
        asked: Semaphore,
        may_answer: Semaphore,
        at_once: AtomicUsize,
        at_once_most: AtomicUsize,
    }

    #[async_trait::async_trait]
    impl PasswordVerifier for Hesitant {
        fn needs_clear_password(&self, _account: &Account) -> bool {
            false
        }

        async fn verify(&self, _account: &Account, _password: &[u8]) -> Result<bool> {
            let now = self.at_once.fetch_add(1, Ordering::AcqRel) + 1;
            self.at_once_most.fetch_max(now, Ordering::AcqRel);
            self.asked.add_permits(1);
            self.may_answer.acquire().await.expect("open").forget();
            self.at_once.fetch_sub(1, Ordering::AcqRel);
            Ok(false)
        }
    }

    fn wrong(peer: &Peer) -> PasswordLogin {
        PasswordLogin {
            user: "sha".to_owned(),
            password: b"wrong".to_vec(),
            address: peer.address,
            encryption: Encryption::None,
        }
    }

    /// As hyper drops a call whose client has reset its stream.
    #[tokio::test]
    async fn a_login_that_was_taken_back_counts_and_keeps_its_connections_turn() {
        let verifier = Arc::new(Hesitant {
            asked: Semaphore::new(0),
            may_answer: Semaphore::new(0),
            at_once: AtomicUsize::new(0),
            at_once_most: AtomicUsize::new(0),
        });
        let (logins, failed) = closed_door(verifier.clone());
        let peer = Peer::new(([127, 0, 0, 1], 1).into(), Encryption::None, None);
        let at_once = Arc::new(Semaphore::new(9));
        let first = check(&logins, &at_once, wrong(&peer), &peer);
        tokio::select! {
            _ = first => panic!("it was not answered"),
            asked = verifier.asked.acquire() => asked.expect("open").forget(),
        }
        // The first is dropped by now. The next of its connection waits for its end.
        verifier.may_answer.add_permits(2);
        let second = check(&logins, &at_once, wrong(&peer), &peer).await;
        assert!(matches!(second, Err(LoginFailure::Denied)));
        assert_eq!(failed.get(), 2);
        assert_eq!(verifier.at_once_most.load(Ordering::Acquire), 1);
    }

    /// Knows one password for all, whatever is stored.
    struct Directory;

    #[async_trait::async_trait]
    impl PasswordVerifier for Directory {
        fn needs_clear_password(&self, _account: &Account) -> bool {
            true
        }

        async fn verify(&self, _account: &Account, password: &[u8]) -> Result<bool> {
            Ok(password == b"of the directory")
        }
    }

    #[tokio::test]
    async fn a_directory_decides_about_accounts_without_a_password_too() {
        let (logins, _) = closed_door(Arc::new(Directory));
        let peer = Peer::new(([127, 0, 0, 1], 1).into(), Encryption::None, None);
        for (password, is_right) in [("of the directory", true), ("", false), ("x", false)] {
            let user = "open".to_owned();
            let login = PasswordLogin { user, password: password.into(), ..wrong(&peer) };
            let found = check(&logins, &Arc::new(Semaphore::new(1)), login, &peer).await;
            assert_eq!(found.is_ok(), is_right, "{password}");
        }
    }

    #[tokio::test]
    async fn no_password_opens_an_account_that_comes_by_tokens() {
        let (logins, failed) = closed_door(Arc::new(crate::mysql::StoredCredentials::default()));
        let peer = Peer::new(([127, 0, 0, 1], 1).into(), Encryption::None, None);
        for password in ["", "secret"] {
            let user = "token".to_owned();
            let login = PasswordLogin { user, password: password.into(), ..wrong(&peer) };
            let denied = check(&logins, &Arc::new(Semaphore::new(1)), login, &peer).await;
            assert!(matches!(denied, Err(LoginFailure::Denied)), "{password}");
        }
        assert_eq!(failed.get(), 2);
    }

    /// The example of RFC 7617, section 2.
    #[test]
    fn a_name_and_a_password_are_read() {
        for encoded in ["QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "QWxhZGRpbjpvcGVuIHNlc2FtZQ"] {
            let basic = read_basic(encoded).expect("read");
            assert_eq!(
                (basic.user.as_str(), &basic.password[..]),
                ("Aladdin", &b"open sesame"[..])
            );
        }
        let colons = read_basic(&BASE64.encode("a:b:c")).expect("read");
        assert_eq!((colons.user.as_str(), &colons.password[..]), ("a", &b"b:c"[..]));
        assert!(read_basic(&BASE64.encode("nobody")).is_none());
        assert!(read_basic(&BASE64.encode("x".repeat(2000) + ":")).is_none());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = read_basic(&text);
        }

        #[test]
        fn what_was_encoded_is_read(user in "[^:]{0,32}", password: Vec<u8>) {
            let mut plain = user.clone().into_bytes();
            plain.push(b':');
            plain.extend_from_slice(&password);
            if let Some(basic) = read_basic(&BASE64.encode(&plain)) {
                prop_assert_eq!(basic.user, user);
                prop_assert_eq!(basic.password, password);
            } else {
                prop_assert!(plain.len() > BASIC_BYTES_MAX - 4);
            }
        }
    }
}
