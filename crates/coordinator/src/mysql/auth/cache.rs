//! The fast digests of passwords that were fully checked, so that only an account's first
//! connection pays for the full check.

use super::caching_sha2::FastDigest;
use parking_lot::Mutex;
use std::collections::HashMap;

/// One entry per account; beyond this many, one is forgotten for each that comes.
const ENTRIES_MAX: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct FastDigests(Mutex<HashMap<String, Entry>>);

#[derive(Debug)]
struct Entry {
    /// The stored form that the password was checked against: a changed password misses.
    credential: String,
    digest: FastDigest,
}

impl FastDigests {
    pub(super) fn get(&self, user: &str, credential: &str) -> Option<FastDigest> {
        let entries = self.0.lock();
        entries.get(user).filter(|entry| entry.credential == credential).map(|entry| entry.digest)
    }

    pub(super) fn put(&self, user: &str, credential: &str, digest: FastDigest) {
        let mut entries = self.0.lock();
        if entries.len() >= ENTRIES_MAX
            && !entries.contains_key(user)
            && let Some(any) = entries.keys().next().cloned()
        {
            entries.remove(&any);
        }
        entries.insert(user.to_owned(), Entry { credential: credential.to_owned(), digest });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_password_misses() {
        let cache = FastDigests::default();
        cache.put("u", "old", [1; 32]);
        assert_eq!(cache.get("u", "old"), Some([1; 32]));
        assert_eq!(cache.get("u", "new"), None);
        assert_eq!(cache.get("v", "old"), None);
    }

    #[test]
    fn the_number_of_entries_is_bounded() {
        let cache = FastDigests::default();
        for user in 0..ENTRIES_MAX + 10 {
            cache.put(&user.to_string(), "c", [0; 32]);
        }
        assert_eq!(cache.0.lock().len(), ENTRIES_MAX);
    }
}
