//! What a server said to a login that it refused, so that it is not asked again at once: servers lock accounts after a
//! few wrong passwords.

use super::protocol::ServerError;
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;
use tokio::time::Instant;

const DELAY_FIRST: Duration = Duration::from_secs(5);
const DELAY_MAX: Duration = Duration::from_secs(300);

/// The last login, if it was refused.
#[derive(Default)]
pub(super) struct RefusedLogins(Option<Refused>);

struct Refused {
    password: SecretString,
    error: ServerError,
    until: Instant,
    delay: Duration,
}

impl RefusedLogins {
    /// Whether there is something to look at before the server is reached.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// What the server would answer to this password; `None` where it has to be asked.
    pub(super) fn answer(&self, password: &SecretString, now: Instant) -> Option<ServerError> {
        let refused = self.0.as_ref()?;
        let is_same = refused.password.expose_secret() == password.expose_secret();
        (is_same && now < refused.until).then(|| refused.error.clone())
    }

    pub(super) fn refused(&mut self, password: SecretString, error: ServerError, now: Instant) {
        let delay = match &self.0 {
            Some(before) if before.password.expose_secret() == password.expose_secret() => {
                (before.delay * 2).min(DELAY_MAX)
            }
            Some(_) | None => DELAY_FIRST,
        };
        self.0 = Some(Refused { password, error, until: now + delay, delay });
    }

    pub(super) fn accepted(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wrong_password_is_tried_ever_more_seldom() {
        let (wrong, other) = (SecretString::from("wrong"), SecretString::from("other"));
        let error = ServerError { number: 1045, state: "28000".into(), text: "denied".into() };
        let mut logins = RefusedLogins::default();
        let mut now = Instant::now();
        assert!(logins.is_empty() && logins.answer(&wrong, now).is_none());
        for delay_s in [5, 10, 20, 40, 80, 160, 300, 300] {
            logins.refused(wrong.clone(), error.clone(), now);
            let last = now + Duration::from_secs(delay_s) - Duration::from_millis(1);
            assert_eq!(logins.answer(&wrong, last), Some(error.clone()));
            now += Duration::from_secs(delay_s);
            assert_eq!(logins.answer(&wrong, now), None);
        }
        // A changed secret is tried at once, and begins anew.
        logins.refused(wrong, error.clone(), now);
        assert_eq!(logins.answer(&other, now), None);
        logins.refused(other.clone(), error, now);
        assert_eq!(logins.answer(&other, now + Duration::from_secs(5)), None);
        logins.accepted();
        assert!(logins.is_empty());
    }
}
