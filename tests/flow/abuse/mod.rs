//! What others do to the server hurts neither the shop nor its visitors, and leaks nothing.

mod gateway_fire;
mod leaving_callers;
mod overload;
mod privacy;
mod slow_callers;
mod strangers;
