//! The processor time of other processes.
//!
//! Source: the manual page proc_pid_stat(5).

use crate::failure::{Result, unexpected};
use std::fs;

/// Ticks (of 10 ms) that the processes have used since they began.
pub fn ticks(processes: &[u32]) -> Result<u64> {
    let mut sum = 0;
    for process in processes {
        let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
        sum += ticks_of(&stat)
            .ok_or_else(|| unexpected(format!("`/proc/{process}/stat` is short")))?;
    }
    Ok(sum)
}

/// Fields 14 and 15, user and system time. Field 2, the name, may hold anything, and ends at the
/// last parenthesis.
fn ticks_of(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut times = fields.split(' ').skip(11).map(|field| field.parse::<u64>().ok());
    Some(times.next()?? + times.next()??)
}

#[cfg(test)]
mod tests {
    use super::ticks_of;

    #[test]
    fn a_name_with_a_parenthesis_and_blanks() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 250 31 0 0 20 0 1 0 5 9 9";
        assert_eq!(ticks_of(stat), Some(281));
    }
}
