//! The server's typed settings. `tandem-settings` reads the texts, and this folder gives them their
//! meaning. All settings are checked in one pass. Every error is one line that names the variable.

mod advice;
mod check;
mod hosts;
mod network;
mod origins;
mod page;
mod pixels;
mod settings;
mod tls;

pub use advice::{SettingAdvice, SettingsReview, Weight};
pub use check::understood;
pub use hosts::HttpHosts;
pub use network::RateLimit;
pub use origins::{ListedOrigin, Origin, Origins};
pub use pixels::{MoneyRule, Pixel};
pub use settings::{BrowserPolicy, Cashfree, LeadField, Meta, Settings};
pub use tandem_settings::{SecretSource, Source};
