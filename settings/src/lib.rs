//! What Tandem's programs share of their settings.
//!
//! | module | holds |
//! |---|---|
//! | `keys` | the table of keys: who reads them, their defaults, what they mean |
//! | `document` | `--help` and `docs/settings.md`, made from that table |
//! | `source` | the reader: environment, then the file, then the table's defaults |
//! | `unknown` | variables that look like ours and are not, and what was meant |
//! | `values` | spans of time, switches, addresses as settings write them |
//! | `secret` | secrets, inline or in a file that is read again when it changes |
//! | `watched` | what tells one state of a file from the next |
//! | `understood` | what `--check` prints |
//! | `log` | the start of the log |
//! | `exit` | exit codes of a start that failed |
//! | `client` | for programs that call the server: its address, TLS, the internal token |
//! | `loopback` | which addresses are this machine's own |
//! | `networks` | lists of networks, such as those of trusted proxies |
//! | `client_address` | who sent a request, past the proxies that are trusted |
//! | `file_limit` | the limit on open files |

#![warn(missing_docs)]

pub mod document;
pub mod exit;
pub mod keys;

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "programs")]
mod client_address;
#[cfg(feature = "programs")]
mod file_limit;
#[cfg(feature = "programs")]
mod log;
#[cfg(feature = "programs")]
mod loopback;
#[cfg(feature = "programs")]
mod networks;
#[cfg(feature = "programs")]
mod secret;
#[cfg(feature = "programs")]
mod source;
#[cfg(feature = "programs")]
mod understood;
#[cfg(feature = "programs")]
mod unknown;
#[cfg(feature = "programs")]
pub mod values;
#[cfg(feature = "programs")]
mod watched;

pub use document::help;
pub use keys::{Key, Program, SecretKey};

#[cfg(feature = "programs")]
pub use {
    client_address::client_address,
    file_limit::raise_file_limit,
    log::{check_log, start_log},
    loopback::is_loopback,
    networks::Networks,
    secret::{INTERNAL_TOKEN_FILE, SecretSource},
    source::{Origin, SettingError, Source},
    understood::understood,
    unknown::Unknown,
    watched::FileState,
};
