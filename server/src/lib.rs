//! Tandem's server. It stores conversion events durably and delivers them to Meta.
//!
//! A folder imports only what stands below it (`cargo xtask tidy` checks that):
//!
//! | folder | does |
//! |---|---|
//! | [`app`] | wiring: what is started, in which order, and how it stops |
//! | [`api`] | the RPCs, and the only place that knows tonic and the messages |
//! | [`insight`] | health, metrics page, dashboard, diagnosis: reads and changes nothing |
//! | [`orders`] | claims, reports and webhooks become steps on their order |
//! | [`ingest`] | a decoded event is stored, answered and handed over |
//! | [`delivery`] | per pixel: batch → Graph API → classify → record |
//! | [`outbox`] | durable before the answer; leases; results |
//! | [`config`] | the settings |
//! | [`catalogue`] | the shop's products |
//! | [`web_package`] | the files of the browser package, embedded |
//! | [`telemetry`] | counters, gauges and response times |
//! | [`clock`] | the time |
//! | `aging` | a bounded map that forgets without a walk |
//! | `private` | the data directory belongs to its owner alone |
//! | `vital` | threads and tasks without which the server must not live on |

mod aging;
pub mod api;
pub mod app;
pub mod catalogue;
pub mod clock;
pub mod config;
pub mod delivery;
pub mod ingest;
pub mod insight;
pub mod orders;
pub mod outbox;
mod private;
pub mod telemetry;
mod vital;
pub mod web_package;
