//! Starts the log. All programs use it.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{Directive, LevelFilter};

use crate::keys::TANDEM_LOG;
use crate::source::{SettingError, Source};
use crate::values::entries;

/// Libraries whose detailed logs show headers and addresses of callers.
const QUIET_LIBRARIES: [&str; 6] = ["h2", "hyper", "hyper_util", "tonic", "tower", "rustls"];

const EXPECTED: &str = "must be a level (off, error, warn, info, debug, trace), also for one part, \
                        such as info,tandem_server=debug";

/// Starts the log that `TANDEM_LOG` asks for, on standard error. It is text on a terminal, and JSON
/// lines otherwise. Then logs the names of misspelt variables.
///
/// # Errors
/// [`SettingError`] if the text of `TANDEM_LOG` is not a valid filter.
pub fn start_log(source: &Source) -> Result<(), SettingError> {
    // A line that cannot be written, for example because the disk is full, is lost. Reporting that on
    // the same stream would panic.
    let log = tracing_subscriber::fmt()
        .with_env_filter(source.parsed(TANDEM_LOG, filter)?)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    if std::io::stderr().is_terminal() {
        log.init();
    } else {
        log.json().init();
    }
    for unknown in source.unknown() {
        tracing::warn!("{unknown}");
    }
    Ok(())
}

/// Checks that [`start_log`] can use the filter, without starting the log.
///
/// # Errors
/// [`SettingError`] if the text of `TANDEM_LOG` is not a valid filter.
pub fn check_log(source: &Source) -> Result<(), SettingError> {
    source.parsed(TANDEM_LOG, filter).map(drop)
}

fn filter(text: &str) -> Result<EnvFilter, String> {
    // The library reads an unknown word as the name of a module and then logs nothing else.
    let words = text.split(',').filter(|word| !word.contains(['=', '[', ']', '{', '}']));
    for word in words.filter(|word| !word.is_empty()) {
        word.parse::<LevelFilter>().map_err(|_| EXPECTED.to_owned())?;
    }
    if entries(text).next().is_none() {
        return Err(EXPECTED.to_owned());
    }
    let mut filter = EnvFilter::builder().parse(text).map_err(|_| EXPECTED.to_owned())?;
    // A filter that logs little must not log more of these libraries.
    let is_fine = filter.max_level_hint().is_none_or(|level| level > LevelFilter::INFO);
    for library in QUIET_LIBRARIES.iter().filter(|_| is_fine) {
        let quiet: Result<Directive, _> = format!("{library}=info").parse();
        filter = filter.add_directive(quiet.map_err(|_| EXPECTED.to_owned())?);
    }
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_taken_alone_and_for_parts() {
        for good in
            ["info", "INFO", "off", "tandem_server=debug", "info,tandem_server=debug", "warn,h2=trace"]
        {
            assert!(filter(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn libraries_stay_quiet_and_a_coarse_filter_stays_coarse() {
        assert!(filter("debug").unwrap().to_string().contains("h2=info"));
        assert_eq!(filter("error").unwrap().to_string(), "error");
        assert_eq!(filter("off").unwrap().max_level_hint(), Some(LevelFilter::OFF));
    }

    #[test]
    fn an_unknown_level_is_an_error_that_says_what_is_expected() {
        for bad in ["verbose", ",", " , ", "info,loud", "tandem_server", "tandem=loud", "tandem=louder=still"]
        {
            assert!(filter(bad).unwrap_err().contains("debug"), "{bad}");
        }
    }
}
