//! From a socket to a session: the question for TLS, and the proof of the password. It crosses the network in clear text
//! inside TLS alone, whatever the server asks for: who took the server's place, or its port, would have it.
//!
//! Source: PostgreSQL's manual, 55.2.1 "Start-up", 55.2.10 "SSL Session Encryption", 55.3 "SASL Authentication".

use super::answers::ServerError;
use super::cursor::{Cursor, corrupt};
use super::messages::{Kind, Messages};
use crate::database::{ByteStream, WireError};
use crate::postgresql::failure::Failure;
use bytes::BytesMut;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::frontend;
use std::fmt;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// `Authentication` messages.
const OK: i32 = 0;
const CLEAR_TEXT: i32 = 3;
const MD5: i32 = 5;
const SASL: i32 = 10;
const SASL_CONTINUE: i32 = 11;
const SASL_FINAL: i32 = 12;

/// Who logs in, and how.
#[derive(Clone, Copy)]
pub(crate) struct Login<'a> {
    pub(crate) user: &'a str,
    pub(crate) database: &'a str,
    pub(crate) password: Option<&'a str>,
    pub(crate) is_encrypted: bool,
}

/// What the server says of itself at the end of a login.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Session {
    /// For who wants to cancel its statement: the process and a secret. Some servers have none.
    pub(crate) key: Option<(i32, i32)>,
    pub(crate) server_version: String,
}

/// Why the first words of a server end the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It wants the password in clear text.
    ClearText,
    /// It has an error where it is to say whether it has TLS.
    NoTls,
    /// It speaks another protocol.
    Stranger,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unfit::ClearText => {
                "the login fails: the server asks for the password in clear text, and the connection is not under TLS; \
                 set `tls` to `verify-full`, or have the server ask for `scram-sha-256`"
            }
            Unfit::NoTls => {
                "the server answers the request for TLS by an error: it has none, and `tls` = `disable` does without it, or it \
                 cannot take another connection"
            }
            Unfit::Stranger => {
                "the server is there and does not speak PostgreSQL's protocol; is `port` that of another one?"
            }
        })
    }
}

/// Asks whether the server has TLS. Its answer is one byte; what comes behind it is left to the handshake.
///
/// # Errors
/// `Unfit`, `Lost`, `Silent`.
pub(crate) async fn ask_for_tls(
    stream: &mut dyn ByteStream,
    silence: Duration,
) -> Result<bool, Failure> {
    let mut request = BytesMut::new();
    frontend::ssl_request(&mut request);
    let answered = async {
        stream.write_all(&request).await?;
        stream.flush().await?;
        stream.read_u8().await
    };
    let answer = timeout(silence, answered).await.map_err(|_| WireError::Silent(silence))?;
    match answer.map_err(WireError::Lost)? {
        b'S' => Ok(true),
        b'N' => Ok(false),
        // The head of an error. What goes on after it is not believed: it may ask for the password.
        b'E' => Err(Failure::Unfit(Unfit::NoTls)),
        _ => Err(Failure::Unfit(Unfit::Stranger)),
    }
}

/// Begins a session; the messages are at the beginning of a statement then.
///
/// # Errors
/// `Refused` with the server's own error; `Proof` for a way to prove a password that we do not go.
pub(crate) async fn log_in(messages: &mut Messages, login: Login<'_>) -> Result<Session, Failure> {
    let mut start = BytesMut::new();
    let parameters = [
        ("client_encoding", "UTF8"),
        ("user", login.user),
        ("database", login.database),
        ("application_name", "mooring"),
    ];
    frontend::startup_message(parameters, &mut start).map_err(unwritable)?;
    messages.send(&start).await?;
    match messages.peek().await? {
        Kind::ErrorResponse => {
            if let Some(text) = messages.bare_error().await? {
                let problem = format!("the database cannot take another connection: {text}");
                return Err(Failure::Unreachable(problem));
            }
        }
        Kind::Authentication | Kind::Aside => {}
        _ => return Err(Failure::Unfit(Unfit::Stranger)),
    }
    authenticate(messages, login).await?;
    let mut session = Session::default();
    loop {
        match messages.next().await? {
            Kind::BackendKeyData => {
                let mut body = Cursor::new(messages.body());
                session.key = Some((body.i32()?, body.i32()?));
            }
            Kind::ParameterStatus => {
                let mut body = Cursor::new(messages.body());
                if body.until_zero()? == b"server_version" {
                    session.server_version =
                        String::from_utf8_lossy(body.until_zero()?).into_owned();
                }
            }
            Kind::Aside => {}
            Kind::ReadyForQuery => return Ok(session),
            kind => return Err(unexpected(kind, messages)),
        }
    }
}

/// One request of the server, and its word that the answer is right.
async fn authenticate(messages: &mut Messages, login: Login<'_>) -> Result<(), Failure> {
    let mut body = Cursor::new(next(messages).await?);
    let mut answer = BytesMut::new();
    match body.i32()? {
        OK => return Ok(()),
        CLEAR_TEXT if !login.is_encrypted => return Err(Failure::Unfit(Unfit::ClearText)),
        CLEAR_TEXT => {
            frontend::password_message(password(login)?, &mut answer).map_err(unwritable)?;
        }
        MD5 => {
            let salt = body.array()?;
            let proof = md5_hash(login.user.as_bytes(), password(login)?, salt);
            frontend::password_message(proof.as_bytes(), &mut answer).map_err(unwritable)?;
        }
        SASL => {
            if !offers_scram(body)? {
                return Err(unknown_way("a way of SASL"));
            }
            return scram(messages, login).await;
        }
        way => return Err(unknown_way(&format!("way {way}"))),
    }
    messages.send(&answer).await?;
    expect(messages, OK).await.map(drop)
}

/// Whether `SCRAM-SHA-256` is among the names.
fn offers_scram(mut names: Cursor<'_>) -> Result<bool, Failure> {
    loop {
        match names.until_zero()? {
            b"" => return Ok(false),
            name if name == SCRAM_SHA_256.as_bytes() => return Ok(true),
            _ => {}
        }
    }
}

async fn scram(messages: &mut Messages, login: Login<'_>) -> Result<(), Failure> {
    let not_proven = |error: std::io::Error| Failure::Proof(format!("the login fails: {error}"));
    let mut scram = ScramSha256::new(password(login)?, ChannelBinding::unsupported());
    let mut answer = BytesMut::new();
    frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), &mut answer)
        .map_err(unwritable)?;
    messages.send(&answer).await?;
    scram.update(expect(messages, SASL_CONTINUE).await?).map_err(not_proven)?;
    answer.clear();
    frontend::sasl_response(scram.message(), &mut answer).map_err(unwritable)?;
    messages.send(&answer).await?;
    scram.finish(expect(messages, SASL_FINAL).await?).map_err(not_proven)?;
    expect(messages, OK).await.map(drop)
}

/// What an `Authentication` message of a kind has behind the kind.
async fn expect(messages: &mut Messages, kind: i32) -> Result<&[u8], Failure> {
    let mut body = Cursor::new(next(messages).await?);
    match body.i32()? {
        found if found == kind => Ok(body.rest()),
        _ => Err(corrupt("the login goes another way than it began").into()),
    }
}

/// The body of the next `Authentication` message.
async fn next(messages: &mut Messages) -> Result<&[u8], Failure> {
    loop {
        match messages.next().await? {
            Kind::Authentication => return Ok(messages.body()),
            Kind::Aside => {}
            kind => return Err(unexpected(kind, messages)),
        }
    }
}

fn unexpected(kind: Kind, messages: &Messages) -> Failure {
    match kind {
        Kind::ErrorResponse => match ServerError::read(messages.body()) {
            Ok(error) => Failure::Refused(error),
            Err(error) => error.into(),
        },
        kind => kind.misplaced(),
    }
}

fn password(login: Login<'_>) -> Result<&[u8], Failure> {
    let missing = "the login fails: the database asks for a password, and there is no `password`";
    login.password.map(str::as_bytes).ok_or_else(|| Failure::Proof(missing.to_owned()))
}

fn unknown_way(way: &str) -> Failure {
    Failure::Proof(format!(
        "the login fails: the server asks for a proof that is not known here ({way}); have it ask for `scram-sha-256`"
    ))
}

/// A zero byte ends texts.
fn unwritable(_error: std::io::Error) -> Failure {
    Failure::Proof("the login fails: `user`, `database` or `password` has a zero byte".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);
    const CLEAR_TEXT_REQUEST: [u8; 9] = [b'R', 0, 0, 0, 8, 0, 0, 0, 3];
    const READY: &[u8] = b"R\0\0\0\x08\0\0\0\0S\0\0\0\x18server_version\x0015.4\0K\0\0\0\x0c\0\0\0\x01\0\0\0\x02Z\0\0\0\x05I";

    /// A login at a server that says this whatever it is told; all that it was told with it.
    async fn logged_in(says: &[u8], is_encrypted: bool) -> (Result<Session, Failure>, Vec<u8>) {
        let (ours, mut theirs) = tokio::io::duplex(4096);
        theirs.write_all(says).await.expect("written");
        let mut messages = Messages::new(Box::new(ours), PATIENCE);
        let login = Login { user: "u", database: "d", password: Some("secret"), is_encrypted };
        let outcome = log_in(&mut messages, login).await;
        drop(messages);
        let mut told = Vec::new();
        theirs.read_to_end(&mut told).await.expect("read");
        (outcome, told)
    }

    fn has_secret(told: &[u8]) -> bool {
        told.windows(6).any(|window| window == b"secret")
    }

    #[tokio::test]
    async fn a_password_in_clear_text_goes_under_tls_alone() {
        let (outcome, told) = logged_in(&CLEAR_TEXT_REQUEST, false).await;
        assert!(matches!(outcome, Err(Failure::Unfit(Unfit::ClearText))));
        assert!(!has_secret(&told));
        // Nor when it is asked for behind something else.
        let notice = b"N\0\0\0\x05\0";
        let (outcome, told) = logged_in(&[&notice[..], &CLEAR_TEXT_REQUEST].concat(), false).await;
        assert!(matches!(outcome, Err(Failure::Unfit(Unfit::ClearText))));
        assert!(!has_secret(&told));
        let md5 = [b'R', 0, 0, 0, 12, 0, 0, 0, 5, 1, 2, 3, 4];
        let (outcome, told) = logged_in(&[&md5[..], &CLEAR_TEXT_REQUEST].concat(), false).await;
        assert!(outcome.is_err() && !has_secret(&told));
        let (outcome, told) = logged_in(&[&CLEAR_TEXT_REQUEST, READY].concat(), true).await;
        let session = Session { key: Some((1, 2)), server_version: "15.4".to_owned() };
        assert_eq!(outcome.expect("a session"), session);
        assert!(has_secret(&told));
    }

    /// The greeting of MySQL, and the answers of a web server and of Redis.
    #[tokio::test]
    async fn other_protocols_are_told_by_their_first_byte() {
        for first in
            [&b"\x4a\0\0\0\x0a8.4.3"[..], b"HTTP/1.1 400 Bad Request", b"-ERR unknown command"]
        {
            let (outcome, _) = logged_in(first, false).await;
            assert!(matches!(outcome, Err(Failure::Unfit(Unfit::Stranger))), "{first:?}");
            let (mut ours, mut theirs) = tokio::io::duplex(4096);
            theirs.write_all(first).await.expect("written");
            let outcome = ask_for_tls(&mut ours, PATIENCE).await;
            assert!(matches!(outcome, Err(Failure::Unfit(Unfit::Stranger))), "{first:?}");
        }
    }

    #[tokio::test]
    async fn the_answer_about_tls_is_one_byte() {
        for (says, expected) in [(b"S", Some(true)), (b"N", Some(false)), (b"E", None)] {
            let (mut ours, mut theirs) = tokio::io::duplex(4096);
            theirs.write_all(says).await.expect("written");
            match (ask_for_tls(&mut ours, PATIENCE).await, expected) {
                (Ok(has_tls), Some(expected)) => assert_eq!(has_tls, expected),
                (Err(Failure::Unfit(Unfit::NoTls)), None) => {}
                (other, _) => panic!("{says:?}: {other:?}"),
            }
        }
    }

    /// A server that does not know the password cannot say that the proof was right.
    #[tokio::test]
    async fn the_server_proves_itself() {
        let offer = b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0";
        let (ours, mut theirs) = tokio::io::duplex(4096);
        let server = tokio::spawn(async move {
            theirs.write_all(offer).await.expect("written");
            let mut told = Vec::new();
            // `n,,n=,r=NONCE` ends the first answer.
            let nonce = loop {
                let read = theirs.read_buf(&mut told).await.expect("read");
                assert!(read > 0, "closed");
                let text = String::from_utf8_lossy(&told).into_owned();
                if let Some((_, nonce)) = text.split_once(",r=") {
                    break nonce.to_owned();
                }
            };
            let message = |kind: u8, text: &str| {
                let length = u32::try_from(text.len() + 8).expect("short");
                let header = [&b"R"[..], &length.to_be_bytes(), &[0, 0, 0, kind]].concat();
                [&header[..], text.as_bytes()].concat()
            };
            let challenge = message(11, &format!("r={nonce}x,s=c2FsdA==,i=4096"));
            theirs.write_all(&challenge).await.expect("written");
            let wrong = message(12, "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
            theirs.write_all(&[&wrong, READY].concat()).await.expect("written");
            theirs
        });
        let mut messages = Messages::new(Box::new(ours), PATIENCE);
        let login =
            Login { user: "u", database: "d", password: Some("secret"), is_encrypted: false };
        let outcome = log_in(&mut messages, login).await;
        server.await.expect("a server");
        let Err(Failure::Proof(why)) = outcome else { panic!("{outcome:?}") };
        assert!(why.contains("SCRAM"), "{why}");
    }

    #[tokio::test]
    async fn an_error_is_the_servers() {
        let error = b"E\0\0\0\x25SFATAL\0VFATAL\0C3D000\0Mnone such\0\0";
        let (outcome, _) = logged_in(error, false).await;
        let Err(Failure::Refused(refused)) = outcome else { panic!("{outcome:?}") };
        assert_eq!(refused.code, "3D000");
        // What a server says that cannot begin a process for us has no length.
        let (outcome, _) =
            logged_in(b"Ecould not fork new process for connection\n\0", false).await;
        let Err(Failure::Unreachable(why)) = outcome else { panic!("{outcome:?}") };
        assert!(why.contains("could not fork new process"), "{why}");
    }
}
