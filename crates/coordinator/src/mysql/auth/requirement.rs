//! What an account demands of the connection itself: `REQUIRE SSL`, `X509`, `SUBJECT`, `ISSUER`.
//!
//! Source: MySQL 8.0 Reference Manual, "CREATE USER Statement", "CREATE USER SSL/TLS Options";
//! compared as `acl_check_ssl` of `sql/auth/sql_authentication.cc` does, that is, byte by byte.

/// The demand of an account. It is checked after the password, and answered like a wrong one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TlsRequirement {
    #[default]
    None,
    /// An encrypted connection.
    Ssl,
    /// A client certificate that the server's `tls_client_ca` has signed.
    X509,
    /// Such a certificate with this subject and, where it is given, this issuer; both in the form
    /// `/C=DE/O=Example/CN=ana`.
    Subject { subject: String, issuer: Option<String> },
}

/// The names in a verified client certificate, in OpenSSL's one-line form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PeerCertificate {
    pub(crate) subject: String,
    pub(crate) issuer: String,
}

/// What is known of a connection's encryption.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Encryption {
    #[default]
    None,
    Tls,
    /// With a client certificate.
    MutualTls(PeerCertificate),
}

impl Encryption {
    pub(crate) fn is_encrypted(&self) -> bool {
        match self {
            Self::None => false,
            Self::Tls | Self::MutualTls(_) => true,
        }
    }
}

impl TlsRequirement {
    pub(crate) fn is_met(&self, by: &Encryption) -> bool {
        match (self, by) {
            (Self::None, _)
            | (Self::Ssl, Encryption::Tls | Encryption::MutualTls(_))
            | (Self::X509, Encryption::MutualTls(_)) => true,
            (Self::Subject { subject, issuer }, Encryption::MutualTls(certificate)) => {
                *subject == certificate.subject
                    && issuer.as_ref().is_none_or(|issuer| *issuer == certificate.issuer)
            }
            (Self::Ssl, Encryption::None)
            | (Self::X509 | Self::Subject { .. }, Encryption::None | Encryption::Tls) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate() -> Encryption {
        Encryption::MutualTls(PeerCertificate {
            subject: "/C=DE/CN=ana".to_owned(),
            issuer: "/CN=authority".to_owned(),
        })
    }

    fn subject(subject: &str, issuer: Option<&str>) -> TlsRequirement {
        TlsRequirement::Subject { subject: subject.to_owned(), issuer: issuer.map(str::to_owned) }
    }

    /// By the manual's description of each REQUIRE option.
    #[test]
    fn each_demand_is_met_by_what_it_names() {
        let (plain, tls, mutual) = (Encryption::None, Encryption::Tls, certificate());
        for (demand, expected) in [
            (TlsRequirement::None, [true, true, true]),
            (TlsRequirement::Ssl, [false, true, true]),
            (TlsRequirement::X509, [false, false, true]),
            (subject("/C=DE/CN=ana", None), [false, false, true]),
            (subject("/C=DE/CN=ana", Some("/CN=authority")), [false, false, true]),
            (subject("/C=DE/CN=ana", Some("/CN=other")), [false, false, false]),
            (subject("/C=DE/CN=Ana", None), [false, false, false]),
            (subject("/CN=ana", None), [false, false, false]),
        ] {
            let found = [&plain, &tls, &mutual].map(|encryption| demand.is_met(encryption));
            assert_eq!(found, expected, "{demand:?}");
        }
    }
}
