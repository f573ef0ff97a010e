//! How many connections each user has, so that one user cannot take them all.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// The connections that users have; it holds the users that have some.
#[derive(Debug, Clone, Default)]
pub(crate) struct UserPlaces(Arc<Mutex<HashMap<String, usize>>>);

/// One connection of a user; given back when dropped.
#[derive(Debug)]
pub(crate) struct UserPlace {
    places: UserPlaces,
    user: String,
}

impl UserPlaces {
    /// `None` when `user` has `limit` connections already; 0 is no limit.
    pub(crate) fn take(&self, user: &str, limit: usize) -> Option<UserPlace> {
        let mut users = self.0.lock();
        let taken = users.entry(user.to_owned()).or_insert(0);
        if limit > 0 && *taken >= limit {
            return None;
        }
        *taken += 1;
        Some(UserPlace { places: self.clone(), user: user.to_owned() })
    }
}

impl Drop for UserPlace {
    fn drop(&mut self) {
        let mut users = self.places.0.lock();
        if let Some(taken) = users.get_mut(&self.user) {
            *taken -= 1;
            if *taken == 0 {
                users.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_and_given_back() {
        let places = UserPlaces::default();
        let first = places.take("ana", 2).expect("a place");
        let second = places.take("ana", 2).expect("a place");
        assert!(places.take("ana", 2).is_none());
        let other = places.take("bob", 2).expect("a place");
        let unbounded = places.take("ana", 0).expect("no limit");
        drop((first, unbounded));
        assert!(places.take("ana", 2).is_some());
        drop((second, other));
        assert!(places.0.lock().is_empty());
    }
}
