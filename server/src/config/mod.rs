//! Settings: environment first, then an optional TOML file, then defaults. Read once,
//! checked in one pass; every fault is one line that names the variable.

mod duration;
mod network;
mod pixels;
mod secret;
mod settings;
mod source;
mod tls;

pub use network::{Origins, RateLimit};
pub use pixels::Pixel;
pub use secret::SecretSource;
pub use settings::{BrowserPolicy, Cashfree, CashfreeEnvironment, LeadField, Meta, Settings};
pub use source::{ConfigError, Source};
