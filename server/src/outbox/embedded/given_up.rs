//! Events that are given up without a call to Meta.

/// An event that was given up without a call. It is told once that is on disk, and off the transaction.
pub(super) struct GivenUp {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) code: String,
}

impl GivenUp {
    /// Most lines of one commit.
    const LINES_MAX: usize = 50;

    pub(super) fn tell(all: Vec<Self>) {
        let more = all.len().saturating_sub(Self::LINES_MAX);
        for Self { name, id, code } in all.into_iter().take(Self::LINES_MAX) {
            tracing::warn!(
                event.name = name,
                event.id = id,
                code,
                "an event will not be sent again; it is a dead letter now"
            );
        }
        if more > 0 {
            tracing::warn!(
                events = more,
                "more events are dead letters now; `tandem dead-letters list` has them"
            );
        }
    }
}
