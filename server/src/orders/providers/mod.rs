//! Payment providers: each verifies and reads the messages of one kind.

pub(super) mod cashfree;
mod legacy;
