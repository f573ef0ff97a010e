//! What some numbers in a row add up to at most, found in one pass and without keeping them.

/// Sums of tiles as long as the window: any place of the window lies within two tiles that stand side by side,
/// so that two tiles' sum is at least what is looked for, and at most what twice as long a window has.
#[derive(Debug)]
pub(super) struct Window {
    tile: u64,
    filled: u64,
    sum: u64,
    before: u64,
    most: u64,
}

impl Window {
    pub fn of(length: u64) -> Self {
        Self { tile: length.max(1), filled: 0, sum: 0, before: 0, most: 0 }
    }

    /// Adds `number`, `count` times.
    pub fn add(&mut self, number: u64, count: u64) {
        let mut left = count;
        while left > 0 {
            let taken = left.min(self.tile - self.filled);
            self.sum = self.sum.saturating_add(number.saturating_mul(taken));
            self.filled += taken;
            left -= taken;
            if self.filled == self.tile {
                self.most = self.most();
                self.before = self.sum;
                (self.filled, self.sum) = (0, 0);
            }
        }
    }

    pub fn most(&self) -> u64 {
        self.most.max(self.before.saturating_add(self.sum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_window_has_more(numbers in vec((0_u64..100, 0_u64..5), 0..60), length in 1_usize..40) {
            let mut window = Window::of(length as u64);
            let mut all = Vec::new();
            for (number, count) in numbers {
                window.add(number, count);
                all.extend((0..count).map(|_| number));
            }
            let sums = |length: usize| {
                let starts = 0..all.len().max(1);
                let sum = |at: usize| all.iter().skip(at).take(length).sum::<u64>();
                starts.map(sum).max().unwrap_or_default()
            };
            prop_assert!(window.most() >= sums(length));
            prop_assert!(window.most() <= sums(2 * length));
        }
    }
}
