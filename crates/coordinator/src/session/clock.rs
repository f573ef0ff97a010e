//! The functions of the current time: one moment for the whole statement, as wall time in the
//! session's time zone, with no fraction unless one is asked for.
//!
//! Source: MySQL 8.0 Reference Manual, section 14.7 "Date and Time Functions".

use arrow::array::timezone::Tz;
use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use chrono::{DateTime, NaiveDateTime, TimeZone, Utc};
use datafusion::common::{ScalarValue, plan_err};
use datafusion::error::Result as PlannerResult;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    TypeSignature, Volatility,
};
use std::sync::Arc;

/// What a function answers of the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    Date,
    Time,
    Both,
}

/// The names of the functions in the session's zone.
const LOCAL: &[(&str, Part)] = &[
    ("now", Part::Both),
    ("current_timestamp", Part::Both),
    ("localtime", Part::Both),
    ("localtimestamp", Part::Both),
    ("sysdate", Part::Both),
    ("curdate", Part::Date),
    ("current_date", Part::Date),
    ("curtime", Part::Time),
    ("current_time", Part::Time),
];

const OF_UTC: &[(&str, Part)] =
    &[("utc_timestamp", Part::Both), ("utc_date", Part::Date), ("utc_time", Part::Time)];

/// The functions at one moment. `time_zone`: an offset or a name of the IANA database.
pub(super) fn functions(at: DateTime<Utc>, time_zone: &str) -> Vec<Arc<ScalarUDF>> {
    let utc = at.naive_utc();
    // The session takes no other names than those that parse.
    let local =
        time_zone.parse::<Tz>().map_or(utc, |zone| zone.from_utc_datetime(&utc).naive_local());
    let function = |wall_us: i64| {
        move |(name, part): &(&'static str, Part)| {
            let mut arguments = vec![TypeSignature::Nullary];
            if *part != Part::Date {
                arguments.push(TypeSignature::Any(1));
            }
            let signature = Signature::one_of(arguments, Volatility::Stable);
            Arc::new(ScalarUDF::from(Clock { name, part: *part, wall_us, signature }))
        }
    };
    let wall_us = |wall: NaiveDateTime| wall.and_utc().timestamp_micros();
    let local = LOCAL.iter().map(function(wall_us(local)));
    local.chain(OF_UTC.iter().map(function(wall_us(utc)))).collect()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Clock {
    name: &'static str,
    part: Part,
    /// Microseconds since 1970 of the wall.
    wall_us: i64,
    signature: Signature,
}

const DAY_US: i64 = 86_400_000_000;

impl Clock {
    /// With so many digits of the second.
    fn value(&self, digits: i64) -> PlannerResult<ScalarValue> {
        let time_us = self.wall_us.rem_euclid(DAY_US);
        let wall = Some(self.wall_us);
        Ok(match (self.part, digits) {
            (Part::Date, _) => {
                ScalarValue::Date32(i32::try_from(self.wall_us.div_euclid(DAY_US)).ok())
            }
            (Part::Time, 0) => ScalarValue::Time32Second(i32::try_from(time_us / 1_000_000).ok()),
            (Part::Time, 3) => ScalarValue::Time32Millisecond(i32::try_from(time_us / 1_000).ok()),
            (Part::Time, 6) => ScalarValue::Time64Microsecond(Some(time_us)),
            (Part::Both, 0) => {
                ScalarValue::TimestampSecond(wall.map(|us| us.div_euclid(1_000_000)), None)
            }
            (Part::Both, 3) => {
                ScalarValue::TimestampMillisecond(wall.map(|us| us.div_euclid(1_000)), None)
            }
            (Part::Both, 6) => ScalarValue::TimestampMicrosecond(wall, None),
            (Part::Time | Part::Both, _) => {
                return plan_err!(
                    "{}({digits}) is not supported: the digits are 0, 3 or 6",
                    self.name
                );
            }
        })
    }

    fn digits(&self, argument: Option<&ScalarValue>) -> PlannerResult<i64> {
        match argument {
            Some(ScalarValue::Int64(Some(digits))) => Ok(*digits),
            _ => plan_err!("{} takes the number of digits of the second: 0, 3 or 6", self.name),
        }
    }
}

impl ScalarUDFImpl for Clock {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> PlannerResult<DataType> {
        plan_err!("the type of {} depends on its argument", self.name)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> PlannerResult<FieldRef> {
        let digits = match arguments.scalar_arguments {
            [] => 0,
            [argument, ..] => self.digits(*argument)?,
        };
        Ok(Arc::new(Field::new(self.name, self.value(digits)?.data_type(), false)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> PlannerResult<ColumnarValue> {
        let digits = match arguments.return_field.data_type() {
            DataType::Timestamp(unit, _) | DataType::Time32(unit) | DataType::Time64(unit) => {
                match unit {
                    TimeUnit::Second => 0,
                    TimeUnit::Millisecond => 3,
                    TimeUnit::Microsecond | TimeUnit::Nanosecond => 6,
                }
            }
            _ => 0,
        };
        self.value(digits).map(ColumnarValue::Scalar)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(zone: &str, name: &str, digits: i64) -> String {
        let at = DateTime::parse_from_rfc3339("2024-03-30T23:59:58.7654321Z").expect("a moment");
        let functions = functions(at.to_utc(), zone);
        let function = functions.iter().find(|function| function.name() == name).expect(name);
        let fields = [Arc::new(Field::new("digits", DataType::Int64, false))];
        let argument = ScalarValue::Int64(Some(digits));
        let arguments =
            ReturnFieldArgs { arg_fields: &fields, scalar_arguments: &[Some(&argument)] };
        let return_field = function.return_field_from_args(arguments).expect("a type");
        let arguments = ScalarFunctionArgs {
            args: vec![ColumnarValue::Scalar(argument)],
            arg_fields: fields.to_vec(),
            number_rows: 1,
            return_field,
            config_options: Arc::default(),
        };
        match function.invoke_with_args(arguments).expect("a value") {
            ColumnarValue::Scalar(value) => value
                .to_array()
                .map(|array| arrow::util::display::array_value_to_string(&array, 0).expect("text")),
            ColumnarValue::Array(_) => panic!("an array"),
        }
        .expect("one value")
    }

    /// Moments as `TZ=... date --date=@1711843198` prints them.
    #[test]
    fn the_zone_of_the_session_decides() {
        assert_eq!(answer("UTC", "now", 0), "2024-03-30T23:59:58");
        assert_eq!(answer("+05:30", "now", 3), "2024-03-31T05:29:58.765");
        assert_eq!(answer("Europe/Berlin", "now", 6), "2024-03-31T00:59:58.765432");
        assert_eq!(answer("-11:00", "curtime", 0), "12:59:58");
        assert_eq!(answer("+05:30", "curdate", 0), "2024-03-31");
        assert_eq!(answer("+05:30", "utc_date", 0), "2024-03-30");
    }

    #[test]
    fn other_fractions_are_refused() {
        let functions = functions(Utc::now(), "UTC");
        let fields = [Arc::new(Field::new("digits", DataType::Int64, false))];
        for argument in [Some(ScalarValue::Int64(Some(2))), None] {
            let scalars = [argument.as_ref()];
            let arguments = ReturnFieldArgs { arg_fields: &fields, scalar_arguments: &scalars };
            assert!(functions[0].return_field_from_args(arguments).is_err());
        }
    }
}
