//! How a password is proven: `mysql_native_password`, `caching_sha2_password`, and a change from one to another. The
//! password itself crosses the network inside TLS or under the server's RSA key alone.
//!
//! Source: MySQL Source Code Documentation, "Connection Phase", "Caching_sha2_password information".

use super::answers::{ServerError, is_error};
use super::cursor::Cursor;
use super::greeting::{Greeting, PACKET_MAX_BYTES};
use super::packets::Packets;
use crate::mysql::failure::Failure;
use mysql_common::auth::plugins::caching_sha2_password::scramble_sha256;
use mysql_common::auth::plugins::mysql_native_password::scramble_native;
use mysql_common::constants::CapabilityFlags;
use mysql_common::packets::{AuthPlugin, HandshakeResponse};
use mysql_common::proto::MySerialize;
use rsa::pkcs8::DecodePublicKey;
use rsa::{Oaep, RsaPublicKey};
use sha1::Sha1;

const NATIVE: &str = "mysql_native_password";
const CACHING_SHA2: &str = "caching_sha2_password";

/// The server's words within AuthMoreData, and our request.
const FAST_SUCCESS: u8 = 3;
const FULL_NEEDED: u8 = 4;
const PUBLIC_KEY_REQUEST: u8 = 2;

/// A server that goes on asking is none.
const STEPS_MAX: usize = 8;

/// Who logs in, and how.
#[derive(Clone, Copy)]
pub(crate) struct Login<'a> {
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
    pub(crate) is_encrypted: bool,
    /// Whether the password may go under a key that the server sends outside of TLS: anybody between us and
    /// the server could send one of its own.
    pub(crate) takes_public_key: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plugin {
    Native,
    CachingSha2,
}

impl Plugin {
    fn named(name: &str) -> Option<Self> {
        match name {
            NATIVE => Some(Self::Native),
            CACHING_SHA2 => Some(Self::CachingSha2),
            _ => None,
        }
    }

    fn of_client(self) -> AuthPlugin<'static> {
        match self {
            Self::Native => AuthPlugin::MysqlNativePassword,
            Self::CachingSha2 => AuthPlugin::CachingSha2Password,
        }
    }

    /// Nothing of an empty password.
    fn proof(self, nonce: &[u8], password: &str) -> Result<Vec<u8>, Failure> {
        let nonce: &[u8; 20] = nonce
            .first_chunk()
            .ok_or_else(|| Failure::malformed("a challenge that is too short"))?;
        let password = password.as_bytes();
        Ok(match self {
            Self::Native => scramble_native(nonce, password).map(Vec::from),
            Self::CachingSha2 => scramble_sha256(nonce, password).map(Vec::from),
        }
        .unwrap_or_default())
    }
}

/// Logs in; the packets are at the beginning of a command then.
///
/// # Errors
/// `Refused` with the server's own error; `Proof` for a way to prove a password that we do not go.
pub(crate) async fn authenticate(
    packets: &mut Packets,
    greeting: &Greeting,
    capabilities: CapabilityFlags,
    login: Login<'_>,
) -> Result<(), Failure> {
    // A plugin that we do not have may be the server's default and not the account's: it asks for another one then.
    let mut plugin = Plugin::named(&greeting.plugin).unwrap_or(Plugin::Native);
    let mut nonce = greeting.nonce.clone();
    let proof = plugin.proof(&nonce, login.password)?;
    packets.send(&response(capabilities, login.user, plugin, proof)).await?;
    for _ in 0..STEPS_MAX {
        let answer = packets.receive().await?;
        match answer.first() {
            Some(0) => return Ok(()),
            Some(0xFF) if is_error(answer) => {
                return Err(Failure::Refused(ServerError::read(answer)?));
            }
            Some(0xFE) => {
                let mut cursor = Cursor::new(&answer[1..]);
                let name = String::from_utf8_lossy(cursor.until_zero()).into_owned();
                nonce = cursor.rest().to_vec();
                plugin = Plugin::named(&name).ok_or_else(|| unknown_plugin(&name))?;
                let mut proof = plugin.proof(&nonce, login.password)?;
                if proof.is_empty() && plugin == Plugin::CachingSha2 {
                    // An empty packet is no answer to this plugin.
                    proof.push(0);
                }
                packets.send(&proof).await?;
            }
            Some(1) => match (plugin, answer.get(1)) {
                (Plugin::CachingSha2, Some(&FAST_SUCCESS)) => {}
                (Plugin::CachingSha2, Some(&FULL_NEEDED)) => {
                    send_password(packets, &nonce, login).await?;
                }
                _ => return Err(Failure::malformed("a question in the login that is none")),
            },
            _ => return Err(Failure::malformed("an answer to the login that is none")),
        }
    }
    Err(Failure::malformed("more questions in the login than there are"))
}

fn unknown_plugin(name: &str) -> Failure {
    let name = match name {
        "" => "mysql_old_password",
        name => name,
    };
    Failure::Proof(format!(
        "the server wants the authentication plugin `{name}` for `user`; there are `{CACHING_SHA2}` and `{NATIVE}`"
    ))
}

fn response(capabilities: CapabilityFlags, user: &str, plugin: Plugin, proof: Vec<u8>) -> Vec<u8> {
    let attributes = [
        ("program_name".to_owned(), "mooring".to_owned()),
        ("_client_version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
    ];
    let has_attributes = capabilities.contains(CapabilityFlags::CLIENT_CONNECT_ATTRS);
    let has_plugins = capabilities.contains(CapabilityFlags::CLIENT_PLUGIN_AUTH);
    let mut payload = Vec::new();
    HandshakeResponse::new(
        Some(proof),
        (8, 0, 36),
        Some(user.as_bytes()),
        None::<&[u8]>,
        has_plugins.then(|| plugin.of_client()),
        capabilities,
        has_attributes.then(|| attributes.into()),
        PACKET_MAX_BYTES,
    )
    .serialize(&mut payload);
    payload
}

/// The full proof: the password itself.
async fn send_password(
    packets: &mut Packets,
    nonce: &[u8],
    login: Login<'_>,
) -> Result<(), Failure> {
    let mut terminated = login.password.as_bytes().to_vec();
    terminated.push(0);
    if login.is_encrypted {
        return packets.send(&terminated).await;
    }
    if !login.takes_public_key {
        return Err(Failure::Proof(
            "the server wants the password itself, which goes over TLS only: set `tls` = `require`, or \
             `rsa_exchange` = `true` to send it under the key that the server names"
                .to_owned(),
        ));
    }
    packets.send(&[PUBLIC_KEY_REQUEST]).await?;
    let answer = packets.receive().await?;
    if is_error(answer) {
        return Err(Failure::Refused(ServerError::read(answer)?));
    }
    let key = answer.strip_prefix(&[1]).and_then(|pem| std::str::from_utf8(pem).ok());
    let key = key.and_then(|pem| RsaPublicKey::from_public_key_pem(pem.trim()).ok());
    let key = key.ok_or_else(|| Failure::malformed("a public key that is none"))?;
    for (byte, mask) in terminated.iter_mut().zip(nonce.iter().take(20).cycle()) {
        *byte ^= mask;
    }
    let encrypted = key
        .encrypt(&mut rand::thread_rng(), Oaep::new::<Sha1>(), &terminated)
        .map_err(|_| Failure::malformed("a public key that the password does not fit"))?;
    packets.send(&encrypted).await
}

#[cfg(test)]
mod tests {
    use super::super::greeting::{capabilities, tests::greeting};
    use super::*;
    use std::time::Duration;

    const LOGIN: Login<'_> =
        Login { user: "ana", password: "secret", is_encrypted: false, takes_public_key: false };

    /// What we answer to each of the server's packets, and how the login ends.
    async fn exchange(
        plugin: &str,
        login: Login<'static>,
        answers: Vec<Vec<u8>>,
    ) -> (Vec<Vec<u8>>, Result<(), Failure>) {
        let patience = Duration::from_secs(30);
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let greeting = Greeting::read(&greeting("8.0.36", plugin)).expect("a greeting");
        let server = tokio::spawn(async move {
            let mut server = Packets::new(Box::new(theirs), patience, 1 << 20).with_sequence(1);
            let mut received = Vec::new();
            for answer in answers {
                received.push(server.receive().await.expect("an answer").to_vec());
                server.send(&answer).await.expect("sent");
                if answer == [1, FAST_SUCCESS] {
                    server.send(OK).await.expect("sent");
                }
            }
            while let Ok(more) = server.receive().await {
                received.push(more.to_vec());
            }
            received
        });
        let mut client = Packets::new(Box::new(ours), patience, 1 << 20).with_sequence(1);
        let agreed = capabilities(greeting.capabilities);
        let ended = authenticate(&mut client, &greeting, agreed, login).await;
        drop(client);
        (server.await.expect("the server"), ended)
    }

    fn switch(plugin: &str) -> Vec<u8> {
        [b"\xFE", plugin.as_bytes(), b"\0abcdefghij0123456789\0"].concat()
    }

    const OK: &[u8] = &[0, 0, 0, 2, 0, 0, 0];

    /// The proofs were computed with Python's hashlib.
    #[tokio::test]
    async fn proofs_are_those_of_the_plugins() {
        let (sent, ended) = exchange(CACHING_SHA2, LOGIN, vec![switch(NATIVE), OK.to_vec()]).await;
        ended.expect("logged in");
        assert_eq!(
            sent[1],
            [
                0x99, 0xdb, 0x25, 0xcc, 0xb2, 0xa6, 0x25, 0xf0, 0xe7, 0xcf, 0x4c, 0xe2, 0xe8, 0x95,
                0xef, 0x96, 0x09, 0xdf, 0xe5, 0xe4
            ]
        );
        assert!(sent[0].windows(4).any(|window| window == b"ana\0"));

        let (sent, ended) = exchange(NATIVE, LOGIN, vec![switch(CACHING_SHA2), vec![1, 3]]).await;
        ended.expect("logged in");
        assert_eq!(
            sent[1],
            [
                0xbd, 0x7d, 0x89, 0xfc, 0x1c, 0x29, 0x70, 0x10, 0xda, 0x75, 0x3d, 0x08, 0x82, 0x2e,
                0x9e, 0x48, 0xd3, 0xea, 0xfb, 0xb6, 0xe6, 0x8e, 0x1f, 0x9b, 0x40, 0x3b, 0xe1, 0x2d,
                0xc5, 0x68, 0x7a, 0x40
            ]
        );
    }

    #[tokio::test]
    async fn a_password_goes_over_tls_only() {
        let full = vec![1, FULL_NEEDED];
        let encrypted = Login { is_encrypted: true, ..LOGIN };
        let (sent, ended) =
            exchange(CACHING_SHA2, encrypted, vec![full.clone(), OK.to_vec()]).await;
        ended.expect("logged in");
        assert_eq!(sent[1], b"secret\0");
        let (sent, ended) = exchange(CACHING_SHA2, LOGIN, vec![full]).await;
        assert!(matches!(ended, Err(Failure::Proof(_))), "{ended:?}");
        assert_eq!(sent.len(), 1);
    }

    #[tokio::test]
    async fn other_plugins_are_named() {
        for (asked, named) in [("client_ed25519", "`client_ed25519`"), ("", "`mysql_old_password`")]
        {
            let (_, ended) = exchange(NATIVE, LOGIN, vec![switch(asked)]).await;
            match ended {
                Err(Failure::Proof(why)) => assert!(why.contains(named), "{why}"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn an_empty_password_proves_nothing() {
        let empty = Login { password: "", ..LOGIN };
        let (sent, ended) = exchange(NATIVE, empty, vec![switch(CACHING_SHA2), OK.to_vec()]).await;
        ended.expect("logged in");
        assert_eq!(sent[1], [0]);
    }

    #[tokio::test]
    async fn questions_end() {
        let answers = vec![switch(NATIVE); STEPS_MAX];
        let (_, ended) = exchange(NATIVE, LOGIN, answers).await;
        assert!(matches!(ended, Err(Failure::Malformed(_))), "{ended:?}");
    }
}
