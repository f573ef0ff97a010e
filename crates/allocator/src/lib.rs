//! The memory allocator. Queries allocate and free in large steps; the system's allocator keeps too much
//! of it.

use libmimalloc_sys::{mi_option_set, mi_option_t};
use std::ffi::c_long;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc 3's `mimalloc.h`, in milliseconds; libmimalloc-sys does not name it.
const PURGE_DELAY: mi_option_t = 15;

/// How long freed memory may wait for its next use before the system has it back, in the whole process.
/// mimalloc's own is a second.
pub fn set_purge_delay(delay: Duration) {
    let millis = c_long::try_from(delay.as_millis()).unwrap_or(c_long::MAX);
    // SAFETY: the call sets one of mimalloc's options, whose values are atomic (`options.c`), and checks the
    // index.
    #[expect(unsafe_code, reason = "mimalloc is C")]
    unsafe {
        mi_option_set(PURGE_DELAY, millis);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libmimalloc_sys::mi_option_get;

    fn purge_delay_ms() -> c_long {
        // SAFETY: as for `set_purge_delay`.
        #[expect(unsafe_code, reason = "mimalloc is C")]
        unsafe {
            mi_option_get(PURGE_DELAY)
        }
    }

    /// The default tells that the number is still that of the option.
    #[test]
    fn the_option_is_mimallocs_purge_delay() {
        assert_eq!(purge_delay_ms(), 1_000);
        set_purge_delay(Duration::from_millis(50));
        assert_eq!(purge_delay_ms(), 50);
    }
}
