//! Every flow that needs no browser, against the real binaries.

mod balance;
mod callers;
mod configuration;
mod confirmations;
mod events;
mod faults;
mod http_port;
mod lead;
mod operator_tool;
mod operators;
mod privacy;
mod purchase;
mod purchase_facts;
mod rejections;
mod restart;
mod services;
mod strangers;
mod web;
mod webhook_kinds;
mod webhooks;
