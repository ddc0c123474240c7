//! Finds the event that makes Meta refuse a batch (pure). Meta refuses a batch as a whole and
//! seldom says for which event. So a refused range is split in two until the bad event is alone:
//! about 2·log₂(n) calls per bad event. Where Meta names an index (`data[7]…`), that event is tried
//! alone first, which takes three calls.

use std::ops::Range;

/// The parts of one batch that are still to be sent, as ranges of its events.
#[derive(Debug)]
pub(super) struct Isolation {
    rest: Vec<Range<usize>>,
    /// Whether the indexes that Meta named have been right so far.
    trusts_hints: bool,
    /// An event that is alone in its range because Meta named it.
    hinted: Option<usize>,
}

impl Isolation {
    /// Sends the first `together` events in one call, and each of the others on its own.
    pub(super) fn new(together: usize, alone: usize) -> Self {
        let mut rest: Vec<Range<usize>> = (together..together + alone).rev().map(|i| i..i + 1).collect();
        if together > 0 {
            rest.push(0..together);
        }
        Self { rest, trusts_hints: true, hinted: None }
    }

    pub(super) fn next(&mut self) -> Option<Range<usize>> {
        self.rest.pop()
    }

    /// Splits a range of several events that Meta refused. `blamed`: the index within it that Meta
    /// named.
    pub(super) fn split(&mut self, range: &Range<usize>, blamed: Option<usize>) {
        let blamed = blamed.map(|i| range.start + i).filter(|i| range.contains(i) && self.trusts_hints);
        let parts = match blamed {
            Some(i) => {
                self.hinted = Some(i);
                [i + 1..range.end, range.start..i, i..i + 1]
            }
            None => {
                let middle = range.start + range.len() / 2;
                [middle..range.end, range.start..middle, 0..0]
            }
        };
        // The last one pushed is sent first.
        self.rest.extend(parts.into_iter().filter(|part| !part.is_empty()));
    }

    /// Sends a range once more, before all others.
    pub(super) fn again(&mut self, range: Range<usize>) {
        // Meta was right about it.
        self.hinted = None;
        self.rest.push(range);
    }

    /// Meta accepted a range. If it was the single event that Meta had named, Meta's indexes are no
    /// longer trusted: following wrong ones would cost a call per event.
    pub(super) fn taken(&mut self, range: &Range<usize>) {
        if range.len() == 1 && self.hinted == Some(range.start) {
            self.trusts_hints = false;
        }
    }

    /// Removes and returns all ranges that are still unsent.
    pub(super) fn give_up(&mut self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.rest.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// Sends `n` events of which Meta refuses `bad`. Returns the refused events and the number of
    /// calls. `hint` invents the index that Meta names.
    fn run(
        n: usize,
        bad: &BTreeSet<usize>,
        hint: impl Fn(&Range<usize>) -> Option<usize>,
    ) -> (BTreeSet<usize>, BTreeSet<usize>, usize) {
        let (mut taken, mut refused, mut calls) = (BTreeSet::new(), BTreeSet::new(), 0);
        let mut isolation = Isolation::new(n, 0);
        while let Some(range) = isolation.next() {
            calls += 1;
            assert!(calls < 10_000, "it ends");
            if range.clone().all(|i| !bad.contains(&i)) {
                isolation.taken(&range);
                taken.extend(range);
            } else if range.len() > 1 {
                isolation.split(&range, hint(&range));
            } else {
                refused.extend(range);
            }
        }
        (taken, refused, calls)
    }

    #[test]
    fn one_bad_event_of_a_thousand_costs_about_twenty_calls() {
        let (taken, refused, calls) = run(1000, &BTreeSet::from([617]), |_| None);
        assert_eq!((taken.len(), refused), (999, BTreeSet::from([617])));
        assert!(calls <= 21, "{calls}");
    }

    #[test]
    fn a_place_that_meta_names_costs_four_calls() {
        let bad = BTreeSet::from([617]);
        let right = |range: &Range<usize>| Some(617 - range.start);
        assert_eq!(run(1000, &bad, right).2, 4);
    }

    #[test]
    fn wrong_places_are_believed_once() {
        let (_, refused, calls) = run(1000, &BTreeSet::from([617]), |_| Some(0));
        assert_eq!(refused, BTreeSet::from([617]));
        assert!(calls <= 25, "{calls}");
    }

    #[test]
    fn an_event_that_goes_again_goes_first_and_does_not_make_a_named_place_wrong() {
        let mut isolation = Isolation::new(8, 0);
        let whole = isolation.next().unwrap();
        isolation.split(&whole, Some(3));
        assert_eq!(isolation.next(), Some(3..4));
        isolation.again(3..4);
        assert_eq!(isolation.next(), Some(3..4));
        isolation.taken(&(3..4));
        assert!(isolation.trusts_hints);
    }

    #[test]
    fn suspects_go_alone() {
        let mut isolation = Isolation::new(3, 2);
        let ranges: Vec<_> = std::iter::from_fn(|| isolation.next()).collect();
        assert_eq!(ranges, [0..3, 3..4, 4..5]);
    }

    proptest! {
        #[test]
        fn each_culprit_is_found_and_each_other_event_is_sent_once(
            n in 1..1000_usize,
            bad in prop::collection::btree_set(0..1000_usize, 0..6),
            hint in prop::option::of(0..1200_usize),
        ) {
            let bad: BTreeSet<usize> = bad.into_iter().filter(|i| *i < n).collect();
            let (taken, refused, calls) = run(n, &bad, |_| hint);
            prop_assert_eq!(&refused, &bad);
            prop_assert_eq!(taken.len() + refused.len(), n);
            let log = usize::BITS as usize - n.leading_zeros() as usize;
            prop_assert!(calls <= 1 + bad.len() * (2 * log + 4) + 2, "{} calls for {}", calls, bad.len());
        }
    }
}
