//! GetSqlInfo: what the server is and can do, by number.

use super::sql_info_values::{Info, values};
use crate::flight_sql::status::{defect, limit_exceeded};
use arrow::array::RecordBatch;
use arrow_flight::sql::metadata::{SqlInfoDataBuilder, SqlInfoValue};
use mooring_spi::Result;
use std::collections::BTreeMap;

/// More than there are numbers.
const ASKED_MAX: usize = 1024;

/// What was asked for, or all of it; a number that nobody knows is left out.
///
/// # Errors
/// `LimitExceeded` for more numbers than there are.
pub(super) fn sql_info(
    asked: Vec<u32>,
    statement_bytes_max: usize,
    sessions_max: usize,
) -> Result<RecordBatch> {
    if asked.len() > ASKED_MAX {
        return Err(limit_exceeded(format!("at most {ASKED_MAX} infos are told at once")));
    }
    let mut builder = SqlInfoDataBuilder::new();
    for (name, info) in values(statement_bytes_max, sessions_max) {
        builder.append(name, value(info));
    }
    builder.build().and_then(|data| data.record_batch(asked)).map_err(defect)
}

fn value(info: Info) -> SqlInfoValue {
    match info {
        Info::Text(text) => SqlInfoValue::String(text.to_owned()),
        Info::Is(yes) => SqlInfoValue::Bool(yes),
        Info::Number(number) => SqlInfoValue::BigInt(number),
        Info::Bits(bits) => SqlInfoValue::Bitmask(bits),
        Info::Words(words) => {
            SqlInfoValue::StringList(words.into_iter().map(str::to_owned).collect())
        }
        Info::Pairs(pairs) => {
            let lists = pairs.into_iter().map(|(from, to)| (from, to.to_vec()));
            SqlInfoValue::ListMap(lists.collect::<BTreeMap<_, _>>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::AsArray;
    use arrow::datatypes::UInt32Type;
    use arrow_flight::sql::SqlInfo;

    fn numbers(asked: Vec<u32>) -> Vec<u32> {
        let batch = sql_info(asked, 1, 1).expect("infos");
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
        assert!(sql_info(vec![0; ASKED_MAX + 1], 1, 1).is_err());
    }
}
