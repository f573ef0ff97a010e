//! One part of a generated table: what a split and a loaded file hold.

use super::{ScaleFactor, TpchTable};
use mooring_spi::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use tpchgen::dates::GenerateUtils;
use tpchgen::generators::OrderGenerator;

/// Part `part` (from 1) of `part_count` of a table. The parts in their order are the whole table
/// in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TablePart {
    pub table: TpchTable,
    pub scale_factor: ScaleFactor,
    part: u32,
    part_count: u32,
}

impl TablePart {
    /// # Errors
    /// `Internal` unless `1 <= part <= part_count` and every part has rows.
    pub fn new(
        table: TpchTable,
        scale_factor: ScaleFactor,
        part: u32,
        part_count: u32,
    ) -> Result<Self> {
        Self { table, scale_factor, part, part_count }.checked()
    }

    /// All parts of a table that is cut into `part_count`, or into fewer where it is smaller.
    pub fn all(
        table: TpchTable,
        scale_factor: ScaleFactor,
        part_count: u32,
    ) -> impl ExactSizeIterator<Item = Self> {
        let part_count = part_count.clamp(1, max_parts(table, scale_factor));
        (0..part_count).map(move |index| Self { table, scale_factor, part: index + 1, part_count })
    }

    /// Refuses a part that was read from elsewhere and cannot be.
    pub(super) fn checked(self) -> Result<Self> {
        let most = max_parts(self.table, self.scale_factor);
        if self.part == 0 || self.part > self.part_count || self.part_count > most {
            return Err(Error::internal(format!(
                "there is no part {} of {} of table `{}`; it has 1 to {most} parts",
                self.part, self.part_count, self.table
            )));
        }
        Ok(self)
    }

    pub fn part(&self) -> u32 {
        self.part
    }

    pub fn part_count(&self) -> u32 {
        self.part_count
    }

    /// Exactly how many rows the part has. Cheap, but for `lineitem` it draws a number per order
    /// (about a second per 300 million): not on an I/O thread.
    pub fn rows(&self) -> u64 {
        match self.table {
            TpchTable::Lineitem => self.count_lines(),
            TpchTable::Partsupp => self.units() * 4,
            TpchTable::Customer
            | TpchTable::Nation
            | TpchTable::Orders
            | TpchTable::Part
            | TpchTable::Region
            | TpchTable::Supplier => self.units(),
        }
    }

    /// Part and count as the generator takes them.
    pub(super) fn generator_arguments(&self) -> (f64, i32, i32) {
        // Both are at most `MAX_PARTS`.
        (self.scale_factor.value(), self.part as i32, self.part_count as i32)
    }

    /// The rule of the generator: equal shares, and the last part takes the rest.
    fn units(&self) -> u64 {
        let total = self.table.units(self.scale_factor);
        let share = total / u64::from(self.part_count);
        if self.part == self.part_count {
            share + total % u64::from(self.part_count)
        } else {
            share
        }
    }

    /// Draws only the number of lines per order. One draw belongs to each order, so the stream
    /// can start at any of them.
    fn count_lines(&self) -> u64 {
        let (scale_factor, part, part_count) = self.generator_arguments();
        let first = GenerateUtils::calculate_start_index(
            OrderGenerator::SCALE_BASE,
            scale_factor,
            part,
            part_count,
        );
        let mut line_counts = OrderGenerator::create_line_count_random();
        line_counts.advance_rows(first);
        (0..self.units()).map(|_| u64::from(line_counts.next_value().unsigned_abs())).sum()
    }
}

/// `lineitem sf1 part 3 of 60`
impl fmt::Display for TablePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} part {} of {}", self.table, self.scale_factor, self.part, self.part_count)
    }
}

/// More parts than this help no cluster, and each is a line in a plan.
const MAX_PARTS: u32 = 10_000;

/// The generator ignores the part for the two tables of fixed size.
fn max_parts(table: TpchTable, scale_factor: ScaleFactor) -> u32 {
    match table {
        TpchTable::Nation | TpchTable::Region => 1,
        TpchTable::Customer
        | TpchTable::Lineitem
        | TpchTable::Orders
        | TpchTable::Part
        | TpchTable::Partsupp
        | TpchTable::Supplier => {
            u32::try_from(table.units(scale_factor)).unwrap_or(u32::MAX).clamp(1, MAX_PARTS)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mooring_spi::Count;

    #[test]
    fn parts_add_up_to_the_table() {
        for table in TpchTable::ALL {
            let rows: u64 =
                TablePart::all(table, ScaleFactor::TINY, 7).map(|part| part.rows()).sum();
            assert_eq!(Count::Exact(rows), table.rows(ScaleFactor::TINY), "{table}");
        }
    }

    #[test]
    fn impossible_parts_are_refused() {
        for (part, part_count) in [(0, 1), (2, 1), (1, 0), (1, 200)] {
            assert!(
                TablePart::new(TpchTable::Supplier, ScaleFactor::TINY, part, part_count).is_err()
            );
        }
        assert!(TablePart::new(TpchTable::Nation, ScaleFactor::TINY, 1, 2).is_err());
    }
}
