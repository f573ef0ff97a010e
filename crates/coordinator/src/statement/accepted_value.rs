//! Which values a variable takes, and the form in which it holds them.

use super::character_sets::{character_set, find_collation};
use super::sql_mode;
use super::variable_table::{Definition, Kind};
use super::variable_value::VariableValue;
use arrow::array::timezone::Tz;
use mooring_spi::{Error, ErrorKind, Result};

/// The value in the form in which the variable holds it.
pub(super) fn accepted(definition: &Definition, value: &VariableValue) -> Result<VariableValue> {
    let accepted = match definition.kind {
        Kind::Bool(_) => switch(value).map(VariableValue::Bool),
        // As in MySQL, a number out of range becomes the nearest in it.
        Kind::Int { min, max, .. } => whole(value).map(|number| {
            let number = i64::try_from(number).unwrap_or(if number < 0 { min } else { max });
            VariableValue::Int(number.clamp(min, max))
        }),
        Kind::UInt(_) => whole(value)
            .map(|number| VariableValue::UInt(u64::try_from(number.max(0)).unwrap_or(u64::MAX))),
        Kind::Text(_) => match value {
            VariableValue::Null => None,
            value => Some(VariableValue::Text(value.to_string())),
        },
        Kind::Enum { words, .. } => one_of(words, value),
        Kind::SqlMode(_) => match value {
            VariableValue::Text(modes) => Some(VariableValue::Text(sql_mode::accept(modes)?)),
            VariableValue::Int(0) => Some(VariableValue::text("")),
            _ => None,
        },
        Kind::TimeZone(_) => time_zone(value)?,
        Kind::CharacterSet(_) => named_set(value)?,
        Kind::NullableCharacterSet(_) => match value {
            VariableValue::Null => Some(VariableValue::Null),
            value => named_set(value)?,
        },
        Kind::Collation(_) => match value {
            VariableValue::Text(name) => {
                let found = find_collation(name).ok_or_else(|| unknown_collation(name))?;
                Some(VariableValue::text(found.name))
            }
            _ => None,
        },
    };
    accepted.ok_or_else(|| {
        Error::new(
            ErrorKind::WrongVariableValue,
            format!("variable `{}` can't be set to the value of `{value}`", definition.name),
        )
    })
}

fn switch(value: &VariableValue) -> Option<bool> {
    match value {
        VariableValue::Bool(on) => Some(*on),
        VariableValue::Int(0) => Some(false),
        VariableValue::Int(1) => Some(true),
        VariableValue::Text(word) => match word.to_ascii_lowercase().as_str() {
            "on" | "true" | "1" => Some(true),
            "off" | "false" | "0" => Some(false),
            _ => None,
        },
        VariableValue::Int(_)
        | VariableValue::UInt(_)
        | VariableValue::Double(_)
        | VariableValue::Null => None,
    }
}

fn whole(value: &VariableValue) -> Option<i128> {
    match value {
        VariableValue::Bool(on) => Some(i128::from(*on)),
        VariableValue::Int(number) => Some(i128::from(*number)),
        VariableValue::UInt(number) => Some(i128::from(*number)),
        VariableValue::Null | VariableValue::Double(_) | VariableValue::Text(_) => None,
    }
}

fn one_of(words: &[&'static str], value: &VariableValue) -> Option<VariableValue> {
    let found = match value {
        VariableValue::Text(text) => words.iter().find(|word| word.eq_ignore_ascii_case(text)),
        VariableValue::Bool(on) => {
            let text = if *on { "ON" } else { "OFF" };
            words.iter().find(|word| **word == text)
        }
        VariableValue::Int(position) => {
            usize::try_from(*position).ok().and_then(|position| words.get(position))
        }
        VariableValue::Null | VariableValue::UInt(_) | VariableValue::Double(_) => None,
    };
    found.map(|word| VariableValue::text(*word))
}

/// `SYSTEM`, an offset of at most 14 hours (`+05:30`) or a name of the IANA database.
fn time_zone(value: &VariableValue) -> Result<Option<VariableValue>> {
    let VariableValue::Text(name) = value else {
        return Ok(None);
    };
    match known_time_zone(name) {
        Some(zone) => Ok(Some(zone)),
        None => Err(Error::new(
            ErrorKind::UnknownTimeZone,
            format!("unknown time zone `{name}`; write `+02:00`, `Europe/Berlin` or `SYSTEM`"),
        )),
    }
}

fn known_time_zone(name: &str) -> Option<VariableValue> {
    if name.eq_ignore_ascii_case("SYSTEM") {
        return Some(VariableValue::text("SYSTEM"));
    }
    if name.eq_ignore_ascii_case("UTC") {
        return Some(VariableValue::text("UTC"));
    }
    if name.starts_with(['+', '-']) {
        let (hours, minutes) = name.get(1..)?.split_once(':')?;
        let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
        let in_range = minutes < 60 && (hours < 14 || (hours == 14 && minutes == 0));
        let sign = name.get(..1)?;
        return in_range.then(|| VariableValue::Text(format!("{sign}{hours:02}:{minutes:02}")));
    }
    name.parse::<Tz>().ok().map(|_| VariableValue::text(name))
}

fn named_set(value: &VariableValue) -> Result<Option<VariableValue>> {
    match value {
        VariableValue::Text(name) => match character_set(name) {
            Some(set) => Ok(Some(VariableValue::text(set.name))),
            None => Err(unknown_character_set(name)),
        },
        VariableValue::Null
        | VariableValue::Bool(_)
        | VariableValue::Int(_)
        | VariableValue::UInt(_)
        | VariableValue::Double(_) => Ok(None),
    }
}

pub(super) fn unknown_character_set(name: &str) -> Error {
    Error::new(
        ErrorKind::UnknownCharacterSet,
        format!("unknown character set `{name}`; everything is sent as `utf8mb4`"),
    )
}

pub(super) fn unknown_collation(name: &str) -> Error {
    Error::new(ErrorKind::UnknownCollation, format!("unknown collation `{name}`"))
}
