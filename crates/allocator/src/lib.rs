//! The memory allocator. Queries allocate and free in large steps; the system's allocator keeps too much
//! of it.

use libmimalloc_sys::{mi_option_get, mi_option_set, mi_option_t};
use std::ffi::c_long;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc 3's `mimalloc.h`, in milliseconds; libmimalloc-sys does not name it.
const PURGE_DELAY: mi_option_t = 15;

/// How long freed memory may wait for its next use before the system has it back.
pub fn purge_delay() -> Duration {
    // SAFETY: the call reads one of mimalloc's options, whose values are atomic (`options.c`).
    #[expect(unsafe_code, reason = "mimalloc is C")]
    let millis = unsafe { mi_option_get(PURGE_DELAY) };
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// Sets [`purge_delay`] for the whole process. mimalloc's own is a second.
pub fn set_purge_delay(delay: Duration) {
    let millis = c_long::try_from(delay.as_millis()).unwrap_or(c_long::MAX);
    // SAFETY: as above; the index is below `_mi_option_last`, which the call checks.
    #[expect(unsafe_code, reason = "mimalloc is C")]
    unsafe {
        mi_option_set(PURGE_DELAY, millis);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The default tells that the number is still that of the option.
    #[test]
    fn the_option_is_mimallocs_purge_delay() {
        assert_eq!(purge_delay(), Duration::from_secs(1));
        set_purge_delay(Duration::from_millis(50));
        assert_eq!(purge_delay(), Duration::from_millis(50));
    }
}
