//! Whether the metastore answers, as its last questions have it.

use mooring_spi::Error;
use parking_lot::{Mutex, MutexGuard};
use std::sync::Arc;
use std::time::Instant;

#[derive(Debug)]
pub(super) struct Outage {
    catalog: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The newest question whose end is known. What ends later and began earlier tells nothing new: it may
    /// have waited for the metastore of before.
    known_to: u64,
    away: Option<Away>,
    probing: bool,
}

#[derive(Debug)]
struct Away {
    why: String,
    since: Instant,
}

/// The right to ask a metastore that is away, which one question at a time has.
#[derive(Debug)]
pub(super) struct Probe(Arc<Outage>);

impl Drop for Probe {
    fn drop(&mut self) {
        self.0.state.lock().probing = false;
    }
}

impl Outage {
    /// `catalog`: its name, for the log.
    pub(super) fn new(catalog: &str) -> Self {
        Self { catalog: catalog.to_owned(), state: Mutex::default() }
    }

    /// Why the metastore is away, if it is.
    pub(super) fn why(&self) -> Option<String> {
        self.state.lock().away.as_ref().map(|away| away.why.clone())
    }

    pub(super) fn probe(self: &Arc<Self>) -> Option<Probe> {
        let mut state = self.state.lock();
        if state.probing {
            return None;
        }
        state.probing = true;
        Some(Probe(Arc::clone(self)))
    }

    #[cfg(test)]
    pub(super) fn is_probing(&self) -> bool {
        self.state.lock().probing
    }

    /// The question of this number was answered.
    pub(super) fn answered(&self, number: u64) {
        let Some(mut state) = self.newer(number) else { return };
        if let Some(away) = state.away.take() {
            let away_s = away.since.elapsed().as_secs();
            tracing::info!(catalog = self.catalog, away_s, "the metastore answers again");
        }
    }

    /// The question of this number was not answered.
    pub(super) fn failed(&self, number: u64, error: &Error) {
        let Some(mut state) = self.newer(number) else { return };
        let why = error.message().to_owned();
        match &mut state.away {
            Some(away) => away.why = why,
            None => {
                tracing::warn!(
                    catalog = self.catalog,
                    %error,
                    "the metastore does not answer; what is kept serves until it does"
                );
                state.away = Some(Away { why, since: Instant::now() });
            }
        }
    }

    fn newer(&self, number: u64) -> Option<MutexGuard<'_, State>> {
        let mut state = self.state.lock();
        if number < state.known_to {
            return None;
        }
        state.known_to = number;
        Some(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mooring_spi::ErrorKind;

    #[test]
    fn an_older_question_does_not_undo_what_a_newer_one_told() {
        let outage = Arc::new(Outage::new("hive"));
        let error = |why: &str| Error::new(ErrorKind::SourceUnavailable, why);
        outage.failed(1, &error("gone"));
        assert_eq!(outage.why().as_deref(), Some("gone"));
        outage.answered(3);
        outage.failed(2, &error("late"));
        assert_eq!(outage.why(), None);
        outage.failed(4, &error("gone again"));
        outage.answered(3);
        assert_eq!(outage.why().as_deref(), Some("gone again"));
    }

    #[test]
    fn one_probes_at_a_time() {
        let outage = Arc::new(Outage::new("hive"));
        let probe = outage.probe().expect("the first");
        assert!(outage.probe().is_none());
        drop(probe);
        assert!(outage.probe().is_some());
    }
}
