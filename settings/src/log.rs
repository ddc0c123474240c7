//! Starts the log. All programs use it.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::keys::TANDEM_LOG;
use crate::source::{SettingError, Source};
use crate::values::entries;

/// What the targets of this project's own programs begin with.
const OWN: &str = "tandem";

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

/// Reads the filter. Detailed logs of libraries show headers, addresses and URLs of calls, so a level that names no part
/// and is finer than `info` is that of this project's parts only. A library has a finer level when it is named.
fn filter(text: &str) -> Result<EnvFilter, String> {
    if entries(text).next().is_none() {
        return Err(EXPECTED.to_owned());
    }
    let (named, bare): (Vec<&str>, Vec<&str>) =
        text.split(',').partition(|word| word.contains(['=', '[', ']', '{', '}']));
    let mut directives = Vec::new();
    for word in bare.into_iter().filter(|word| !word.is_empty()) {
        // The library reads an unknown word as the name of a module and then logs nothing else.
        let level = word.parse::<LevelFilter>().map_err(|_| EXPECTED.to_owned())?;
        if level > LevelFilter::INFO {
            directives.push(LevelFilter::INFO.to_string());
            directives.push(format!("{OWN}={level}"));
        } else {
            directives.push(word.to_owned());
        }
    }
    // What is named comes last and wins.
    directives.extend(named.into_iter().map(str::to_owned));
    EnvFilter::builder().parse(directives.join(",")).map_err(|_| EXPECTED.to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::Level;

    use super::*;

    #[test]
    fn levels_are_taken_alone_and_for_parts() {
        for good in
            ["info", "INFO", "off", "tandem_server=debug", "info,tandem_server=debug", "warn,h2=trace"]
        {
            assert!(filter(good).is_ok(), "{good}");
        }
    }

    /// Whether a message of this target passes.
    fn passes(text: &str, target: &str, level: Level) -> bool {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let writer = Shared(Arc::clone(&seen));
        let log = tracing_subscriber::fmt()
            .with_env_filter(filter(text).unwrap())
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(log, || match (target, level) {
            ("h2", Level::TRACE) => tracing::trace!(target: "h2::codec", "seen"),
            ("h2", Level::INFO) => tracing::info!(target: "h2::codec", "seen"),
            ("reqwest", _) => tracing::debug!(target: "reqwest::connect", "seen"),
            ("unheard_of", _) => tracing::debug!(target: "unheard_of", "seen"),
            _ => tracing::trace!(target: "tandem_net::port", "seen"),
        });
        let seen = seen.lock().unwrap();
        !seen.is_empty()
    }

    #[derive(Clone)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_library_stays_quiet_unless_it_is_named() {
        for (target, level) in [("h2", Level::TRACE), ("reqwest", Level::DEBUG), ("unheard_of", Level::DEBUG)]
        {
            assert!(!passes("trace", target, level), "{target}");
            assert!(!passes("info,tandem_server=trace", target, level), "{target}");
        }
        assert!(passes("trace", "tandem_net", Level::TRACE));
        assert!(passes("trace", "h2", Level::INFO));
        for named in ["warn,h2=trace", "debug,h2=trace", "h2=trace,debug"] {
            assert!(passes(named, "h2", Level::TRACE), "{named}");
        }
        assert!(!passes("tandem=info,trace", "tandem_net", Level::TRACE), "what is named wins");
    }

    #[test]
    fn a_coarse_filter_stays_coarse() {
        assert_eq!(filter("error").unwrap().to_string(), "error");
        assert_eq!(filter("off").unwrap().max_level_hint(), Some(LevelFilter::OFF));
        assert!(!passes("warn", "h2", Level::INFO));
    }

    #[test]
    fn an_unknown_level_is_an_error_that_says_what_is_expected() {
        for bad in ["verbose", ",", " , ", "info,loud", "tandem_server", "tandem=loud", "tandem=louder=still"]
        {
            assert!(filter(bad).unwrap_err().contains("debug"), "{bad}");
        }
    }
}
