//! What the texts of the databases' clients stand for.

use arrow::datatypes::DataType;
use mooring_spi::Value;

/// What a client's text stands for.
pub(super) fn value(text: Option<&str>, data_type: &DataType) -> Result<Value, String> {
    let Some(text) = text else { return Ok(Value::Null) };
    let unread = || format!("`{text}` is no {data_type}");
    let value = match data_type {
        DataType::Boolean => match text {
            "t" | "1" => Value::Boolean(true),
            "f" | "0" => Value::Boolean(false),
            _ => return Err(unread()),
        },
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            Value::Int(text.parse().map_err(|_| unread())?)
        }
        // MariaDB's client shows bits as it does bytes.
        DataType::UInt64 => match text.strip_prefix("0x") {
            Some(digits) => Value::UInt(u64::from_str_radix(digits, 16).map_err(|_| unread())?),
            None => Value::UInt(text.parse().map_err(|_| unread())?),
        },
        DataType::Binary => Value::Binary(bytes(text).ok_or_else(unread)?),
        DataType::Float32 => {
            let number: f32 = text.parse().map_err(|_| unread())?;
            Value::Float(number.into())
        }
        DataType::Float64 => Value::Float(text.parse().map_err(|_| unread())?),
        DataType::Decimal128(_, scale) => decimal(text, *scale).ok_or_else(unread)?,
        DataType::Utf8 => Value::Text(text.to_owned()),
        DataType::Date32 => Value::Date(date(text).ok_or_else(unread)?),
        DataType::Timestamp(..) => Value::Timestamp(timestamp(text).ok_or_else(unread)?),
        other => return Err(format!("no texts of {other}")),
    };
    Ok(value)
}

/// `\x6162` of PostgreSQL, `0x6162` of MariaDB.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x").or_else(|| text.strip_prefix("0x"))?;
    let pairs = (0..digits.len()).step_by(2).map(|at| digits.get(at..at + 2));
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

fn decimal(text: &str, scale: i8) -> Option<Value> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let missing = usize::try_from(scale).ok()?.checked_sub(fraction.len())?;
    let unscaled = format!("{whole}{fraction}{}", "0".repeat(missing)).parse().ok()?;
    Some(Value::Decimal { unscaled, scale })
}

/// Days by counting, so that the code under test is not asked.
fn date(text: &str) -> Option<i32> {
    let (text, is_before_christ) = match text.strip_suffix(" BC") {
        Some(text) => (text, true),
        None => (text, false),
    };
    let mut parts = text.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let year = if is_before_christ { 1 - year } else { year };
    let is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let months = [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before = year - 1;
    let leap_days = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
    let of_year: i64 = months.iter().take(usize::try_from(month).ok()? - 1).sum();
    // 719,162 days are before 1970.
    i32::try_from(before * 365 + leap_days + of_year + day - 1 - 719_162).ok()
}

fn timestamp(text: &str) -> Option<i64> {
    let (text, era) = match text.strip_suffix(" BC") {
        Some(text) => (text, " BC"),
        None => (text, ""),
    };
    let text = text.strip_suffix("+00").unwrap_or(text);
    let (day, time) = text.split_once(' ')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut parts = time.split(':').map(|part| part.parse::<i64>().ok());
    let seconds = parts.next()?? * 3600 + parts.next()?? * 60 + parts.next()??;
    let microseconds: i64 = format!("{fraction:0<6}").parse().ok()?;
    Some((i64::from(date(&format!("{day}{era}"))?) * 86_400 + seconds) * 1_000_000 + microseconds)
}
