//! Compares the acknowledged events with the server's events and with the copies at Meta.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use tandem_proto::v1::{EventState, EventSummary, ListEventsRequest};
use tandem_tests::World;

use super::report::Report;
use super::sent_events::{SentEvent, SentEvents};
use super::{Options, Tally};
use crate::arrivals::{Arrival, Arrivals};
use crate::resend::{Kill, ResendReason, reason_for};

/// Every event in the server's store, by event name and ID.
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

pub(super) async fn audit(
    world: &World,
    sent: &SentEvents,
    tally: &Tally,
    options: Options,
    [loaded, took]: [Duration; 2],
) -> anyhow::Result<Report> {
    let known = known_events(world).await?;
    let events = sent.events();
    let mut report = Report::new(options, loaded, took);
    report.complaints = sent.complaints();
    report.faults = tally.faults;
    report.stores_checked = tally.stores_checked;
    for (counter, figure) in [
        (&sent.answered, &mut report.answered),
        (&sent.failed, &mut report.failed),
        (&sent.given_up, &mut report.given_up),
        (&sent.duplicates, &mut report.duplicates),
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

/// Checks the final state of one event that was sent.
fn check_fate(
    id: &str,
    sent: &SentEvent,
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
        report.complain(format!("LOST: the report that the pixel fired {name} {id} was acknowledged"));
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

/// Checks the copies at Meta: only events that were sent, each with its own data, and repeated only for a reason.
fn check_arrivals(
    arrivals: &Arrivals,
    events: &HashMap<String, SentEvent>,
    kills: &[Kill],
    report: &mut Report,
) {
    report.arrivals = arrivals.count();
    let mut purchases = HashMap::<&str, u32>::new();
    for (name, id, copies) in arrivals.all() {
        let Some(sent) = events.get(id).filter(|sent| sent.name == name) else {
            report.complain(format!("{name} {id} arrived, which nobody sent"));
            continue;
        };
        let first = &copies[0];
        if first.email_hash != sent.email_hash || first.value_minor != Some(sent.value_minor) {
            report.complain(format!("{name} {id} arrived with another event's data"));
        }
        if name == "Purchase" {
            *purchases.entry(first.order_id.as_str()).or_default() += 1;
        }
        for (before, copy) in copies.iter().zip(&copies[1..]) {
            if copy.digest != first.digest {
                report.complain(format!("{name} {id} arrived again with another payload"));
            }
            match reason_for(before, copy, kills) {
                ResendReason::Killed => report.resent_killed += 1,
                ResendReason::AnswerLost => report.resent_lost += 1,
                ResendReason::None => {
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

/// Checks that each accepted event was delivered or is a dead letter, and that `/metrics` agrees.
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
