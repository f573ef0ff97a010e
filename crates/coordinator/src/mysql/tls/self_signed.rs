//! A certificate for a laptop: made once, kept in the state folder, trusted by nobody, and still
//! better than passwords and rows in plain text.

use super::files::TlsFiles;
use mooring_spi::{Error, ErrorKind, Result};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

const CERTIFICATE_FILE: &str = "mysql-certificate.pem";
const KEY_FILE: &str = "mysql-key.pem";

/// The files of a self-signed certificate in `folder`; makes them when one of them is missing. The
/// key is readable by this user only. Reads and writes files: not for an I/O thread.
///
/// # Errors
/// `InvalidArgument` when the files cannot be written.
pub fn self_signed(folder: &Path) -> Result<TlsFiles> {
    let files = TlsFiles {
        certificate: folder.join(CERTIFICATE_FILE),
        key: folder.join(KEY_FILE),
        client_ca: None,
    };
    if files.certificate.exists() && files.key.exists() {
        return Ok(files);
    }
    let pair = rcgen::generate_simple_self_signed(names())
        .map_err(|error| Error::internal("cannot make a certificate").with_cause(error))?;
    let failed = |path: &Path, error: io::Error| {
        Error::new(
            ErrorKind::InvalidArgument,
            format!("cannot write the self-signed certificate's `{}`: {error}", path.display()),
        )
    };
    write_whole(&files.key, &pair.signing_key.serialize_pem(), 0o600)
        .map_err(|error| failed(&files.key, error))?;
    // The certificate comes last: when it is there, its key is.
    write_whole(&files.certificate, &pair.cert.pem(), 0o644)
        .map_err(|error| failed(&files.certificate, error))?;
    Ok(files)
}

/// The names by which clients on this machine call it.
fn names() -> Vec<String> {
    let mut names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| std::fs::read_to_string("/etc/hostname"))
        .ok()
        .or_else(|| std::env::var("HOSTNAME").ok());
    let is_name = |name: &&str| {
        !name.is_empty()
            && *name != "localhost"
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
    };
    names.extend(host.as_deref().map(str::trim).filter(is_name).map(str::to_owned));
    names
}

/// A reader never sees half a file, and the key is never readable by others.
fn write_whole(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let unfinished = path.with_extension(format!("{}.unfinished", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)
}

#[cfg(test)]
mod tests {
    use super::super::Tls;
    use super::*;
    use crate::mysql::tests::folder::Folder;
    use tokio_rustls::rustls::pki_types::CertificateDer;
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use x509_parser::prelude::*;

    #[test]
    fn made_once_with_its_names_and_a_private_key() {
        let folder = Folder::new();
        let folder = folder.path().join("state");
        let files = self_signed(&folder).expect("files");
        Tls::load(files.clone()).expect("usable");
        let pem = std::fs::read(&files.certificate).expect("a certificate");
        assert_eq!(self_signed(&folder).expect("files"), files);
        assert_eq!(std::fs::read(&files.certificate).expect("a certificate"), pem);

        let der = CertificateDer::from_pem_slice(&pem).expect("a certificate");
        let (_, certificate) = X509Certificate::from_der(&der).expect("a certificate");
        let names = certificate.subject_alternative_name().expect("readable").expect("names");
        let names = &names.value.general_names;
        for expected in [
            GeneralName::DNSName("localhost"),
            GeneralName::IPAddress(&[127, 0, 0, 1]),
            GeneralName::IPAddress(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        ] {
            assert!(names.contains(&expected), "{expected} in {names:?}");
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&files.key).expect("a key").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
