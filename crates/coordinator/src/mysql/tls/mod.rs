//! TLS of the MySQL door: what it offers, from which files, and what a client's certificate says.

mod certificate_name;
mod files;
mod self_signed;

pub(crate) use certificate_name::peer_certificate;
pub use files::TlsFiles;
pub use self_signed::self_signed;

use files::Stamp;
use mooring_spi::Result;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_rustls::TlsAcceptor;

/// How old the knowledge of the files may be when a client asks for TLS.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// The door's side of TLS. It follows its files: a client that comes after they have changed meets
/// what they say, and connections that are open stay as they are.
pub struct Tls {
    files: TlsFiles,
    check_interval: Duration,
    current: Mutex<Current>,
}

struct Current {
    acceptor: TlsAcceptor,
    /// What the files were like when they were read last, whether they were good or not.
    stamp: Stamp,
    checked: Instant,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads files: not for an I/O thread.
    ///
    /// # Errors
    /// `InvalidArgument`, naming the setting and the file: it cannot be read, holds nothing of the
    /// kind, or key and certificate do not fit each other.
    pub fn load(files: TlsFiles) -> Result<Arc<Self>> {
        Self::load_checking(files, CHECK_INTERVAL)
    }

    fn load_checking(files: TlsFiles, check_interval: Duration) -> Result<Arc<Self>> {
        let stamp = files.stamp();
        let acceptor = TlsAcceptor::from(files.server_config()?);
        let current = Mutex::new(Current { acceptor, stamp, checked: Instant::now() });
        Ok(Arc::new(Self { files, check_interval, current }))
    }

    /// What new clients meet. Files that have become unusable leave it as it was.
    pub(crate) async fn acceptor(self: &Arc<Self>) -> TlsAcceptor {
        let is_due = {
            let mut current = self.current.lock();
            let is_due = current.checked.elapsed() >= self.check_interval;
            if is_due {
                // Others need not check meanwhile.
                current.checked = Instant::now();
            }
            is_due
        };
        if is_due {
            let this = self.clone();
            // A panic in there leaves what was.
            let _ = tokio::task::spawn_blocking(move || this.reload()).await;
        }
        self.current.lock().acceptor.clone()
    }

    fn reload(&self) {
        let stamp = self.files.stamp();
        if self.current.lock().stamp == stamp {
            return;
        }
        let read = self.files.server_config();
        let mut current = self.current.lock();
        // Also of bad files, so that they are told of once.
        current.stamp = stamp;
        match read {
            Ok(config) => {
                current.acceptor = TlsAcceptor::from(config);
                tracing::info!(files = ?self.files, "TLS files of the MySQL door read again");
            }
            Err(error) => {
                tracing::error!(%error, "changed TLS files are unusable; the old ones stay in use");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mysql::tests::folder::Folder;
    use std::path::Path;

    fn write_pair(folder: &Path) {
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a pair");
        std::fs::write(folder.join("cert.pem"), pair.cert.pem()).expect("written");
        std::fs::write(folder.join("key.pem"), pair.signing_key.serialize_pem()).expect("written");
    }

    fn files(folder: &Path) -> TlsFiles {
        TlsFiles {
            certificate: folder.join("cert.pem"),
            key: folder.join("key.pem"),
            client_ca: None,
        }
    }

    #[tokio::test]
    async fn changed_files_are_followed_and_broken_ones_are_not() {
        let folder = Folder::new();
        write_pair(folder.path());
        let tls = Tls::load_checking(files(folder.path()), Duration::ZERO).expect("TLS");
        let first = tls.acceptor().await;
        assert!(Arc::ptr_eq(first.config(), tls.acceptor().await.config()));

        std::fs::write(folder.path().join("cert.pem"), "broken").expect("written");
        assert!(Arc::ptr_eq(first.config(), tls.acceptor().await.config()));

        write_pair(folder.path());
        // A new pair has other lengths or at least another time.
        let later = std::time::SystemTime::now() + Duration::from_secs(10);
        let key = std::fs::File::options().write(true).open(folder.path().join("key.pem"));
        key.and_then(|key| key.set_modified(later)).expect("a new time");
        assert!(!Arc::ptr_eq(first.config(), tls.acceptor().await.config()));
    }

    #[test]
    fn an_error_names_the_setting_and_the_file() {
        let folder = Folder::new();
        let message = || Tls::load(files(folder.path())).expect_err("unusable").to_string();
        let named = |message: &str, setting: &str, file: &str| {
            let path = folder.path().join(file);
            assert!(message.contains(setting), "{message}");
            assert!(message.contains(&path.display().to_string()), "{message}");
        };
        named(&message(), "`coordinator.mysql.tls_certificate`", "cert.pem");
        write_pair(folder.path());
        let key = std::fs::read(folder.path().join("key.pem")).expect("a key");
        std::fs::write(folder.path().join("key.pem"), "no key").expect("written");
        named(&message(), "`coordinator.mysql.tls_key`", "key.pem");
        write_pair(folder.path());
        std::fs::write(folder.path().join("key.pem"), key).expect("written");
        let found = message();
        named(&found, "`coordinator.mysql.tls_key`", "key.pem");
        named(&found, "`coordinator.mysql.tls_certificate`", "cert.pem");
        assert!(found.contains("does not fit"), "{found}");
    }
}
