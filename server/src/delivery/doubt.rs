//! Whose fault a refusal is that blames no event: the event's or the request's (pure).
//!
//! A wrong setting makes Meta refuse every event, and must not turn a shop's events into dead letters. A
//! stranger's event that Meta refuses must not stop the events of others. So refusals in a row count by
//! source, and what a proof of payment made says more than what a page sent.

use std::collections::BTreeSet;
use std::net::IpAddr;

use tandem_core::code;
use tandem_net::subscriber;

use crate::outbox::LeasedEvent;

/// Sources without a proof whose refusals in a row mean that the request is at fault.
const SOURCES_MAX: usize = 5;
/// Refusals in a row that mean it, whoever sent the events.
const REFUSED_MAX: u32 = 8;

/// Who made an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// A proven payment; the event's position.
    Proven(u64),
    /// A subscriber's browser, by its address.
    Subscriber(IpAddr),
    /// Nobody that the event names; the event's position.
    Unnamed(u64),
}

impl Source {
    pub(super) fn of(event: &LeasedEvent) -> Self {
        // Only an order's step makes events about money.
        if event.environment.is_some() {
            return Self::Proven(event.seq);
        }
        event
            .payload
            .client_ip_address()
            .map_or(Self::Unnamed(event.seq), |at| Self::Subscriber(subscriber(at)))
    }

    pub(super) fn is_proven(self) -> bool {
        matches!(self, Self::Proven(_))
    }
}

/// What a refusal shows that blames no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The event is given up.
    Event,
    /// Nothing yet: the event waits, and others are tried.
    Unclear,
    /// The pixel is held. `is_proven`: a proven event was refused too.
    Request { is_proven: bool },
}

/// The single events refused since Meta last took one.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    refused: u32,
    /// At most one more than [`REFUSED_MAX`] of them.
    sources: BTreeSet<Source>,
}

impl Doubt {
    /// Notes that Meta refused a single event and blamed no content.
    pub(super) fn refuse(&mut self, source: Source) -> Fault {
        self.refused = self.refused.saturating_add(1);
        if self.refused <= REFUSED_MAX || source.is_proven() {
            // A proven event takes the place of one that says less.
            if self.sources.len() > REFUSED_MAX as usize {
                self.sources.pop_last();
            }
            self.sources.insert(source);
        }
        let is_proven = self.sources.iter().any(|source| source.is_proven());
        let sources = self.sources.len();
        if self.refused == 1 {
            Fault::Event
        } else if sources >= SOURCES_MAX || (is_proven && sources > 1) || self.refused >= REFUSED_MAX {
            Fault::Request { is_proven }
        } else {
            Fault::Unclear
        }
    }

    /// Whether no event was refused since Meta last took one.
    pub(super) fn is_clear(&self) -> bool {
        self.refused == 0
    }

    /// Meta took an event, or judged what is in one: the request is good.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The event to try a pixel with: one that was not refused in such a row before, and of those a proven one, else
    /// one of a source that was not refused. The others take turns, so that a bad event does not stay the probe.
    pub(super) fn probe(&self, events: &[LeasedEvent]) -> usize {
        let rank = |event: &LeasedEvent| {
            let source = Source::of(event);
            match event.last_code.as_deref() {
                Some(code::REQUEST_REFUSED) => (true, false, false),
                _ => (false, !source.is_proven(), self.sources.contains(&source)),
            }
        };
        // The first of equal ones.
        (0..events.len()).min_by_key(|i| rank(&events[*i])).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn page(n: u8) -> Source {
        Source::Subscriber(IpAddr::from([192, 0, 2, n]))
    }

    #[test]
    fn one_source_does_not_hold_a_pixel_and_a_proven_event_does() {
        let mut doubt = Doubt::default();
        assert_eq!(doubt.refuse(page(1)), Fault::Event);
        assert_eq!(doubt.refuse(page(1)), Fault::Unclear);
        assert_eq!(doubt.refuse(page(2)), Fault::Unclear);
        assert_eq!(doubt.refuse(Source::Proven(7)), Fault::Request { is_proven: true });
        doubt.clear();
        assert_eq!(doubt.refuse(Source::Proven(8)), Fault::Event);
        assert_eq!(doubt.refuse(Source::Proven(8)), Fault::Unclear, "the same event says nothing more");
        assert_eq!(doubt.refuse(Source::Proven(9)), Fault::Request { is_proven: true });
    }

    #[test]
    fn many_sources_or_many_refusals_hold_it_for_a_probe() {
        let mut doubt = Doubt::default();
        let faults: Vec<Fault> = (1..=5).map(|n| doubt.refuse(page(n))).collect();
        assert_eq!(faults[4], Fault::Request { is_proven: false });
        assert!(faults[1..4].iter().all(|fault| *fault == Fault::Unclear));
        let mut doubt = Doubt::default();
        let last = (0..REFUSED_MAX).map(|_| doubt.refuse(page(1))).last();
        assert_eq!(last, Some(Fault::Request { is_proven: false }));
    }

    proptest! {
        /// At most one event is given up between two that Meta takes, and what is noted stays bounded.
        #[test]
        fn a_fault_of_the_request_gives_up_one_event(
            steps in prop::collection::vec(prop::option::weighted(0.97, (0..3_u8, 0..200_u8)), 0..400),
        ) {
            let (mut doubt, mut given_up, mut sources) = (Doubt::default(), 0, BTreeSet::new());
            for step in steps {
                let Some((kind, n)) = step else {
                    doubt.clear();
                    (given_up, sources) = (0, BTreeSet::new());
                    continue;
                };
                let source = match kind {
                    0 => Source::Proven(n.into()),
                    1 => page(n),
                    _ => Source::Unnamed(n.into()),
                };
                sources.insert(source);
                let fault = doubt.refuse(source);
                given_up += u32::from(fault == Fault::Event);
                prop_assert!(given_up <= 1);
                prop_assert!(doubt.sources.len() <= REFUSED_MAX as usize + 1);
                let proven = sources.iter().any(|source| source.is_proven());
                if let Fault::Request { is_proven } = fault {
                    prop_assert_eq!(is_proven, proven);
                    prop_assert!(proven || sources.len() >= SOURCES_MAX || doubt.refused >= REFUSED_MAX);
                }
            }
        }
    }
}
