//! Dates and times as text, in the proleptic Gregorian calendar.

const MICROSECONDS_PER_DAY: i64 = 86_400_000_000;
/// Days from 0000-03-01 to 1970-01-01.
const DAYS_BEFORE_1970: i64 = 719_468;
const DAYS_PER_ERA: i64 = 146_097;

/// Year, month and day of a number of days since 1970-01-01. Years are counted in eras of 400 that begin in March, so
/// that the leap day is the last of its year.
pub(super) fn civil(days: i32) -> (i64, i64, i64) {
    let days = i64::from(days) + DAYS_BEFORE_1970;
    let era = days.div_euclid(DAYS_PER_ERA);
    let day_of_era = days.rem_euclid(DAYS_PER_ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// `2020-02-29`; `None` outside of the years 1 to 9999, which every database writes alike.
pub(super) fn date_text(days: i32) -> Option<String> {
    let (year, month, day) = civil(days);
    (1..=9999).contains(&year).then(|| format!("{year:04}-{month:02}-{day:02}"))
}

/// `2020-02-29 12:30:00.000001`; `None` outside of the years 1 to 9999.
pub(super) fn timestamp_text(microseconds: i64) -> Option<String> {
    let days = i32::try_from(microseconds.div_euclid(MICROSECONDS_PER_DAY)).ok()?;
    let of_day = microseconds.rem_euclid(MICROSECONDS_PER_DAY);
    let (seconds, fraction) = (of_day / 1_000_000, of_day % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let date = date_text(days)?;
    Some(format!("{date} {hour:02}:{minute:02}:{second:02}.{fraction:06}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days as `date -d … +%s` and PostgreSQL's `date - date '1970-01-01'` count them.
    #[test]
    fn dates_are_those_of_the_gregorian_calendar() {
        assert_eq!(date_text(0).as_deref(), Some("1970-01-01"));
        assert_eq!(date_text(-1).as_deref(), Some("1969-12-31"));
        assert_eq!(date_text(11_016).as_deref(), Some("2000-02-29"));
        assert_eq!(date_text(-719_162).as_deref(), Some("0001-01-01"));
        assert_eq!(date_text(2_932_896).as_deref(), Some("9999-12-31"));
        assert_eq!(date_text(-719_163), None);
        assert_eq!(date_text(2_932_897), None);
        assert_eq!(civil(i32::MIN).0, -5_877_641);
    }

    #[test]
    fn times_before_1970_belong_to_the_day_before() {
        assert_eq!(timestamp_text(-1).as_deref(), Some("1969-12-31 23:59:59.999999"));
        assert_eq!(timestamp_text(0).as_deref(), Some("1970-01-01 00:00:00.000000"));
        assert_eq!(timestamp_text(i64::MAX), None);
    }
}
