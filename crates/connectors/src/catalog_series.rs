//! Series of metrics that name a catalog: they go with the last connector or reader of any version of it, so that
//! catalogs that are gone, or were only tried out, are not told of for ever.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// How many hold the series of each catalog. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct SeriesHolders(Arc<Mutex<HashMap<String, usize>>>);

impl SeriesHolders {
    /// Holds the series of a catalog; who lets go of them last has them forgotten.
    pub(crate) fn hold(
        &self,
        catalog: &str,
        forget: impl Fn(&str) + Send + Sync + 'static,
    ) -> HeldSeries {
        *self.0.lock().entry(catalog.to_owned()).or_default() += 1;
        HeldSeries { holders: self.clone(), catalog: catalog.to_owned(), forget: Box::new(forget) }
    }
}

/// The series of one catalog stay for as long as it is there.
pub(crate) struct HeldSeries {
    holders: SeriesHolders,
    catalog: String,
    forget: Box<dyn Fn(&str) + Send + Sync>,
}

impl fmt::Debug for HeldSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldSeries").field("catalog", &self.catalog).finish_non_exhaustive()
    }
}

impl Drop for HeldSeries {
    fn drop(&mut self) {
        let mut holders = self.holders.0.lock();
        let Some(count) = holders.get_mut(&self.catalog) else { return };
        *count -= 1;
        if *count == 0 {
            holders.remove(&self.catalog);
            // Under the lock: whoever holds them from now on makes them anew.
            (self.forget)(&self.catalog);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn the_last_one_has_them_forgotten() {
        let (holders, forgotten) = (SeriesHolders::default(), Arc::new(AtomicUsize::new(0)));
        let hold = |catalog: &str| {
            let forgotten = Arc::clone(&forgotten);
            holders.hold(catalog, move |_| {
                forgotten.fetch_add(1, Ordering::Relaxed);
            })
        };
        let (first, second, other) = (hold("a"), hold("a"), hold("b"));
        drop(first);
        assert_eq!(forgotten.load(Ordering::Relaxed), 0);
        drop(second);
        assert_eq!(forgotten.load(Ordering::Relaxed), 1);
        drop((other, hold("a")));
        assert_eq!(forgotten.load(Ordering::Relaxed), 3);
        assert!(holders.0.lock().is_empty());
    }
}
