//! The key pair under which a client without TLS sends its password. It lives in memory only and
//! is made anew with each process.

use rsa::pkcs8::{EncodePublicKey, LineEnding};
use rsa::{Oaep, RsaPrivateKey};
use std::sync::Arc;
use tokio::sync::watch;

const KEY_BITS: usize = 2048;

#[derive(Debug)]
pub(super) struct KeyPair {
    private: RsaPrivateKey,
    public_pem: String,
}

impl KeyPair {
    fn generate() -> Result<Self, rsa::Error> {
        let private = RsaPrivateKey::new(&mut rand::thread_rng(), KEY_BITS)?;
        let public_pem = private
            .to_public_key()
            .to_public_key_pem(LineEnding::LF)
            .map_err(rsa::pkcs8::Error::from)?;
        Ok(Self { private, public_pem })
    }

    pub(super) fn public_pem(&self) -> &str {
        &self.public_pem
    }

    /// Takes about a millisecond of computing. `None` for what was not encrypted with this key.
    pub(super) fn decrypt(&self, ciphertext: &[u8]) -> Option<Vec<u8>> {
        self.private
            .decrypt_blinded(&mut rand::thread_rng(), Oaep::new::<sha1::Sha1>(), ciphertext)
            .ok()
    }
}

/// A key pair in the making, or made.
#[derive(Debug, Clone)]
pub(super) struct KeyPairSource(watch::Receiver<Option<Arc<KeyPair>>>);

impl KeyPairSource {
    /// Starts to make the key pair on a blocking thread of the current runtime.
    pub(super) fn start() -> Self {
        let (sender, receiver) = watch::channel(None);
        tokio::task::spawn_blocking(move || match KeyPair::generate() {
            Ok(pair) => {
                let _ = sender.send(Some(Arc::new(pair)));
            }
            Err(error) => tracing::error!(%error, "no RSA key for the MySQL door"),
        });
        Self(receiver)
    }

    /// Waits until the key pair is made; `None` when it could not be.
    pub(super) async fn get(&self) -> Option<Arc<KeyPair>> {
        let mut receiver = self.0.clone();
        let made = receiver.wait_for(Option::is_some).await.ok()?;
        made.clone()
    }
}
