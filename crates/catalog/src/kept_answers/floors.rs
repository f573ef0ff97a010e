//! What REFRESH, changes and vanished tables do to answers: those of questions that began before count
//! for less, whenever they arrive.

use super::question::Place;
use parking_lot::Mutex;
use std::collections::HashMap;

/// Places with floors of their own. With more, one floor is put under all.
const PLACES_MAX: usize = 10_000;

/// By the numbers of questions, which count up: what was asked no later than a floor is below it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Floor {
    /// Answers below are asked for again; they serve while the metastore is away.
    pub(super) fresh: u64,
    /// Answers below are of no use.
    pub(super) valid: u64,
}

impl Floor {
    pub(super) fn fresh(number: u64) -> Self {
        Self { fresh: number, valid: 0 }
    }

    pub(super) fn valid(number: u64) -> Self {
        Self { fresh: number, valid: number }
    }

    fn max(self, other: Self) -> Self {
        Self { fresh: self.fresh.max(other.fresh), valid: self.valid.max(other.valid) }
    }
}

#[derive(Debug, Default)]
pub(super) struct Floors(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    all: Floor,
    places: HashMap<Place, Floor>,
}

impl Floors {
    pub(super) fn of(&self, place: &Place) -> Floor {
        let inner = self.0.lock();
        inner.places.get(place).copied().unwrap_or_default().max(inner.all)
    }

    pub(super) fn raise(&self, place: Place, floor: Floor) {
        let mut inner = self.0.lock();
        if inner.places.len() >= PLACES_MAX && !inner.places.contains_key(&place) {
            let highest = inner.places.values().copied().fold(floor, Floor::max);
            inner.all = inner.all.max(Floor::valid(highest.fresh));
            inner.places.clear();
            return;
        }
        let own = inner.places.entry(place).or_default();
        *own = own.max(floor);
    }

    pub(super) fn raise_all(&self, floor: Floor) {
        let mut inner = self.0.lock();
        inner.all = inner.all.max(floor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_floor_only_rises() {
        let floors = Floors::default();
        let place = Place::table("s", "t");
        floors.raise(place.clone(), Floor::valid(3));
        floors.raise(place.clone(), Floor::fresh(5));
        floors.raise(place.clone(), Floor::fresh(4));
        assert_eq!(floors.of(&place), Floor { fresh: 5, valid: 3 });
        assert_eq!(floors.of(&Place::table("s", "other")), Floor::default());
        floors.raise_all(Floor::valid(4));
        assert_eq!(floors.of(&place), Floor { fresh: 5, valid: 4 });
        assert_eq!(floors.of(&Place::schemas()), Floor::valid(4));
    }

    #[test]
    fn too_many_floors_become_one_that_is_higher() {
        let floors = Floors::default();
        for number in 0..=PLACES_MAX as u64 {
            let place = Place::table("s", &number.to_string());
            floors.raise(place, Floor::valid(number));
        }
        assert!(floors.0.lock().places.len() <= PLACES_MAX);
        assert_eq!(floors.of(&Place::table("s", "7")), Floor::valid(PLACES_MAX as u64));
    }
}
