//! The limit on open files: each connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Taken for the limit where the system names none.
const UNLIMITED: u64 = 1 << 20;

/// Raises the limit on open files as far as this process may, and returns what it is now.
pub fn raise_file_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // macOS refuses "unlimited" here; what is allowed already is what there is, then.
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    usize::try_from(current.unwrap_or(UNLIMITED).min(UNLIMITED)).unwrap_or(usize::MAX)
}
