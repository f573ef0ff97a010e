//! A fast generator of mutations, the same for the same number.

/// A longer packet tells nothing more.
const LENGTH_MAX: usize = 2048;

/// What lengths, counts and ends look like at their extremes.
const EXTREMES: [&[u8]; 12] = [
    &[0x00],
    &[0xFF],
    &[0xFB],
    &[0x7F],
    &[0xFC, 0xFF, 0xFF],
    &[0xFD, 0xFF, 0xFF, 0xFF],
    &[0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
    &[0xFE, 0, 0, 0, 0, 0, 0, 0, 0x80],
    &[0xFF, 0xFF, 0xFF],
    &[0xFF, 0xFF, 0xFF, 0xFF],
    &[0, 0, 0, 0],
    &[0xC3],
];

/// Steele and others, "Fast splittable pseudorandom number generators": SplitMix64.
pub(super) struct Mutator(u64);

impl Mutator {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xD134_2543_DE82_EF95))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// A number below `limit`; 0 when there is none.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 32) as usize % limit.max(1)
    }

    pub(super) fn mutated(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..1 + self.below(5) {
            self.mutate(&mut bytes);
        }
        bytes.truncate(LENGTH_MAX);
        bytes
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        let length = self.below(16).min(bytes.len() - at);
        match self.below(8) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
            1 if !bytes.is_empty() => bytes[at] = self.next() as u8,
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..at + length)),
            4 => {
                let random: Vec<u8> = (0..length).map(|_| self.next() as u8).collect();
                bytes.splice(at..at, random);
            }
            5 => {
                let again = bytes[at..at + length].to_vec();
                let times = 1 + self.below(8);
                bytes.splice(at..at, again.repeat(times));
            }
            6 => {
                let extreme = EXTREMES[self.below(EXTREMES.len())];
                let end = (at + extreme.len()).min(bytes.len());
                bytes.splice(at..end, extreme.iter().copied());
            }
            _ => bytes.push(self.next() as u8),
        }
    }
}
