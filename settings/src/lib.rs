//! What Tandem's programs share of their settings.
//!
//! | module | holds |
//! |---|---|
//! | `networks` | lists of networks, such as those of trusted proxies |
//! | `client_address` | who sent a request, past the proxies that are trusted |
//! | `file_limit` | the limit on open files |

mod client_address;
mod file_limit;
mod networks;

pub use client_address::client_address;
pub use file_limit::raise_file_limit;
pub use networks::Networks;
