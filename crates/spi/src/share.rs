//! How the processes of a cluster share what a source gives to all of them together.

use serde::{Deserialize, Serialize};

/// The processes that may connect to sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    pub coordinators: usize,
    pub workers: usize,
}

/// What a process is among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Asks sources about tables and holds leases; without workers it reads, too.
    Coordinator,
    /// Reads.
    Worker,
}

/// One process's share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    pub members: Members,
    pub part: Part,
}

impl Share {
    /// Of a process that knows of no other.
    pub const ALONE: Self =
        Self { members: Members { coordinators: 1, workers: 0 }, part: Part::Coordinator };

    /// The share of a worker of the same cluster.
    pub fn of_worker(self) -> Self {
        Self { part: Part::Worker, ..self }
    }

    /// How many of the `bound` of all processes this one may have: at least one. What cannot be shared evenly is the
    /// coordinators'. All shares together are within the bound where there is one for each process.
    pub fn of(self, bound: usize) -> usize {
        let coordinators = self.members.coordinators.max(1);
        let workers = self.members.workers;
        let even = (bound / coordinators.saturating_add(workers)).max(1);
        match self.part {
            Part::Worker => even,
            Part::Coordinator => {
                let of_workers = even.saturating_mul(workers);
                (bound.saturating_sub(of_workers) / coordinators).max(1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of one coordinator, and of one worker.
    fn shares(bound: usize, coordinators: usize, workers: usize) -> (usize, usize) {
        let members = Members { coordinators, workers };
        let of = |part| Share { members, part }.of(bound);
        (of(Part::Coordinator), of(Part::Worker))
    }

    #[test]
    fn all_have_the_same_and_coordinators_the_rest() {
        assert_eq!(Share::ALONE.of(16), 16);
        assert_eq!(shares(16, 1, 2), (6, 5));
        assert_eq!(shares(9, 1, 2), (3, 3));
        assert_eq!(shares(16, 2, 3), (3, 3));
        assert_eq!(shares(19, 2, 3), (5, 3));
    }

    #[test]
    fn each_has_one() {
        assert_eq!(shares(2, 1, 9), (1, 1));
        assert_eq!(shares(1, 3, 0), (1, 1));
        assert_eq!(shares(0, 0, 0), (1, 1));
    }

    #[test]
    fn together_they_are_within_the_bound() {
        for bound in 1..40 {
            for coordinators in 1..5 {
                for workers in 0..8 {
                    let (of_coordinator, of_worker) = shares(bound, coordinators, workers);
                    let all = coordinators * of_coordinator + workers * of_worker;
                    let named = format!("{bound} of {coordinators} and {workers}");
                    assert!(all <= bound.max(coordinators + workers), "{named}: {all}");
                    assert!(of_coordinator >= of_worker, "{named}");
                }
            }
        }
    }
}
