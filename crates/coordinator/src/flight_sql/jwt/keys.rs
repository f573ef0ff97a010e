//! The public keys of an issuer, out of a file that somebody keeps: rotated keys are there when the
//! file says so, without a restart.
//!
//! Source: RFC 7517 (JWK Set), RFC 7518, section 6 (RSA, elliptic curves), RFC 8037 (Ed25519).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mooring_spi::{Error, ErrorKind, Result};
use parking_lot::Mutex;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};
use serde::Deserialize;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// How old the knowledge of the file may be.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Keys that are tried: an issuer has a few.
const KEYS_MAX: usize = 64;

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

/// One key as it is written. Members that are not here are ignored, as the specification wants.
#[derive(Deserialize)]
struct WrittenKey {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Debug)]
pub(super) struct Key {
    pub(super) id: Option<String>,
    /// The only algorithm that it is for.
    algorithm: Option<String>,
    public: PublicKey,
}

#[derive(Debug)]
enum PublicKey {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// Uncompressed points: 4, x, y (SEC 1, section 2.3.3).
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl Key {
    /// `None` for a key that signs nothing which is taken here.
    fn read(value: serde_json::Value) -> Option<Self> {
        let written: WrittenKey = serde_json::from_value(value).ok()?;
        if written.purpose.as_deref().is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let bytes = |part: &Option<String>| URL_SAFE_NO_PAD.decode(part.as_deref()?).ok();
        let point = |length: usize| {
            let (x, y) = (bytes(&written.x)?, bytes(&written.y)?);
            let fits = x.len() == length && y.len() == length;
            fits.then(|| [vec![4], x, y].concat())
        };
        let public = match (written.kty.as_str(), written.crv.as_deref()) {
            ("RSA", _) => PublicKey::Rsa { n: bytes(&written.n)?, e: bytes(&written.e)? },
            ("EC", Some("P-256")) => PublicKey::P256(point(32)?),
            ("EC", Some("P-384")) => PublicKey::P384(point(48)?),
            ("OKP", Some("Ed25519")) => PublicKey::Ed25519(bytes(&written.x)?),
            _ => return None,
        };
        Some(Self { id: written.kid, algorithm: written.alg, public })
    }

    /// Whether `signature` is this key's, by an algorithm that it can do.
    pub(super) fn verifies(&self, algorithm: &str, signed: &[u8], signature: &[u8]) -> bool {
        if self.algorithm.as_deref().is_some_and(|only| only != algorithm) {
            return false;
        }
        let point = |with: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(with, key).verify(signed, signature).is_ok()
        };
        match (&self.public, algorithm) {
            (PublicKey::Rsa { n, e }, _) => rsa(algorithm).is_some_and(|with| {
                RsaPublicKeyComponents { n, e }.verify(with, signed, signature).is_ok()
            }),
            (PublicKey::P256(key), "ES256") => point(&ECDSA_P256_SHA256_FIXED, key),
            (PublicKey::P384(key), "ES384") => point(&ECDSA_P384_SHA384_FIXED, key),
            (PublicKey::Ed25519(key), "EdDSA" | "Ed25519") => point(&ED25519, key),
            (PublicKey::P256(_) | PublicKey::P384(_) | PublicKey::Ed25519(_), _) => false,
        }
    }
}

fn rsa(algorithm: &str) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        "RS256" => &RSA_PKCS1_2048_8192_SHA256,
        "RS384" => &RSA_PKCS1_2048_8192_SHA384,
        "RS512" => &RSA_PKCS1_2048_8192_SHA512,
        "PS256" => &RSA_PSS_2048_8192_SHA256,
        "PS384" => &RSA_PSS_2048_8192_SHA384,
        "PS512" => &RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

/// The usable keys in a JWK Set.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read_keys(text: &[u8]) -> std::result::Result<Vec<Key>, String> {
    let set: KeySet =
        serde_json::from_slice(text).map_err(|error| format!("it holds no JWK Set: {error}"))?;
    let keys: Vec<Key> = set.keys.into_iter().take(KEYS_MAX).filter_map(Key::read).collect();
    match keys.is_empty() {
        true => Err("it holds no RSA, P-256, P-384 or Ed25519 key for signatures".to_owned()),
        false => Ok(keys),
    }
}

/// The file, and what it said last.
#[derive(Debug)]
pub(super) struct KeyFile {
    path: PathBuf,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    keys: Arc<Vec<Key>>,
    /// What the file was like when it was read last, whether it was good or not.
    stamp: Stamp,
    checked: Instant,
}

type Stamp = Option<(SystemTime, u64)>;

impl KeyFile {
    /// # Errors
    /// `InvalidArgument`, naming the file.
    pub(super) fn load(path: PathBuf) -> Result<Self> {
        let stamp = stamp(&path);
        let keys = read_file(&path)?;
        let current = Current { keys: Arc::new(keys), stamp, checked: Instant::now() };
        Ok(Self { path, current: Mutex::new(current) })
    }

    /// The keys as the file has them by now. A file that has become unusable leaves them as they
    /// were.
    pub(super) async fn current(&self) -> Arc<Vec<Key>> {
        let due = {
            let mut current = self.current.lock();
            let is_due = current.checked.elapsed() >= CHECK_INTERVAL;
            if is_due {
                // Others need not look meanwhile.
                current.checked = Instant::now();
            }
            is_due.then(|| (self.path.clone(), current.stamp))
        };
        if let Some((path, known)) = due {
            let read = tokio::task::spawn_blocking(move || changed(&path, known)).await;
            // A panic in there leaves what was.
            if let Ok(Some((stamp, keys))) = read {
                self.replace(stamp, keys);
            }
        }
        self.current.lock().keys.clone()
    }

    fn replace(&self, stamp: Stamp, keys: Result<Vec<Key>>) {
        let mut current = self.current.lock();
        // Also of a bad file, so that it is told of once.
        current.stamp = stamp;
        match keys {
            Ok(keys) => {
                tracing::info!(path = %self.path.display(), keys = keys.len(), "keys of tokens read again");
                current.keys = Arc::new(keys);
            }
            Err(error) => {
                tracing::error!(%error, "the changed keys of tokens are unusable; the old ones stay in use");
            }
        }
    }
}

fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// What a file says that is not as it was known.
fn changed(path: &Path, known: Stamp) -> Option<(Stamp, Result<Vec<Key>>)> {
    let now = stamp(path);
    (now != known).then(|| (now, read_file(path)))
}

fn read_file(path: &Path) -> Result<Vec<Key>> {
    let unusable = |problem: String| {
        Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "`coordinator.flight_sql.jwt_keys` (`{}`) is unusable: {problem}",
                path.display()
            ),
        )
    };
    let file = std::fs::File::open(path).map_err(|error| unusable(error.to_string()))?;
    let mut text = Vec::new();
    file.take(FILE_BYTES_MAX)
        .read_to_end(&mut text)
        .map_err(|error| unusable(error.to_string()))?;
    read_keys(&text).map_err(unusable)
}
