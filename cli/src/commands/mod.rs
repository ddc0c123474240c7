//! One file per command: its arguments, its call, its rendering. A new command is a new
//! file and a line in `arguments::Command`.

mod event_view;
pub(crate) mod events;
pub(crate) mod health;
