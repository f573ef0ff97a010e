//! PollFlightInfo: a statement that runs while its client asks, now and then, how it is getting on.
//! No call of the client lasts long, whatever stands between it and here.

use super::FlightSqlDoor;
use super::command::{Asked, asked, command};
use super::info::{Answer, session_is_gone};
use super::results::next_id;
use super::session::FlightSession;
use super::status::{invalid, limit_exceeded};
use super::ticket::{Claim, Ticket, ends, timestamp};
use arrow_flight::sql::Command;
use arrow_flight::{FlightDescriptor, FlightInfo, PollInfo};
use mooring_spi::{Error, Result};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// How long one call waits for the end.
const POLL_WAIT: Duration = Duration::from_secs(1);

type Outcome = Option<Result<FlightInfo>>;

/// The statements of a session that run on their own.
#[derive(Default)]
pub(super) struct Polls(Mutex<HashMap<u64, Poll>>);

struct Poll {
    outcome: watch::Receiver<Outcome>,
    /// It ends with its place here.
    _task: AbortOnDropHandle<()>,
    /// When it is let go of, unless it is asked for.
    expires: Instant,
}

impl Polls {
    fn get(&self, id: u64, until: Instant) -> Result<watch::Receiver<Outcome>> {
        let mut polls = self.0.lock();
        let poll = polls.get_mut(&id).ok_or_else(|| {
            invalid("the statement was cancelled, or not asked for in time; run it again")
        })?;
        poll.expires = until;
        Ok(poll.outcome.clone())
    }

    /// Ends one; what it came to, if it has ended.
    pub(super) fn remove(&self, id: u64) -> Option<Outcome> {
        let poll = self.0.lock().remove(&id)?;
        let outcome = poll.outcome.borrow().clone();
        Some(outcome)
    }

    pub(super) fn let_go(&self, now: Instant) {
        let gone: Vec<Poll> = {
            let mut polls = self.0.lock();
            polls.extract_if(|_, poll| now >= poll.expires).map(|(_, poll)| poll).collect()
        };
        drop(gone);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    pub(super) fn clear(&self) {
        let polls = std::mem::take(&mut *self.0.lock());
        drop(polls);
    }
}

impl FlightSqlDoor {
    /// Begins what a descriptor asks for, or tells how it is getting on.
    ///
    /// # Errors
    /// Every kind: that of the statement, once it failed.
    pub(super) async fn poll(
        self: &Arc<Self>,
        caller: &Arc<FlightSession>,
        descriptor: FlightDescriptor,
    ) -> Result<PollInfo> {
        let (owner, id) = match command(&descriptor)? {
            Command::TicketStatementQuery(ticket) => {
                let user = &caller.client().user;
                let handle = &ticket.statement_handle;
                let ticket = self.tickets.verify_handle(handle, user, SystemTime::now())?;
                let Claim::Poll(id) = ticket.claim else {
                    return Err(invalid("the descriptor is a ticket; fetch its result by DoGet"));
                };
                (self.sessions.by_id(ticket.session).ok_or_else(session_is_gone)?, id)
            }
            command => match asked(command)? {
                Asked::Metadata(_) => {
                    let info = self.flight_info(caller, descriptor, Answer::Soon).await?;
                    return Ok(PollInfo { info: Some(info), ..PollInfo::default() });
                }
                Asked::Statement(_) | Asked::Prepared(_) => {
                    (caller.clone(), self.begin(caller, descriptor)?)
                }
            },
        };
        let mut outcome = owner.polls.get(id, Instant::now() + self.settings.ticket_lifetime)?;
        let waited = tokio::time::timeout(POLL_WAIT, outcome.wait_for(Option::is_some)).await;
        let ended = match waited {
            Ok(Ok(now)) => (*now).clone(),
            Ok(Err(_)) => {
                Some(Err(Error::internal("the statement's task ended without an answer")))
            }
            Err(_) => None,
        };
        match ended {
            Some(Ok(info)) => Ok(PollInfo { info: Some(info), ..PollInfo::default() }),
            Some(Err(error)) => {
                owner.polls.remove(id);
                Err(error)
            }
            None => self.still_running(&owner, id),
        }
    }

    fn begin(
        self: &Arc<Self>,
        session: &Arc<FlightSession>,
        descriptor: FlightDescriptor,
    ) -> Result<u64> {
        let limit = self.settings.results_per_session_max;
        let expires = Instant::now() + self.settings.ticket_lifetime;
        let (tell, outcome) = watch::channel(None);
        let (door, busy) = (self.clone(), session.enter());
        let id = next_id();
        let mut polls = session.polls.0.lock();
        if polls.len() >= limit {
            // Those that have ended are told of again as long as there is room for them.
            let ended = polls.iter().filter(|(_, poll)| poll.outcome.borrow().is_some());
            let oldest = ended.map(|(id, _)| *id).min().ok_or_else(|| {
                limit_exceeded(format!(
                    "the session has {limit} statements that it polls; ask for the end of some, or cancel them"
                ))
            })?;
            polls.remove(&oldest);
        }
        let running = session.clone();
        let task = tokio::spawn(async move {
            let info = door.flight_info(&running, descriptor, Answer::WithRows).await;
            tell.send_replace(Some(info));
            drop(busy);
        });
        polls.insert(id, Poll { outcome, _task: AbortOnDropHandle::new(task), expires });
        Ok(id)
    }

    /// Nothing to fetch yet; the descriptor to ask with, which CancelFlightInfo knows, too.
    fn still_running(&self, owner: &FlightSession, id: u64) -> Result<PollInfo> {
        let expires = ends(self.settings.ticket_lifetime);
        let user = owner.client().user.clone();
        let ticket = Ticket { user, session: owner.id(), claim: Claim::Poll(id) };
        let descriptor = FlightDescriptor::new_cmd(self.tickets.sign(&ticket, expires)?);
        let info = FlightInfo::new()
            .with_descriptor(descriptor.clone())
            .with_total_records(-1)
            .with_total_bytes(-1);
        Ok(PollInfo {
            info: Some(info),
            flight_descriptor: Some(descriptor),
            progress: None,
            expiration_time: Some(timestamp(expires)),
        })
    }
}
