//! Tickets: what a client brings to fetch a result. They are signed, bound to a user and expire,
//! so that what is behind one is looked for only when this coordinator gave it out.
//!
//! A ticket is a `TicketStatementQuery` in an `Any`, whose handle is, in this order: the version
//! (1 byte), the end of its life in Unix seconds (8 bytes), the length of the user's name (1 byte),
//! the name, the session (4 bytes), the kind (1 byte), what the kind needs, and HMAC-SHA-256
//! (RFC 2104) over all of it (32 bytes). Numbers are big-endian.

use super::status::invalid;
use arrow_flight::sql::{Any, ProstMessageExt, TicketStatementQuery};
use bytes::Bytes;
use mooring_spi::{Error, ErrorKind, Result};
use prost::Message;
use rand::RngCore;
use ring::hmac;
use std::time::{Duration, SystemTime};

const VERSION: u8 = 1;
const TAG_BYTES: usize = 32;
const RESULT: u8 = 1;
const POLL: u8 = 2;
const METADATA: u8 = 3;

/// What a ticket stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Claim {
    /// A result of the session that it can be read from, once.
    Result(u64),
    /// A statement of the session that runs while its client asks how it is getting on.
    Poll(u64),
    /// A command about metadata, which is answered when the ticket is used.
    Metadata(Bytes),
}

/// A ticket that was found to be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) user: String,
    /// The connection id of the session that has what the ticket stands for.
    pub(super) session: u32,
    pub(super) claim: Claim,
}

/// What tickets are signed with; made anew by each start, since results do not outlive a process.
pub(super) struct TicketKey(hmac::Key);

impl TicketKey {
    pub(super) fn random() -> Self {
        let mut bytes = [0; 32];
        rand::thread_rng().fill_bytes(&mut bytes);
        Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
    }

    /// The ticket as it travels.
    ///
    /// # Errors
    /// `Internal` for a user whose name no account can have.
    pub(super) fn sign(&self, ticket: &Ticket, expires: SystemTime) -> Result<Bytes> {
        let user_length = u8::try_from(ticket.user.len())
            .map_err(|_| Error::internal("a user's name is too long for a ticket"))?;
        let mut handle = vec![VERSION];
        handle.extend_from_slice(&unix_seconds(expires).to_be_bytes());
        handle.push(user_length);
        handle.extend_from_slice(ticket.user.as_bytes());
        handle.extend_from_slice(&ticket.session.to_be_bytes());
        match &ticket.claim {
            Claim::Result(id) => {
                handle.push(RESULT);
                handle.extend_from_slice(&id.to_be_bytes());
            }
            Claim::Poll(id) => {
                handle.push(POLL);
                handle.extend_from_slice(&id.to_be_bytes());
            }
            Claim::Metadata(command) => {
                handle.push(METADATA);
                handle.extend_from_slice(command);
            }
        }
        let tag = hmac::sign(&self.0, &handle);
        handle.extend_from_slice(tag.as_ref());
        let ticket = TicketStatementQuery { statement_handle: handle.into() };
        Ok(ticket.as_any().encode_to_vec().into())
    }

    /// Reads a ticket that `user` brings.
    ///
    /// # Errors
    /// `InvalidArgument` for what this coordinator did not sign, or has expired; `AccessDenied` for
    /// another user's.
    pub(super) fn verify(&self, ticket: &[u8], user: &str, now: SystemTime) -> Result<Ticket> {
        self.verify_handle(&handle_of(ticket)?, user, now)
    }

    /// As [`TicketKey::verify`], for who lets go of what is behind it: that may be read or run for
    /// longer than the ticket lives.
    ///
    /// # Errors
    /// The same, but for the time.
    pub(super) fn verify_of_any_age(&self, ticket: &[u8], user: &str) -> Result<Ticket> {
        self.verify_handle(&handle_of(ticket)?, user, SystemTime::UNIX_EPOCH)
    }

    /// As [`TicketKey::verify`], for what stands in the `TicketStatementQuery`.
    ///
    /// # Errors
    /// The same.
    pub(super) fn verify_handle(
        &self,
        handle: &Bytes,
        user: &str,
        now: SystemTime,
    ) -> Result<Ticket> {
        let length = handle.len().checked_sub(TAG_BYTES).ok_or_else(not_ours)?;
        let (signed, tag) = (handle.slice(..length), handle.slice(length..));
        hmac::verify(&self.0, &signed, &tag).map_err(|_| not_ours())?;
        let (expires, ticket) = read(signed).ok_or_else(not_ours)?;
        if ticket.user != user {
            return Err(Error::new(
                ErrorKind::AccessDenied,
                "the ticket was given to another user",
            ));
        }
        if unix_seconds(now) >= expires {
            return Err(invalid(
                "the ticket has expired; run the statement again, or renew its endpoint earlier",
            ));
        }
        Ok(ticket)
    }
}

fn handle_of(ticket: &[u8]) -> Result<Bytes> {
    let any = Any::decode(ticket).map_err(|_| not_ours())?;
    let query: TicketStatementQuery = any.unpack().ok().flatten().ok_or_else(not_ours)?;
    Ok(query.statement_handle)
}

/// The parts of what was signed, and when it ends.
fn read(signed: Bytes) -> Option<(u64, Ticket)> {
    let mut rest = signed;
    let mut take = |length: usize| (rest.len() >= length).then(|| rest.split_to(length));
    if take(1)?.first() != Some(&VERSION) {
        return None;
    }
    let expires = u64::from_be_bytes(take(8)?.as_ref().try_into().ok()?);
    let user_length = usize::from(*take(1)?.first()?);
    let user = String::from_utf8(take(user_length)?.to_vec()).ok()?;
    let session = u32::from_be_bytes(take(4)?.as_ref().try_into().ok()?);
    let kind = *take(1)?.first()?;
    let id = || Some(u64::from_be_bytes(rest.as_ref().try_into().ok()?));
    let claim = match kind {
        RESULT => Claim::Result(id()?),
        POLL => Claim::Poll(id()?),
        METADATA => Claim::Metadata(rest),
        _ => return None,
    };
    Some((expires, Ticket { user, session, claim }))
}

fn not_ours() -> Error {
    invalid(
        "the ticket is not one of this coordinator's: it is malformed, was given out by another \
         coordinator, or before a restart",
    )
}

fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A time as protobuf has it.
pub(super) fn timestamp(time: SystemTime) -> prost_types::Timestamp {
    prost_types::Timestamp::from(time)
}

/// When something ends that begins now.
pub(super) fn ends(lifetime: Duration) -> SystemTime {
    SystemTime::now() + lifetime
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn ticket(user: &str, claim: Claim) -> Ticket {
        Ticket { user: user.to_owned(), session: 7, claim }
    }

    #[test]
    fn a_ticket_is_its_users_and_ends() {
        let key = TicketKey::random();
        let now = SystemTime::now();
        for claim in [Claim::Result(5), Claim::Poll(6), Claim::Metadata(Bytes::from_static(b"x"))] {
            let ticket = ticket("ana", claim);
            let signed = key.sign(&ticket, now + HOUR).expect("signed");
            assert_eq!(key.verify(&signed, "ana", now).expect("right"), ticket);
            let kind = |user, now| key.verify(&signed, user, now).expect_err("refused").kind();
            assert_eq!(kind("bob", now), ErrorKind::AccessDenied);
            assert_eq!(kind("ana", now + HOUR), ErrorKind::InvalidArgument);
            let old = key.sign(&ticket, now - HOUR).expect("signed");
            assert_eq!(key.verify_of_any_age(&old, "ana").expect("right"), ticket);
            assert!(key.verify_of_any_age(&old, "bob").is_err());
            let other = TicketKey::random().verify(&signed, "ana", now).expect_err("refused");
            assert_eq!(other.kind(), ErrorKind::InvalidArgument);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused(bytes: Vec<u8>) {
            let key = TicketKey::random();
            let now = SystemTime::now();
            prop_assert!(key.verify(&bytes, "ana", now).is_err());
            prop_assert!(key.verify_handle(&Bytes::from(bytes), "ana", now).is_err());
        }

        /// What was signed is read or not, and never panics: the key is all that stands before it.
        #[test]
        fn signed_bytes_of_any_form_are_read_or_refused(bytes: Vec<u8>) {
            let key = TicketKey::random();
            let mut handle = bytes;
            let tag = hmac::sign(&key.0, &handle);
            handle.extend_from_slice(tag.as_ref());
            let _ = key.verify_handle(&Bytes::from(handle), "ana", SystemTime::now());
        }

        #[test]
        fn one_changed_bit_is_refused(
            user in "[a-zß]{1,32}", id: u64, at: prop::sample::Index, bit in 0_u8..8,
        ) {
            let key = TicketKey::random();
            let now = SystemTime::now();
            let signed = key.sign(&ticket(&user, Claim::Result(id)), now + HOUR).expect("signed");
            let any = Any::decode(&*signed).expect("an Any");
            let query: TicketStatementQuery = any.unpack().expect("read").expect("a ticket");
            let mut handle = query.statement_handle.to_vec();
            let at = at.index(handle.len());
            handle[at] ^= 1 << bit;
            let refused = key.verify_handle(&handle.into(), &user, now).expect_err("refused");
            prop_assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
        }
    }
}
