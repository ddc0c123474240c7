//! Abuse by strangers harms neither the shop nor its visitors, and leaks no data.

mod canaries;
mod commit_thread;
mod gateway_fire;
mod leaving_callers;
mod overload;
mod ports;
mod privacy;
mod slow_callers;
mod strangers;
mod unproven_words;
