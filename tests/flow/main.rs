//! Every flow that needs no browser, against the real binaries.

mod balance;
mod callers;
mod catalogue;
mod configuration;
mod confirmations;
mod delivery;
mod disk;
mod events;
mod faults;
mod http_port;
mod lead;
mod legacy_webhooks;
mod operator_tool;
mod operators;
mod privacy;
mod purchase;
mod purchase_facts;
mod refunds;
mod rejections;
mod restart;
mod services;
mod web;
mod webhook_kinds;
mod webhooks;
