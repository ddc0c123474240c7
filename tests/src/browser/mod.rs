//! Pages in headless Chromium and Firefox, driven over WebDriver.

mod bridge;
mod chromium;
mod delay_proxy;
mod firefox;
mod marionette;
mod session;
mod shop;
mod shop_pages;
mod shop_proxy;

pub use delay_proxy::DelayProxy;
pub use session::{Browser, Profile, Session};
pub use shop::{Fired, Shop};
pub use shop_pages::{Posted, ShopPages};
pub use shop_proxy::{Policy, ShopProxy};

use std::path::PathBuf;

/// The program that the environment variable names, or else the first of these names on the PATH.
fn installed(variable: &str, names: &[&str]) -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        return Some(PathBuf::from(path)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|path| path.is_file())
}
