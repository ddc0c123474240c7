//! An event's state as an operator types it.

use clap::ValueEnum;
use tandem_proto::v1::EventState;

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum State {
    Pending,
    InFlight,
    Delivered,
    Held,
    DeadLetter,
    Suppressed,
    WaitingJoin,
}

impl From<State> for EventState {
    fn from(state: State) -> Self {
        match state {
            State::Pending => Self::Pending,
            State::InFlight => Self::InFlight,
            State::Delivered => Self::Delivered,
            State::Held => Self::Held,
            State::DeadLetter => Self::DeadLetter,
            State::Suppressed => Self::Suppressed,
            State::WaitingJoin => Self::WaitingJoin,
        }
    }
}
