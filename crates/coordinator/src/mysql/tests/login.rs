//! Logins beyond the first and by other means: COM_CHANGE_USER, passwords in the clear, attributes.

use super::fake::Door;
use super::peer::{COMPRESSION, Peer, error, scramble};
use mysql_common::constants::CapabilityFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::{self, AuthPlugin, AuthSwitchRequest, HandshakeResponse};
use mysql_common::proto::{MyDeserialize, MySerialize};
use std::sync::atomic::Ordering;
use tokio::io::{AsyncRead, AsyncWrite};

fn change_user(user: &str, database: Option<&str>) -> Vec<u8> {
    let more = packets::ComChangeUserMoreData::new(46)
        .with_auth_plugin(Some(AuthPlugin::CachingSha2Password))
        .with_connect_attributes(Some([("pool".to_owned(), "7".to_owned())].into()));
    let mut payload = Vec::new();
    packets::ComChangeUser::new()
        .with_user(Some(user.as_bytes()))
        .with_auth_plugin_data(Some(&[1; 32][..]))
        .with_database(database.map(str::as_bytes))
        .with_more_data(Some(more))
        .serialize(&mut payload);
    payload
}

/// Answers a request to switch with `password`: the last packet.
pub(super) async fn follow_switch<S: AsyncRead + AsyncWrite + Unpin>(
    peer: &mut Peer<S>,
    request: &[u8],
    password: &str,
    is_encrypted: bool,
) -> Vec<u8> {
    let request = AuthSwitchRequest::deserialize((), &mut ParseBuf(request)).expect("a switch");
    let nonce = request.plugin_data();
    match request.auth_plugin() {
        AuthPlugin::MysqlNativePassword => {
            let proof = mysql_common::auth::plugins::mysql_native_password::scramble_native(
                nonce,
                password.as_bytes(),
            );
            peer.send(&proof.expect("a proof")).await;
            peer.answer().await
        }
        AuthPlugin::CachingSha2Password => {
            let nonce = nonce.strip_suffix(&[0]).unwrap_or(nonce);
            peer.send(&scramble(nonce, password).unwrap_or_default()).await;
            let answer = peer.answer().await;
            peer.prove_fully(answer, nonce, password, is_encrypted).await.0
        }
        AuthPlugin::MysqlClearPassword => {
            peer.send(&[password.as_bytes(), &[0]].concat()).await;
            peer.answer().await
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_user_is_changed_by_a_real_login() {
    let door = Door::open().await;
    let mut peer = Peer::open(&door).await;
    for (user, database) in [("native", None), ("sha", Some("tpch.tiny")), ("native", None)] {
        let request = peer.command(&change_user(user, database)).await;
        let answer = follow_switch(&mut peer, &request, "secret", false).await;
        assert_eq!(answer[0], 0, "{answer:?}");
        let client = door.behind.clients.lock().last().expect("a session").clone();
        assert_eq!((client.user.as_str(), client.connection_id), (user, 1));
        assert_eq!(client.attributes[..], [("pool".to_owned(), "7".to_owned())]);
        assert_eq!(door.behind.sessions.load(Ordering::Acquire), 1, "the old session is gone");
        assert_eq!(peer.command(b"\x0E").await[0], 0);
    }
    let answer = peer.command(&[b"\x11open\0\0\0".as_slice()].concat()).await;
    assert_eq!(answer[0], 0, "a login without password and the rest of the packet");
}

#[tokio::test]
async fn a_change_of_user_that_fails_ends_the_connection() {
    let door = Door::open().await;
    for (user, database, password, expected) in [
        ("native", None, "wrong", 1045),
        ("sha", None, "wrong", 1045),
        ("nobody", None, "secret", 1045),
        ("native", Some("nowhere"), "secret", 1049),
    ] {
        let mut peer = Peer::open(&door).await;
        let request = peer.command(&change_user(user, database)).await;
        let answer = follow_switch(&mut peer, &request, password, false).await;
        assert_eq!(error(&answer).0, expected, "{user}");
        assert_eq!(peer.receive().await, None);
    }
    let mut peer = Peer::open(&door).await;
    assert_eq!(error(&peer.command(b"\x11truncated").await).0, 1043);
    assert_eq!(peer.receive().await, None);
}

/// A proof that was made for an earlier login proves nothing again.
#[tokio::test]
async fn a_change_of_user_has_a_fresh_nonce() {
    let door = Door::open().await;
    let (mut peer, greeting) = Peer::connect(&door).await;
    let nonce = greeting.nonce();
    assert_eq!(peer.prove(&nonce, "sha", "secret", false).await.0[0], 0);
    let request = peer.command(&change_user("sha", None)).await;
    let request = AuthSwitchRequest::deserialize((), &mut ParseBuf(&request)).expect("a switch");
    assert_ne!(request.plugin_data()[..20], nonce[..]);
    peer.send(&scramble(&nonce, "secret").expect("a proof")).await;
    assert_eq!(peer.answer().await, [1, 4], "the old proof is not enough");
}

#[tokio::test]
async fn attributes_reach_the_session() {
    let door = Door::open().await;
    let (mut peer, _) = Peer::connect(&door).await;
    let mut payload = Vec::new();
    HandshakeResponse::new(
        None::<Vec<u8>>,
        (8, 0, 36),
        Some(&b"open"[..]),
        None::<&[u8]>,
        Some(AuthPlugin::CachingSha2Password),
        peer.capabilities.difference(COMPRESSION) | CapabilityFlags::CLIENT_CONNECT_ATTRS,
        Some([("program_name".to_owned(), "a test".to_owned())].into()),
        1 << 24,
    )
    .serialize(&mut payload);
    peer.send(&payload).await;
    assert_eq!(peer.answer().await[0], 0);
    let client = door.behind.clients.lock().last().expect("a session").clone();
    assert_eq!(client.attributes[..], [("program_name".to_owned(), "a test".to_owned())]);
}

/// Outside TLS a password in the clear is not looked at: the client is asked for a proof.
#[tokio::test]
async fn a_clear_password_is_not_taken_without_tls() {
    let door = Door::open().await;
    let (mut peer, _) = Peer::connect(&door).await;
    let plugin = AuthPlugin::MysqlClearPassword;
    let answer = peer.respond("sha", Some(b"secret\0".to_vec()), plugin, None).await;
    assert_eq!(&answer[..22], b"\xFEcaching_sha2_password");
}

/// What libmariadb sends while another of its threads loads plugins: it would go on after an OK.
#[tokio::test]
async fn a_client_of_an_unknown_plugin_is_asked_to_switch() {
    let door = Door::open().await;
    let (mut peer, _) = Peer::connect(&door).await;
    let plugin = AuthPlugin::Other(b"dummy_fallback_auth"[..].into());
    let answer = peer.respond("open", None, plugin, None).await;
    assert_eq!(&answer[..22], b"\xFEcaching_sha2_password");
    assert_eq!(follow_switch(&mut peer, &answer, "", false).await[0], 0, "OK");
}
