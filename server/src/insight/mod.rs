//! Insight: what was sent, matched, deduplicated, held, and why.

pub mod dashboard;
pub mod health;
pub mod http;
pub mod metrics;
pub mod operations;
mod orders;
pub mod response_times;
mod steering;
