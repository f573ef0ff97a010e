use super::keys::read_keys;
use super::*;
use crate::mysql::tests::folder::Folder;
use mooring_spi::ErrorKind;
use proptest::prelude::*;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::json;

fn key_pair() -> Ed25519KeyPair {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
    Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("a key")
}

fn key_set(pairs: &[(&str, &Ed25519KeyPair)]) -> String {
    let keys = pairs.iter().map(|(id, pair)| {
        let x = URL_SAFE_NO_PAD.encode(pair.public_key());
        json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "use": "sig", "x": x})
    });
    json!({"keys": keys.collect::<Vec<_>>()}).to_string()
}

fn token(pair: &Ed25519KeyPair, header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = URL_SAFE_NO_PAD.encode(pair.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

struct Issuer {
    pair: Ed25519KeyPair,
    folder: Folder,
    verifier: Arc<JwtVerifier>,
}

impl Issuer {
    fn new() -> Self {
        let (pair, folder) = (key_pair(), Folder::new());
        let keys = folder.path().join("keys.json");
        std::fs::write(&keys, key_set(&[("one", &pair)])).expect("written");
        let verifier = JwtVerifier::load(JwtSettings {
            keys,
            issuer: "https://issuer".to_owned(),
            audience: "mooring".to_owned(),
            user_claim: "sub".to_owned(),
        });
        Self { pair, folder, verifier: verifier.expect("keys") }
    }

    async fn verify(&self, header: &Value, claims: &Value) -> Result<Proven> {
        self.verifier.verify(&token(&self.pair, header, claims), now()).await
    }
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn header() -> Value {
    json!({"alg": "EdDSA", "kid": "one"})
}

fn claims() -> Value {
    json!({"iss": "https://issuer", "aud": "mooring", "sub": "ana", "exp": 1_800_000_100})
}

#[tokio::test]
async fn a_right_token_is_its_users() {
    let issuer = Issuer::new();
    let expires = now() + Duration::from_secs(100);
    let expected = Proven { user: "ana".to_owned(), expires };
    assert_eq!(issuer.verify(&header(), &claims()).await.expect("proven"), expected);
    let mut several = claims();
    several["aud"] = json!(["other", "mooring"]);
    several["exp"] = json!(1_800_000_100.5);
    assert_eq!(issuer.verify(&json!({"alg": "EdDSA"}), &several).await.expect("proven"), expected);
}

/// By RFC 7519, section 4.1, and RFC 7515, sections 4.1.1 and 4.1.11.
#[tokio::test]
async fn wrong_claims_are_refused() {
    let issuer = Issuer::new();
    for (claim, value) in [
        ("iss", json!("https://other")),
        ("iss", json!(null)),
        ("aud", json!("other")),
        ("aud", json!(["other"])),
        ("aud", json!(7)),
        ("exp", json!(1_799_999_000)),
        ("exp", json!("1800000100")),
        ("exp", json!(-1)),
        ("exp", json!(null)),
        ("nbf", json!(1_800_000_090)),
        ("nbf", json!("now")),
        ("sub", json!("")),
        ("sub", json!(["ana"])),
    ] {
        let mut changed = claims();
        changed[claim] = value.clone();
        let refused = issuer.verify(&header(), &changed).await.expect_err(claim);
        assert_eq!(refused.kind(), ErrorKind::AuthenticationFailed, "{claim} {value}");
    }
    for header in [
        json!({"alg": "none"}),
        json!({"alg": "HS256", "kid": "one"}),
        json!({"alg": "RS256", "kid": "one"}),
        json!({"alg": "EdDSA", "kid": "two"}),
        json!({"alg": "EdDSA", "kid": "one", "crit": ["exp"]}),
        json!({"kid": "one"}),
    ] {
        assert!(issuer.verify(&header, &claims()).await.is_err(), "{header}");
    }
}

#[tokio::test]
async fn another_key_or_a_changed_text_is_refused() {
    let issuer = Issuer::new();
    let forged = token(&key_pair(), &header(), &claims());
    assert!(issuer.verifier.verify(&forged, now()).await.is_err());
    let right = token(&issuer.pair, &header(), &claims());
    let mut other = claims();
    other["sub"] = json!("root");
    let other = token(&issuer.pair, &header(), &other);
    let mixed = [right.split('.').next(), other.split('.').nth(1), right.split('.').nth(2)];
    let mixed = mixed.map(|part| part.expect("a part")).join(".");
    assert!(issuer.verifier.verify(&mixed, now()).await.is_err());
}

#[test]
fn changed_files_are_seen() {
    let issuer = Issuer::new();
    let path = issuer.folder.path().join("keys.json");
    std::fs::write(&path, "{}").expect("written");
    assert!(JwtVerifier::load(issuer.verifier.settings.clone()).is_err());
    let pair = key_pair();
    std::fs::write(&path, key_set(&[("two", &pair), ("one", &issuer.pair)])).expect("written");
    let keys = read_keys(&std::fs::read(&path).expect("read")).expect("keys");
    let ids: Vec<_> = keys.iter().map(|key| key.id.as_deref()).collect();
    assert_eq!(ids, [Some("two"), Some("one")]);
}

/// RFC 7515, appendix A.3.
#[test]
fn the_example_of_the_specification_is_right() {
    let set = json!({"keys": [
        {"kty": "oct", "k": "AAAA"},
        {
            "kty": "EC", "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        },
    ]});
    let keys = read_keys(set.to_string().as_bytes()).expect("keys");
    let example = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
                   cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8IS\
                   lSApmWQxfKTUJqPP3-Kg6NU1Q";
    let parts = parts(example).expect("parts");
    let [key] = &keys[..] else { unreachable!("one key") };
    assert!(key.verifies("ES256", parts.signed, &parts.signature));
    assert!(!key.verifies("ES384", parts.signed, &parts.signature));
    assert!(!key.verifies("ES256", b"other", &parts.signature));
}

proptest! {
    #[test]
    fn any_text_is_a_token_or_refused(text: String) {
        let _ = parts(&text);
    }

    #[test]
    fn any_json_in_the_form_of_a_token_is_read_or_refused(header: String, payload: Vec<u8>) {
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let _ = parts(&format!("{}.{}.", part(header.as_bytes()), part(&payload)));
    }

    #[test]
    fn any_bytes_are_keys_or_refused(bytes: Vec<u8>) {
        let _ = read_keys(&bytes);
    }
}
