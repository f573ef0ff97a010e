//! Runs of integers: what orc-rust's decoder will make of a stream, found out beforehand. It allocates by the
//! lengths that it decodes, and some runs make it panic; these are errors here.
//!
//! Source: ORC Specification v1, "Integer Run Length Encoding, version 1" and "…, version 2".

use super::cursor::{Cursor, Found};
use super::packed::{self, Patch};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

/// How a stream is to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub version: Version,
    pub signed: bool,
    /// How wide orc-rust's numbers for it are: 16, 32 or 64.
    pub bits: u32,
}

pub(super) struct Runs<'a> {
    form: Form,
    bytes: Cursor<'a>,
}

enum Run<'a> {
    /// `first`, `first + step` and so on.
    Steps {
        first: i64,
        step: i64,
        count: u64,
    },
    Varints {
        varints: &'a [u8],
        count: u64,
    },
    Direct {
        width: u32,
        values: &'a [u8],
        count: u64,
    },
    /// Two values and then steps of any width, all up or all down.
    Deltas {
        first: i64,
        second: i64,
        down: bool,
        width: u32,
        deltas: &'a [u8],
        count: u64,
    },
    Patched {
        base: i64,
        width: u32,
        values: &'a [u8],
        patches: Vec<Patch>,
        count: u64,
    },
}

impl<'a> Runs<'a> {
    pub fn of(stream: &'a [u8], form: Form) -> Self {
        Self { form, bytes: Cursor::new(stream) }
    }

    /// How many values there are, counted no further than `needed`: the runs' heads alone are looked at.
    ///
    /// # Errors
    /// A run that cannot be read.
    pub fn count(mut self, needed: u64) -> Found<u64> {
        let mut counted = 0;
        while counted < needed {
            match self.next()? {
                None => return Ok(counted),
                Some(run) => counted += run.count(),
            }
        }
        Ok(needed)
    }

    /// Shows the first `needed` values in their order, equal ones together with their number. Says how many
    /// there were.
    ///
    /// # Errors
    /// A run that cannot be read, and what `see` finds wrong with a value.
    pub fn each(mut self, needed: u64, see: &mut dyn FnMut(i64, u64) -> Found<()>) -> Found<u64> {
        let mut left = needed;
        while left > 0 {
            let Some(run) = self.next()? else { break };
            let asked = run.count().min(left);
            run.each(asked, self.form.signed, see)?;
            left -= asked;
        }
        Ok(needed - left)
    }

    fn next(&mut self) -> Found<Option<Run<'a>>> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        match self.form.version {
            Version::One => self.version_1().map(Some),
            Version::Two => self.version_2().map(Some),
        }
    }

    fn version_1(&mut self) -> Found<Run<'a>> {
        let header = self.bytes.byte()?;
        Ok(match header {
            0..0x80 => {
                let step = i64::from(self.bytes.byte()? as i8);
                let first = self.form.number(self.bytes.varint()?);
                Run::Steps { first, step, count: u64::from(header) + 3 }
            }
            0x80.. => {
                let count = 0x100 - u64::from(header);
                Run::Varints { varints: self.bytes.varints(count)?, count }
            }
        })
    }

    fn version_2(&mut self) -> Found<Run<'a>> {
        let header = self.bytes.byte()?;
        match header >> 6 {
            0 => {
                let width = u64::from(header >> 3 & 7) + 1;
                self.form.holds(width as u32 * 8)?;
                let first = self.form.number(self.bytes.big_endian(width)?);
                Ok(Run::Steps { first, step: 0, count: u64::from(header & 7) + 3 })
            }
            1 => {
                let count = self.run_length(header)?;
                let width = packed::width(header >> 1);
                self.form.holds(width)?;
                let values = self.bytes.take(packed::bytes(width, count))?;
                Ok(Run::Direct { width, values, count })
            }
            2 => self.patched(header),
            _ => self.deltas(header),
        }
    }

    fn deltas(&mut self, header: u8) -> Found<Run<'a>> {
        let count = self.run_length(header)?;
        let first = self.form.number(self.bytes.varint()?);
        let step = packed::zigzag(self.bytes.varint()?);
        if step == i64::MIN {
            return Err("a run steps by more than 63 bits");
        }
        if header >> 1 & 0x1f == 0 {
            return Ok(Run::Steps { first, step, count });
        }
        // Of these runs, two values stand before the packed ones.
        let packed_count = count.checked_sub(2).ok_or("a run of steps has a single value")?;
        let width = packed::width(header >> 1);
        let second = first.checked_add(step).ok_or(OVERFLOWS)?;
        let deltas = self.bytes.take(packed::bytes(width, packed_count))?;
        Ok(Run::Deltas { first, second, down: step <= 0, width, deltas, count })
    }

    fn patched(&mut self, header: u8) -> Found<Run<'a>> {
        let count = self.run_length(header)?;
        let width = packed::width(header >> 1);
        self.form.holds(width)?;
        let (third, fourth) = (self.bytes.byte()?, self.bytes.byte()?);
        let base_width = u64::from(third >> 5) + 1;
        let base = self.bytes.big_endian(base_width)?;
        let base = match self.form.signed {
            true => packed::sign_and_magnitude(base, base_width),
            false => base as i64,
        };
        let values = self.bytes.take(packed::bytes(width, count))?;
        let (patch_width, gap_width) = (packed::width(third), u32::from(fourth >> 5) + 1);
        let entry_width = packed::closest_width(patch_width + gap_width)
            .ok_or("a patch and its gap have more than 64 bits")?;
        let entries = u64::from(fourth & 0x1f);
        let patches = self.bytes.take(packed::bytes(entry_width, entries))?;
        let patches = packed::patches(patches, entry_width, patch_width, entries)?;
        Ok(Run::Patched { base, width, values, patches, count })
    }

    fn run_length(&mut self, header: u8) -> Found<u64> {
        Ok((u64::from(header & 1) << 8 | u64::from(self.bytes.byte()?)) + 1)
    }
}

const OVERFLOWS: &str = "a run leaves the range of its numbers";

impl Form {
    fn number(self, encoded: u64) -> i64 {
        match self.signed {
            true => packed::zigzag(encoded),
            false => encoded as i64,
        }
    }

    fn holds(self, width: u32) -> Found<()> {
        match width <= self.bits {
            true => Ok(()),
            false => Err("a run is wider than the numbers of its column"),
        }
    }
}

impl Run<'_> {
    fn count(&self) -> u64 {
        match self {
            Self::Steps { count, .. }
            | Self::Varints { count, .. }
            | Self::Direct { count, .. }
            | Self::Deltas { count, .. }
            | Self::Patched { count, .. } => *count,
        }
    }

    /// Shows the first `asked` values, of which there are as many.
    fn each(
        self,
        asked: u64,
        signed: bool,
        see: &mut dyn FnMut(i64, u64) -> Found<()>,
    ) -> Found<()> {
        let number = |encoded: u64| match signed {
            true => packed::zigzag(encoded),
            false => encoded as i64,
        };
        match self {
            Self::Steps { first, step: 0, .. } => see(first, asked),
            Self::Steps { first, step, .. } => {
                let mut value = first;
                see(value, 1)?;
                for _ in 1..asked {
                    value = value.checked_add(step).ok_or(OVERFLOWS)?;
                    see(value, 1)?;
                }
                Ok(())
            }
            Self::Varints { varints, .. } => {
                let mut varints = Cursor::new(varints);
                for _ in 0..asked {
                    see(number(varints.varint()?), 1)?;
                }
                Ok(())
            }
            Self::Direct { width, values, .. } => {
                packed::unpack(values, width, asked, |value| see(number(value), 1))
            }
            Self::Deltas { first, second, down, width, deltas, .. } => {
                see(first, 1)?;
                if asked == 1 {
                    return Ok(());
                }
                see(second, 1)?;
                let mut value = second;
                packed::unpack(deltas, width, asked - 2, |delta| {
                    let delta = delta as i64;
                    let next = match down {
                        true => value.checked_sub(delta),
                        false => value.checked_add(delta),
                    };
                    value = next.ok_or(OVERFLOWS)?;
                    see(value, 1)
                })
            }
            Self::Patched { base, width, values, patches, .. } => {
                let mut patches = patches.iter().peekable();
                let mut at = 0;
                packed::unpack(values, width, asked, |value| {
                    let value = value as i64;
                    let value = match patches.next_if(|patch| patch.at == at) {
                        Some(patch) => {
                            let high = patch.bits.checked_shl(width).ok_or(OVERFLOWS)?;
                            (value | high).wrapping_add(base)
                        }
                        None => value.checked_add(base).ok_or(OVERFLOWS)?,
                    };
                    at += 1;
                    see(value, 1)
                })
            }
        }
    }
}

#[cfg(test)]
#[path = "runs_tests.rs"]
mod tests;
