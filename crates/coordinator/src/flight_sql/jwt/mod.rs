//! Tokens that somebody else signs: a bearer token that is a JWT is taken when its signature, issuer,
//! audience and times are right, and stands for the account that one of its claims names.
//!
//! Source: RFC 7515 (JWS, compact form), RFC 7519 (JWT), RFC 7518 and RFC 8037 (algorithms). The
//! algorithm is the key's affair: which ones a key can do follows from its kind, so that no token
//! chooses a weaker one, and `none` and shared secrets are no algorithms here.
//!
//! Written here over `ring`, which TLS brings anyway: of `jsonwebtoken`, the versions that are kept
//! bring primitives of their own, and features that would have everything compile anew.

mod as_password;
mod keys;

pub(crate) use as_password::TokensAsPasswords;

use super::status::not_authenticated;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keys::{Key, KeyFile};
use mooring_spi::{Error, Result};
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Clocks differ by so much.
const LEEWAY: Duration = Duration::from_secs(60);

/// What a JWT must say. Comes from the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtSettings {
    /// A file with a JWK Set (RFC 7517, section 5). It is read again when it changes.
    pub keys: PathBuf,
    pub issuer: String,
    pub audience: String,
    /// The claim that is the user's name.
    pub user_claim: String,
}

/// Decides about tokens of one issuer.
#[derive(Debug)]
pub struct JwtVerifier {
    settings: JwtSettings,
    keys: KeyFile,
}

/// What a right token says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Proven {
    pub(super) user: String,
    pub(super) expires: SystemTime,
}

/// A token in its parts, of which nothing is known to be right.
struct Parts<'a> {
    algorithm: String,
    key_id: Option<String>,
    signed: &'a [u8],
    payload: Vec<u8>,
    signature: Vec<u8>,
}

/// Whether a token has the form of a JWT. Our own have no dots.
pub(super) fn is_jwt(token: &str) -> bool {
    token.bytes().filter(|byte| *byte == b'.').count() == 2
}

impl JwtVerifier {
    /// Reads the file of the keys: not for an I/O thread.
    ///
    /// # Errors
    /// `InvalidArgument`, naming the file: it cannot be read, or holds no key that can be used.
    pub fn load(settings: JwtSettings) -> Result<Arc<Self>> {
        let keys = KeyFile::load(settings.keys.clone())?;
        Ok(Arc::new(Self { settings, keys }))
    }

    /// # Errors
    /// `AuthenticationFailed`, which says what is wrong with the token.
    pub(super) async fn verify(self: &Arc<Self>, token: &str, now: SystemTime) -> Result<Proven> {
        let parts = parts(token).ok_or_else(|| wrong("it is not signed JSON in compact form"))?;
        let keys = self.keys.current().await;
        let is_signed = candidates(&keys, parts.key_id.as_deref())
            .any(|key| key.verifies(&parts.algorithm, parts.signed, &parts.signature));
        if !is_signed {
            return Err(wrong("no key of the issuer has signed it"));
        }
        self.proven(&parts.payload, now)
    }

    /// Checks the claims of a payload that was signed.
    fn proven(&self, payload: &[u8], now: SystemTime) -> Result<Proven> {
        let claims: Map<String, Value> =
            serde_json::from_slice(payload).map_err(|_| wrong("its claims are no JSON object"))?;
        let JwtSettings { issuer, audience, user_claim, .. } = &self.settings;
        if claims.get("iss").and_then(Value::as_str) != Some(issuer.as_str()) {
            return Err(wrong("it is of another issuer"));
        }
        if !names(claims.get("aud"), audience) {
            return Err(wrong("it is for another audience"));
        }
        let time = |name: &str| match claims.get(name) {
            None => Ok(None),
            Some(value) => numeric_date(value)
                .map(Some)
                .ok_or_else(|| wrong(&format!("its `{name}` is no time"))),
        };
        let expires = time("exp")?.ok_or_else(|| wrong("it has no `exp`"))?;
        if now >= later(expires) {
            return Err(wrong("it has expired"));
        }
        if time("nbf")?.is_some_and(|begins| later(now) < begins) {
            return Err(wrong("it does not hold yet"));
        }
        let user = claims.get(user_claim).and_then(Value::as_str).filter(|user| !user.is_empty());
        let user = user.ok_or_else(|| wrong(&format!("it has no claim `{user_claim}`")))?;
        Ok(Proven { user: user.to_owned(), expires })
    }
}

fn wrong(problem: &str) -> Error {
    not_authenticated(format!("the token is refused: {problem}"))
}

/// The keys that may have signed: the one that the token names, or all that have no name.
fn candidates<'a>(keys: &'a [Key], id: Option<&'a str>) -> impl Iterator<Item = &'a Key> {
    keys.iter().filter(move |key| id.is_none() || key.id.is_none() || key.id.as_deref() == id)
}

fn parts(token: &str) -> Option<Parts<'_>> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
    let header: Map<String, Value> = serde_json::from_slice(&decode(header)?).ok()?;
    // What is critical has to be understood (RFC 7515, section 4.1.11), and nothing is.
    if header.contains_key("crit") {
        return None;
    }
    let key_id = match header.get("kid") {
        None => None,
        Some(id) => Some(id.as_str()?.to_owned()),
    };
    Some(Parts {
        algorithm: header.get("alg")?.as_str()?.to_owned(),
        key_id,
        signed: signed.as_bytes(),
        payload: decode(payload)?,
        signature: decode(signature)?,
    })
}

/// Whether the claim, a text or a list of them, names `wanted`.
fn names(claim: Option<&Value>, wanted: &str) -> bool {
    match claim {
        Some(Value::String(one)) => one == wanted,
        Some(Value::Array(many)) => many.iter().any(|one| one.as_str() == Some(wanted)),
        _ => false,
    }
}

/// Seconds since 1970 (RFC 7519, section 2, "NumericDate"), whose fractions are cut.
fn numeric_date(value: &Value) -> Option<SystemTime> {
    let seconds = match value.as_u64() {
        Some(seconds) => seconds,
        None => {
            let seconds = value.as_f64().filter(|seconds| (0.0..1e15).contains(seconds))?;
            Duration::try_from_secs_f64(seconds).ok()?.as_secs()
        }
    };
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

fn later(time: SystemTime) -> SystemTime {
    time.checked_add(LEEWAY).unwrap_or(time)
}

#[cfg(test)]
mod tests;
