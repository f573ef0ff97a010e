//! GetSqlInfo: what the server is and can do, by number.

use super::sql_info_values::{Bounds, Info, values};
use crate::flight_sql::status::{defect, limit_exceeded};
use arrow::array::RecordBatch;
use arrow_flight::sql::SqlInfo;
use arrow_flight::sql::metadata::SqlInfoDataBuilder;
use mooring_spi::Result;
use std::collections::BTreeMap;

/// More than there are numbers.
const ASKED_MAX: usize = 1024;

/// What was asked for, or all of it; a number that nobody knows is left out.
///
/// # Errors
/// `LimitExceeded` for more numbers than there are.
pub(super) fn sql_info(asked: Vec<u32>, bounds: Bounds) -> Result<RecordBatch> {
    if asked.len() > ASKED_MAX {
        return Err(limit_exceeded(format!("at most {ASKED_MAX} infos are told at once")));
    }
    let mut builder = SqlInfoDataBuilder::new();
    for (name, info) in values(bounds) {
        append(&mut builder, name, info);
    }
    builder.build().and_then(|data| data.record_batch(asked)).map_err(defect)
}

fn append(builder: &mut SqlInfoDataBuilder, name: SqlInfo, info: Info) {
    match info {
        Info::Text(text) => builder.append(name, text),
        Info::Is(yes) => builder.append(name, yes),
        Info::Number(number) => builder.append(name, number),
        Info::Bits(number) | Info::Ordinal(number) => builder.append(name, number),
        Info::Words(words) => builder.append(name, words.as_slice()),
        Info::Pairs(pairs) => {
            let lists = pairs.into_iter().map(|(from, to)| (from, to.to_vec()));
            builder.append(name, lists.collect::<BTreeMap<i32, Vec<i32>>>());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::AsArray;
    use arrow::datatypes::UInt32Type;

    const BOUNDS: Bounds = Bounds { statement_bytes: 1, sessions: 1, statements: 1 };

    fn numbers(asked: Vec<u32>) -> Vec<u32> {
        let batch = sql_info(asked, BOUNDS).expect("infos");
        batch.column(0).as_primitive::<UInt32Type>().values().to_vec()
    }

    /// Every number of the specification, but for those of Substrait's versions, which the
    /// specification says are not there where Substrait is not.
    #[test]
    fn every_info_is_told() {
        let told = numbers(Vec::new());
        let left_out = [
            SqlInfo::FlightSqlServerSubstraitMinVersion,
            SqlInfo::FlightSqlServerSubstraitMaxVersion,
        ];
        for number in (0..=11).chain(100..=101).chain(500..=576) {
            let info = SqlInfo::try_from(number).expect("a number of the specification");
            let number = u32::try_from(number).expect("a number");
            assert_eq!(told.contains(&number), !left_out.contains(&info), "{info:?}");
        }
    }

    #[test]
    fn what_is_asked_for_is_told_alone() {
        assert_eq!(numbers(vec![0, 504, 9999]), [0, 504]);
        assert!(sql_info(vec![0; ASKED_MAX + 1], BOUNDS).is_err());
    }
}
