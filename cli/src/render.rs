//! Tables, times and figures as text.

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use jiff::Timestamp;
use prost_types::Timestamp as ProtoTime;
use tandem_proto::v1::EventState;

/// A table without lines: aligned columns, easy to cut and to read.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    if !header.is_empty() {
        table.set_header(header.iter().copied());
    }
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// A text from the server, without characters that could control the terminal. A dash when it is empty.
pub(crate) fn plain(text: &str) -> String {
    if text.is_empty() {
        return "-".to_owned();
    }
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A time in UTC to the second.
pub(crate) fn time(time: Option<&ProtoTime>) -> String {
    time.and_then(|time| Timestamp::from_second(time.seconds).ok())
        .map_or("-".to_owned(), |time| time.to_string())
}

/// A time in RFC 3339, for JSON.
pub(crate) fn json_time(time: Option<&ProtoTime>) -> Option<String> {
    time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok()).map(|time| time.to_string())
}

/// A share of 1 as a percentage. A dash when there is none.
pub(crate) fn percent(share: Option<f64>) -> String {
    share.map_or("-".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

/// A number of seconds in its two largest units.
pub(crate) fn age(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// A state in one word, as in `EVENT_STATE_PENDING` without the prefix.
pub(crate) fn state(state: EventState) -> &'static str {
    match state {
        EventState::Unspecified => "unknown",
        EventState::Pending => "pending",
        EventState::InFlight => "in_flight",
        EventState::Delivered => "delivered",
        EventState::Held => "held",
        EventState::DeadLetter => "dead_letter",
        EventState::Suppressed => "suppressed",
        EventState::WaitingJoin => "waiting_join",
    }
}

/// JSON over several lines.
pub(crate) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).expect("texts, numbers and lists always become JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_aligned_and_end_without_spaces() {
        let rows = vec![vec!["a".to_owned(), "bb".to_owned()], vec!["ccc".to_owned(), "d".to_owned()]];
        assert_eq!(table(&["ONE", "TWO"], rows), "ONE  TWO\na    bb\nccc  d");
    }

    #[test]
    fn ages_have_two_units() {
        for (seconds, text) in
            [(0, "0 s"), (59, "59 s"), (60, "1 min 0 s"), (3_661, "1 h 1 min"), (90_000, "1 d 1 h")]
        {
            assert_eq!(age(seconds), text);
        }
    }

    #[test]
    fn nothing_from_the_server_steers_the_terminal() {
        assert_eq!(plain("KB-1\u{1b}[2J"), "KB-1\u{fffd}[2J");
        assert_eq!(plain(""), "-");
    }

    #[test]
    fn figures_and_times_have_a_dash_for_nothing() {
        assert_eq!(percent(Some(0.9712)), "97.1 %");
        assert_eq!((percent(None), time(None)), ("-".to_owned(), "-".to_owned()));
        let at = ProtoTime { seconds: 1_763_958_731, nanos: 250_000_000 };
        assert_eq!(time(Some(&at)), "2025-11-24T04:32:11Z");
        assert_eq!(json_time(Some(&at)).as_deref(), Some("2025-11-24T04:32:11.25Z"));
    }
}
