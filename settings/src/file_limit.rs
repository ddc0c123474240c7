//! The limit on open files. Each connection counts as an open file.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Used as the limit if the system has none.
const UNLIMITED: u64 = 1 << 20;

/// Raises the limit on open files as far as this process may. Returns the new limit, in files.
pub fn raise_file_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // macOS refuses "unlimited" here. Then the current limit stays.
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    usize::try_from(current.unwrap_or(UNLIMITED).min(UNLIMITED)).unwrap_or(usize::MAX)
}
