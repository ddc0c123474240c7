//! The comparison of what was acknowledged, what the server knows, and what Meta got.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use tandem_proto::v1::{EventState, EventSummary, ListEventsRequest};

use super::arrivals::{Arrival, Arrivals};
use super::ledger::{Ledger, Sent};
use super::report::Report;
use super::{Kill, Options, Tally};
use crate::World;

/// A copy may be sent again when its request came so long before the kill at most: its answer, or
/// the commit of its result, was still under way. Milliseconds; the slow mood takes 500 of them.
const UNDER_WAY_MAX_MS: u64 = 2000;

/// States of events that are still to be sent.
const OPEN: [EventState; 4] =
    [EventState::Pending, EventState::InFlight, EventState::Held, EventState::WaitingJoin];

/// Why a further copy of an event came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// The one before it was under way when the server was killed.
    Killed,
    /// A fault kept the answer to the one before it back.
    AnswerLost,
    /// Neither.
    NoReason,
}

/// Why `copy` came after `before`.
pub(crate) fn reason_for(before: &Arrival, copy: &Arrival, kills: &[Kill]) -> Again {
    let under_way = |kill: &Kill| {
        // A request that was written whole may be read after its sender's death.
        kill.asked_ms <= before.at_ms + UNDER_WAY_MAX_MS
            && kill.done_ms + 1000 >= before.at_ms
            && kill.asked_ms <= copy.at_ms
    };
    if before.lost {
        Again::AnswerLost
    } else if kills.iter().any(under_way) {
        Again::Killed
    } else {
        Again::NoReason
    }
}

/// The events that are still to be sent, a few of them.
pub(crate) async fn open_events(world: &World) -> anyhow::Result<Vec<EventSummary>> {
    let operator = world.internal()?;
    let mut open = Vec::new();
    for state in OPEN {
        let request =
            ListEventsRequest { state: state.into(), page_size: 10, ..ListEventsRequest::default() };
        open.extend(operator.list_events(request).await?.events);
    }
    Ok(open)
}

/// Everything that the server knows, by event name and ID.
async fn known_events(world: &World) -> anyhow::Result<HashMap<(String, String), EventSummary>> {
    let operator = world.internal()?;
    let mut known = HashMap::new();
    let mut page_token = String::new();
    loop {
        let request = ListEventsRequest { page_size: 1000, page_token, ..ListEventsRequest::default() };
        let answer = operator.list_events(request).await?;
        for event in answer.events {
            known.insert((event.event_name.clone(), event.event_id.clone()), event);
        }
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            return Ok(known);
        }
    }
}

/// Checks the books.
pub(super) async fn audit(
    world: &World,
    ledger: &Ledger,
    tally: &Tally,
    options: Options,
    [loaded, took]: [Duration; 2],
) -> anyhow::Result<Report> {
    let known = known_events(world).await?;
    let events = ledger.events();
    let mut report = Report::new(options, loaded, took);
    report.complaints = ledger.complaints();
    report.moods = tally.moods;
    report.wrecks = tally.wrecks;
    for (counter, figure) in [
        (&ledger.answered, &mut report.answered),
        (&ledger.failed, &mut report.failed),
        (&ledger.given_up, &mut report.given_up),
        (&ledger.duplicates, &mut report.duplicates),
    ] {
        *figure = counter.load(Ordering::Relaxed);
    }
    for (id, sent) in &events {
        let summary = known.get(&(sent.name.to_owned(), id.clone()));
        check_fate(id, sent, summary, tally.arrivals.of(sent.name, id), &mut report);
    }
    for (name, id) in known.keys() {
        if events.get(id).is_none_or(|sent| sent.name != name) {
            report.complain(format!("the server knows {name} {id}, which nobody sent"));
        }
    }
    check_arrivals(&tally.arrivals, &events, &tally.kills, &mut report);
    check_figures(world, &known, &mut report).await?;
    Ok(report)
}

/// What became of one event that was sent.
fn check_fate(
    id: &str,
    sent: &Sent,
    known: Option<&EventSummary>,
    arrivals: &[Arrival],
    report: &mut Report,
) {
    let name = sent.name;
    report.sent += 1;
    report.acknowledged += u64::from(sent.acknowledged);
    report.purchases += u64::from(sent.acknowledged && name == "Purchase");
    report.fired += u64::from(sent.fired);
    let Some(known) = known else {
        if sent.acknowledged {
            report.lost += 1;
            report.complain(format!("LOST: {name} {id} was acknowledged, and the server does not know it"));
        }
        return;
    };
    if sent.fired && known.browser_outcome.is_empty() {
        report.complain(format!("the report that the pixel fired {name} {id} was acknowledged and is lost"));
    }
    match (known.state(), sent.is_poison, arrivals.is_empty()) {
        (EventState::Delivered, false, false) => report.delivered += 1,
        (EventState::DeadLetter, true, true) => report.dead_letters += 1,
        (state, is_poison, nothing_arrived) => {
            if nothing_arrived && !is_poison && sent.acknowledged {
                report.lost += 1;
            }
            report.complain(format!(
                "{name} {id} ended as {state:?} ({}) after {} attempts, arrived {} times, poison: {is_poison}",
                known.code,
                known.attempts,
                arrivals.len()
            ));
        }
    }
}

/// What came to Meta: known events only, each with its own data, again only for a reason.
fn check_arrivals(arrivals: &Arrivals, events: &HashMap<String, Sent>, kills: &[Kill], report: &mut Report) {
    report.arrivals = arrivals.count();
    let mut purchases = HashMap::<&str, u32>::new();
    for (name, id, copies) in arrivals.all() {
        let Some(sent) = events.get(id).filter(|sent| sent.name == name) else {
            report.complain(format!("{name} {id} arrived, which nobody sent"));
            continue;
        };
        let first = &copies[0];
        if first.email_hash != sent.email_hash || first.value_minor != Some(sent.value_minor) {
            report.complain(format!("{name} {id} arrived with another's data"));
        }
        if name == "Purchase" {
            *purchases.entry(first.order_id.as_str()).or_default() += 1;
        }
        for (before, copy) in copies.iter().zip(&copies[1..]) {
            if copy.digest != first.digest {
                report.complain(format!("{name} {id} arrived again with another payload"));
            }
            match reason_for(before, copy, kills) {
                Again::Killed => report.resent_killed += 1,
                Again::AnswerLost => report.resent_lost += 1,
                Again::NoReason => {
                    report.resent_unexplained += 1;
                    let nearest = kills.iter().map(|kill| kill.asked_ms.abs_diff(before.at_ms)).min();
                    report.complain(format!(
                        "DOUBLED: {name} {id} arrived at {} and at {} ms, {nearest:?} ms from the nearest kill",
                        before.at_ms, copy.at_ms
                    ));
                }
            }
        }
    }
    for (order, ids) in purchases.into_iter().filter(|(order, ids)| order.is_empty() || *ids > 1) {
        report.complain(format!("order {order:?} arrived as {ids} Purchases"));
    }
}

/// Accepted is what was finished and what waits, in the figures too.
async fn check_figures(
    world: &World,
    known: &HashMap<(String, String), EventSummary>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let of_state = |state: EventState| known.values().filter(|event| event.state() == state).count() as u64;
    let finished = [of_state(EventState::Delivered), of_state(EventState::DeadLetter)];
    let expected = [known.len() as u64, finished[0], finished[1]];
    let outcomes = ["accepted", "delivered", "dead_letter"];
    // The server may reuse figures for some seconds.
    let mut figures = [0; 3];
    let agree = world
        .eventually("figures that agree with the events", async || {
            let metrics = world.get("/metrics").await?.text().await.context("reading /metrics")?;
            figures = outcomes.map(|outcome| sum(&metrics, &format!("outcome=\"{outcome}\"")));
            Ok((figures == expected).then_some(()))
        })
        .await;
    if agree.is_err() {
        report.complain(format!("/metrics counts {figures:?} ({outcomes:?}); the events are {expected:?}"));
    }
    if expected[0] != expected[1] + expected[2] {
        report.complain(format!("accepted is not delivered + dead letters: {expected:?}"));
    }
    Ok(())
}

fn sum(metrics: &str, label: &str) -> u64 {
    let samples =
        metrics.lines().filter(|line| line.starts_with("tandem_events_last_24h{") && line.contains(label));
    samples.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(at_ms: u64, lost: bool) -> Arrival {
        Arrival {
            at_ms,
            lost,
            digest: String::new(),
            email_hash: String::new(),
            value_minor: None,
            order_id: String::new(),
            has_fbp: false,
        }
    }

    #[test]
    fn only_what_was_under_way_at_a_kill_or_lost_its_answer_may_come_again() {
        let kills = [Kill { asked_ms: 100_000, done_ms: 100_010 }];
        let reason = |first, lost, second| reason_for(&arrival(first, lost), &arrival(second, false), &kills);
        assert_eq!(reason(99_900, false, 100_500), Again::Killed);
        assert_eq!(reason(100_020, false, 100_500), Again::Killed, "read after its sender's death");
        assert_eq!(reason(90_000, true, 90_100), Again::AnswerLost);
        assert_eq!(reason(90_000, false, 100_500), Again::NoReason, "recorded long before the kill");
        assert_eq!(reason(99_900, false, 99_950), Again::NoReason, "twice before the kill");
        assert_eq!(reason(103_000, false, 103_100), Again::NoReason, "twice after the kill");
    }
}
