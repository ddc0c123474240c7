//! Insight shows what was sent, matched, deduplicated and held, and why. It only reads.

pub(crate) mod code_pages;
pub mod dashboard;
mod dashboard_dead_letters;
pub mod diagnosis;
mod format;
pub mod health;
pub mod http;
mod metrics_page;
