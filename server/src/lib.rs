//! Tandem's server: takes conversion events durably and delivers them to Meta.
//!
//! The stages, in the order in which an event passes them:
//!
//! | stage | does |
//! |---|---|
//! | [`ingest`] | who calls; message → checked, hashed event; gRPC and gRPC-web |
//! | [`purchase`] | claims, facts and webhooks become steps on their order |
//! | [`outbox`] | durable before the answer; leases; results |
//! | [`delivery`] | per pixel: batch → Graph API → classify → record |
//! | [`insight`] | health, metrics, dashboard, operators' RPCs |
//!
//! [`config`] reads the settings, [`catalogue`] the shop's products,
//! [`clock`] tells the time, [`app`] wires it all up.

pub mod app;
pub mod catalogue;
pub mod clock;
pub mod config;
pub mod delivery;
pub mod ingest;
pub mod insight;
pub mod outbox;
pub mod ports;
pub mod purchase;
