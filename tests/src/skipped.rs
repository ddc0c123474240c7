//! Reports tests that cannot run on this machine, where people see it.

use std::io::Write as _;

/// The file that collects the skipped tests. `cargo xtask test` sets it and prints its lines at the end.
const FILE_VARIABLE: &str = "TANDEM_SKIPPED_FILE";

/// Records that a test is skipped, and why. The test then returns.
pub fn skip(test: &str, why: &str) {
    let line = line(test, why);
    eprint!("{line}");
    if let Some(file) = std::env::var_os(FILE_VARIABLE) {
        // One write, so that lines of parallel tests do not mix.
        let open = std::fs::OpenOptions::new().create(true).append(true).open(&file);
        let written = open.and_then(|mut file| file.write_all(line.as_bytes()));
        written.unwrap_or_else(|error| panic!("{FILE_VARIABLE} {}: {error}", file.display()));
    }
}

fn line(test: &str, why: &str) -> String {
    format!("skipped: {test}: {why}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skipped_test_is_one_line_with_its_name_and_reason() {
        assert_eq!(line("module::test", "only root may"), "skipped: module::test: only root may\n");
    }
}
