//! What the server measures about itself: counters, gauges and response times, in memory.

pub mod metrics;
pub mod response_times;
