//! The server's settings, typed. `tandem-settings` reads the texts; here is what they mean. All are
//! checked in one pass, and every error is one line that names the variable.

mod check;
mod network;
mod page;
mod pixels;
mod settings;
mod tls;

pub use check::understood;
pub use network::{Origins, RateLimit};
pub use pixels::Pixel;
pub use settings::{BrowserPolicy, Cashfree, CashfreeEnvironment, LeadField, Meta, Settings};
pub use tandem_settings::{SecretSource, Source};
