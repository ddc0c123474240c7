//! Exit codes of a start that failed, the same for all programs.

/// The system refuses something: a port is taken, a directory cannot be read.
pub const REFUSED: u8 = 1;
/// A setting or an argument cannot be used.
pub const BAD_SETTINGS: u8 = 2;
