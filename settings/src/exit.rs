//! Exit codes after a failed start. All programs use the same codes.

/// The system refuses something: for example, a port is in use or a directory cannot be read.
pub const REFUSED: u8 = 1;
/// A setting or an argument cannot be used.
pub const BAD_SETTINGS: u8 = 2;
