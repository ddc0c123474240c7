//! One file or folder per command, with its arguments, its call and its rendering. A new command
//! needs a new file and a variant of `arguments::Command`.

pub(crate) mod clock;
pub(crate) mod dead_letters;
pub(crate) mod delivery;
pub(crate) mod doctor;
pub(crate) mod erase;
mod event_state;
mod event_view;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod lint;
mod order_view;
pub(crate) mod orders;
mod watch;
