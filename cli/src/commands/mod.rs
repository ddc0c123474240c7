//! One file or folder per command: its arguments, its call, its rendering. A new command is
//! a new file and a line in `arguments::Command`.

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
