//! The names in a certificate as `REQUIRE SUBJECT` and `REQUIRE ISSUER` give them: OpenSSL's
//! one-line form, `/C=DE/O=Example/CN=ana`.
//!
//! Source: OpenSSL's manual, `X509_NAME_oneline`; bytes that are not printable ASCII are `\xHH`.
//! Its short names of attributes: `crypto/objects/objects.txt`, X.520 and PKCS#9.

use super::super::auth::PeerCertificate;
use std::fmt::Write;
use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};

/// Attributes by object identifier; any other stands with its number.
const SHORT_NAMES: [(&str, &str); 19] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.13", "description"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.41", "name"),
    ("2.5.4.42", "GN"),
    ("2.5.4.43", "initials"),
    ("2.5.4.46", "dnQualifier"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
];

/// The names in a certificate that was verified; `None` when it cannot be read after all.
pub(crate) fn peer_certificate(der: &CertificateDer<'_>) -> Option<PeerCertificate> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Some(PeerCertificate {
        subject: one_line(certificate.subject()),
        issuer: one_line(certificate.issuer()),
    })
}

fn one_line(name: &X509Name<'_>) -> String {
    let mut line = String::new();
    for attribute in name.iter_rdn().flat_map(|set| set.iter()) {
        let id = attribute.attr_type().to_id_string();
        let short = SHORT_NAMES.iter().find(|(known, _)| *known == id).map(|(_, short)| *short);
        line.push('/');
        line.push_str(short.unwrap_or(&id));
        line.push('=');
        for byte in attribute.attr_value().data {
            match byte {
                b' '..=b'~' => line.push(char::from(*byte)),
                // Writing to a String does not fail.
                _ => drop(write!(line, "\\x{byte:02X}")),
            }
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DnType, KeyPair};

    /// As `openssl x509 -nameopt compat -subject` prints the same names.
    #[test]
    fn names_have_the_form_of_openssl() {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CountryName, "DE");
        params.distinguished_name.push(DnType::OrganizationName, "Beispiel, GmbH");
        params.distinguished_name.push(DnType::CommonName, "Jörg");
        params.distinguished_name.push(DnType::CustomDnType(vec![1, 2, 3, 4]), "x");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let names = peer_certificate(certificate.der()).expect("names");
        assert_eq!(names.subject, "/C=DE/O=Beispiel, GmbH/CN=J\\xC3\\xB6rg/1.2.3.4=x");
        assert_eq!(names.issuer, names.subject);
    }

    #[test]
    fn what_is_no_certificate_has_no_names() {
        assert_eq!(peer_certificate(&CertificateDer::from(vec![1, 2, 3])), None);
    }
}
