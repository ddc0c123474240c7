//! Dates of birth. The normal form is `YYYYMMDD`: a day of the calendar between 1900 and today.

use alloc::format;

use super::error::MatchKeyError;
use super::phone::ascii_digit;
use super::text::Text;
use crate::country::{Country, DateOrder};
use crate::personal::is_removable;

/// Earliest year that Meta accepts.
const YEAR_MIN: u16 = 1900;

/// A day of the Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    year: u16,
    month: u8,
    day: u8,
}

impl Day {
    /// Makes a day; `None` when the calendar does not have it.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let fits = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
        fits.then_some(Self { year, month, day })
    }

    /// The day of a Unix time in seconds, in UTC. Times before 1970 give 1970-01-01, and times after
    /// the year 9999 give its last day, so that a wrong clock causes no error.
    pub fn of_unix_s(unix_s: i64) -> Self {
        const LAST: i64 = 253_402_300_799;
        let days = unix_s.clamp(0, LAST) / 86_400;
        // Counts in eras of 400 years that start on 1 March, so that the leap day is the last day of a
        // year (H. Hinnant, chrono-compatible low-level date algorithms).
        let shifted = days + 719_468;
        let era = shifted / 146_097;
        let of_era = shifted % 146_097;
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self {
            year: u16::try_from(year).unwrap_or(9999),
            month: u8::try_from(month).unwrap_or(12),
            day: u8::try_from(day).unwrap_or(31),
        }
    }
}

/// Reads `YYYYMMDD`, `YYYY-MM-DD` and dates that end in their year; `.` and `/` are separators too.
/// A number above 12 is the day. Otherwise the order of the merchant's country decides, because the
/// person filled in the merchant's form.
pub(super) fn normalise(text: &str, country: Country, today: Day) -> Result<Text, MatchKeyError> {
    let date = parse(text, country)?;
    if date.year < YEAR_MIN || date > today {
        return Err(MatchKeyError::DateOutOfRange);
    }
    Ok(Text::new(format!("{:04}{:02}{:02}", date.year, date.month, date.day)))
}

fn parse(text: &str, country: Country) -> Result<Day, MatchKeyError> {
    let mut fields = [Field::default(); 3];
    let mut count = 0;
    for c in text.chars().filter(|c| !is_removable(*c)) {
        match ascii_digit(c) {
            Some(digit) if fields[count].digits < 8 => fields[count].push(digit - b'0'),
            None if matches!(c, '-' | '/' | '.') && count < 2 => count += 1,
            _ => return Err(MatchKeyError::DateMalformed),
        }
    }
    let [a, b, c] = fields;
    let found = match (count, a.digits, c.digits) {
        (0, 8, _) => calendar_day(a.value / 10_000, a.value / 100 % 100, a.value % 100),
        (2, 4, 1..=2) => b.is_short().then(|| calendar_day(a.value, b.value, c.value)).flatten(),
        (2, 1..=2, 4) if b.is_short() => {
            match (calendar_day(c.value, b.value, a.value), calendar_day(c.value, a.value, b.value)) {
                (Some(day_first), Some(month_first)) if day_first != month_first => {
                    match country.date_order() {
                        DateOrder::DayFirst => Some(day_first),
                        DateOrder::MonthFirst => Some(month_first),
                        DateOrder::Mixed => return Err(MatchKeyError::DateAmbiguous),
                    }
                }
                (day_first, month_first) => day_first.or(month_first),
            }
        }
        _ => None,
    };
    found.ok_or(MatchKeyError::DateMalformed)
}

/// A number with its count of digits, as it was written.
#[derive(Clone, Copy, Default)]
struct Field {
    value: u32,
    digits: u8,
}

impl Field {
    fn push(&mut self, digit: u8) {
        self.value = self.value * 10 + u32::from(digit);
        self.digits += 1;
    }

    /// Whether it has one or two digits, so that it can be a day or a month.
    fn is_short(self) -> bool {
        (1..=2).contains(&self.digits)
    }
}

fn calendar_day(year: u32, month: u32, day: u32) -> Option<Day> {
    Day::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?)
}

fn days_in(year: u16, month: u8) -> u8 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Day = Day { year: 2026, month: 11, day: 24 };

    fn read(text: &str, country: &str) -> Result<String, MatchKeyError> {
        normalise(text, Country::parse(country).unwrap(), TODAY).map(|text| text.to_string())
    }

    #[test]
    fn unix_times_become_days() {
        for (unix_s, (year, month, day)) in [
            (0, (1970, 1, 1)),
            (951_782_399, (2000, 2, 28)),
            (951_782_400, (2000, 2, 29)),
            (951_868_800, (2000, 3, 1)),
            (1_763_942_400, (2025, 11, 24)),
            (4_107_542_400, (2100, 3, 1)),
            (-5, (1970, 1, 1)),
            (i64::MAX, (9999, 12, 31)),
        ] {
            assert_eq!(Day::of_unix_s(unix_s), Day { year, month, day }, "{unix_s}");
        }
    }

    #[test]
    fn ambiguous_dates_follow_the_merchants_country() {
        assert_eq!(read("05-11-1985", "IN").unwrap(), "19851105");
        assert_eq!(read("05-11-1985", "US").unwrap(), "19850511");
        assert_eq!(read("05-11-1985", "CA"), Err(MatchKeyError::DateAmbiguous));
        assert_eq!(read("05-05-1985", "CA").unwrap(), "19850505");
        assert_eq!(read("02/28/1990", "IN").unwrap(), "19900228");
        assert_eq!(read("28/02/1990", "US").unwrap(), "19900228");
    }

    #[test]
    fn the_calendar_and_its_bounds_hold() {
        assert_eq!(read("2000-02-29", "IN").unwrap(), "20000229");
        assert_eq!(read("19000101", "IN").unwrap(), "19000101");
        assert_eq!(read("2026-11-24", "IN").unwrap(), "20261124");
        assert_eq!(read("2026-11-25", "IN"), Err(MatchKeyError::DateOutOfRange));
        assert_eq!(read("18991231", "IN"), Err(MatchKeyError::DateOutOfRange));
        for text in [
            "1900-02-29",
            "19900229",
            "1990-02-31",
            "19901301",
            "90-02-28",
            "1990",
            "28 Feb 1990",
            "1990-2",
            "1990-02-",
            "--",
            "1-2-3-4",
            "199002281",
            "31/04/1990",
            "1990-02-28T00:00:00Z",
            "65536-01-01",
            "028/02/1990",
        ] {
            assert_eq!(read(text, "IN"), Err(MatchKeyError::DateMalformed), "{text}");
        }
    }

    #[test]
    fn digits_of_other_scripts_are_digits() {
        assert_eq!(read("१९९०-०२-२८", "IN").unwrap(), "19900228");
        assert_eq!(read(" 28 / 02 / 1990 ", "IN").unwrap(), "19900228");
    }
}
