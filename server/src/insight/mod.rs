//! Insight: what was sent, matched, deduplicated, held, and why.

pub mod dashboard;
mod dashboard_dead_letters;
mod dead_letter_work;
mod dead_letters;
pub mod diagnosis;
pub mod health;
pub mod http;
pub mod metrics;
pub mod operations;
mod orders;
mod pages;
pub mod response_times;
mod steering;
