//! The shop in headless Chromium, driven over WebDriver.

mod session;
mod shop;

pub use session::{Session, chromium, driver};
pub use shop::{Fired, Shop};
