//! Reads settings for all of Tandem's programs.
//!
//! | module | contains |
//! |---|---|
//! | `keys` | the table of keys: the programs that read them, their defaults, their meaning |
//! | `document` | `--help` and `docs/settings.md`, made from that table |
//! | `source` | the reader: environment, then the file, then the table's defaults |
//! | `unknown` | misspelt variables, and suggestions for them |
//! | `values` | parsers for spans of time, switches and addresses |
//! | `secret` | secrets, given inline or in a file that is read again when it changes |
//! | `watched` | tells whether a file has changed |
//! | `understood` | what `--check` prints |
//! | `log` | the start of the log |
//! | `exit` | exit codes after a failed start |
//! | `client` | for programs that call the server: its address, TLS, the internal token |
//! | `loopback` | tells whether an address is this machine's own |
//! | `networks` | lists of networks, such as those of trusted proxies |
//! | `client_address` | the client that sent a request, seen through trusted proxies |
//! | `file_limit` | the limit on open files |
//! | `disk_room` | the room of a disk |

#![warn(missing_docs)]

pub mod document;
pub mod exit;
pub mod keys;

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "programs")]
mod client_address;
#[cfg(feature = "programs")]
mod disk_room;
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
pub use keys::{Key, Program, SecretForm, SecretKey};

#[cfg(feature = "programs")]
pub use {
    client_address::client_address,
    disk_room::{DiskRoom, disk_room},
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
