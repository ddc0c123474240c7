//! What the server measures of itself: counters, gauges and response times, in memory.

pub mod metrics;
pub mod response_times;
