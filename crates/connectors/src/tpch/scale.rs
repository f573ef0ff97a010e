//! The scale factor: how many times the base cardinalities a schema holds.

use mooring_spi::{Error, ErrorKind, Result, fold};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A scale factor between 0.01 and 10,000, in steps of 0.01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct ScaleFactor {
    hundredths: u32,
}

impl ScaleFactor {
    pub const TINY: Self = Self { hundredths: 1 };
    /// Above 30,000 keys leave the generator's 32-bit streams; no one asks for that much here.
    pub const MAX: Self = Self { hundredths: 10_000 * 100 };

    /// The schemas that are listed; every other `sfN` up to `sf10000` is found by its name.
    pub const LISTED: [&str; 4] = ["tiny", "sf1", "sf10", "sf100"];

    /// # Errors
    /// `InvalidArgument` for a factor outside of the range or between its steps.
    pub fn new(factor: f64) -> Result<Self> {
        let hundredths = (factor * 100.0).round();
        let on_a_step = (factor * 100.0 - hundredths).abs() < 1e-6;
        if !on_a_step || !(1.0..=f64::from(Self::MAX.hundredths)).contains(&hundredths) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("scale factor {factor} is not a multiple of 0.01 from 0.01 to 10000"),
            ));
        }
        Ok(Self { hundredths: hundredths as u32 })
    }

    /// Reads a schema's name in any case: `tiny`, or `sf` and a whole number without leading zeros.
    pub fn from_schema(name: &str) -> Option<Self> {
        let folded = fold(name);
        if folded == "tiny" {
            return Some(Self::TINY);
        }
        let digits = folded.strip_prefix("sf")?;
        if digits.starts_with('0') || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let hundredths = digits.parse::<u32>().ok()?.checked_mul(100)?;
        (hundredths <= Self::MAX.hundredths).then_some(Self { hundredths })
    }

    /// The factor as the generator takes it.
    pub fn value(self) -> f64 {
        f64::from(self.hundredths) / 100.0
    }

    /// `base` rows at scale factor 1, at this one; cut as the generator cuts.
    pub(super) fn times(self, base: u64) -> u64 {
        base * u64::from(self.hundredths) / 100
    }
}

/// The name of the schema with this factor: `tiny`, `sf10`, `sf0.1`.
impl fmt::Display for ScaleFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::TINY { f.write_str("tiny") } else { write!(f, "sf{}", self.value()) }
    }
}

impl TryFrom<u32> for ScaleFactor {
    type Error = Error;

    fn try_from(hundredths: u32) -> Result<Self> {
        Self::new(f64::from(hundredths) / 100.0)
    }
}

impl From<ScaleFactor> for u32 {
    fn from(scale: ScaleFactor) -> Self {
        scale.hundredths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_names_are_read_in_any_case_and_written_canonically() {
        for (name, written) in [("Tiny", "tiny"), ("SF1", "sf1"), ("sf10000", "sf10000")] {
            assert_eq!(ScaleFactor::from_schema(name).expect("a scale").to_string(), written);
        }
    }

    #[test]
    fn what_is_no_schema_is_not_found() {
        for name in ["", "sf", "sf0", "sf01", "sf-1", "sf+1", "sf1.5", "sf10001", "default"] {
            assert_eq!(ScaleFactor::from_schema(name), None, "{name}");
        }
    }

    #[test]
    fn factors_between_steps_are_refused() {
        assert_eq!(ScaleFactor::new(0.01).expect("valid"), ScaleFactor::TINY);
        assert_eq!(ScaleFactor::new(0.1).expect("valid").value(), 0.1);
        for factor in [0.0, -1.0, 0.005, 0.015, 10_000.01, f64::NAN, f64::INFINITY] {
            assert!(ScaleFactor::new(factor).is_err(), "{factor}");
        }
    }
}
