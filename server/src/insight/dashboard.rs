//! The dashboard: one read-only page. It works without JavaScript. A short script reloads the
//! page's contents.

use maud::{DOCTYPE, Markup, html};
use tandem_core::order::SignalSource;

use super::dashboard_dead_letters;
use super::format::{ago, clock, percent, span};
use super::health::{Health, Snapshot, Status};
use crate::outbox::{EventView, Figures, Metric, NameFigures, State};

/// The script that refreshes the page in place.
pub(super) const SCRIPT: &str = include_str!("dashboard.js");
const STYLE: &str = include_str!("dashboard.css");

/// The page. `latest`: the newest events. `dead_letters`: the newest dead letters.
pub(super) fn page(snapshot: &Snapshot, latest: &[EventView], dead_letters: &[EventView]) -> Markup {
    let Snapshot { health, figures, at_ms, .. } = snapshot;
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Tandem · " (status_word(health.status)) }
                style { (maud::PreEscaped(STYLE)) }
                script src="/dashboard.js" defer {}
            }
            body {
                main id="main" {
                    (header(health, *at_ms))
                    section class="tiles" { (tiles(health)) }
                    section { h2 { "Events, last 24 hours" } (funnel(figures)) }
                    div class="columns" {
                        section { h2 { "Pixels" } (pixels(health, figures)) }
                        section { h2 { "Match-key coverage" } (coverage(figures)) }
                    }
                    section { h2 { "Outbox balance" } (balance(figures)) }
                    (dashboard_dead_letters::sections(dead_letters, &figures.latest_dead_webhooks, *at_ms))
                    section { h2 { "CachedSnapshot events" } (events(latest, *at_ms)) }
                    footer {
                        "Rates are as browsers report them. Figures: "
                        a href="/api/tracking-health" { "JSON" } " · " a href="/metrics" { "metrics" }
                    }
                }
            }
        }
    }
}

fn header(health: &Health, at_ms: i64) -> Markup {
    html! {
        header class=(status_class(health.status)) {
            div {
                h1 { "Tandem" }
                p class="status" { span class="dot" {} (status_word(health.status)) }
            }
            @if health.reasons.is_empty() {
                p class="reasons" { "Everything that was accepted is on its way or has arrived." }
            } @else {
                ul class="reasons" { @for reason in &health.reasons { li { code { (reason) } } } }
            }
            time { (clock(at_ms)) " UTC" }
        }
    }
}

fn tiles(health: &Health) -> Markup {
    let last = &health.last_24h;
    html! {
        (tile("Leads", &last.lead_events.to_string(), "accepted in 24 h"))
        (tile("Purchases", &last.purchase_events.to_string(), "accepted in 24 h"))
        (tile("Deduplicated", &percent(last.deduplication_rate), "of events with a browser"))
        (tile("Delivered", &percent(last.delivery_rate), "of finished events"))
        (tile("Pending", &health.outbox.pending.to_string(), &format!("oldest {}", span(health.outbox.oldest_age_seconds))))
        (tile("Held", &health.outbox.held.to_string(), "waiting for their pixel"))
        (tile("Dead letters", &health.outbox.dead_letters.to_string(), "webhooks included"))
        (tile("Answer", &format!("{:.1} ms", last.avg_response_time), &format!("p99 {:.1} ms", last.p99_response_time)))
    }
}

fn tile(name: &str, value: &str, note: &str) -> Markup {
    html! { div class="tile" { span { (name) } strong { (value) } small { (note) } } }
}

fn funnel(figures: &Figures) -> Markup {
    let named: Vec<(&String, &NameFigures)> =
        figures.last_24h.iter().filter(|(name, _)| !name.is_empty()).collect();
    if named.is_empty() {
        return html! { p class="empty" { "Nothing has been accepted yet. Send a lead, and it shows here." } };
    }
    html! {
        div class="scroll" { table {
            thead { tr {
                th { "Event" } th { "Accepted" } th { "Delivered" } th { "With browser" } th { "Deduplicated" }
                th { "Rate" } th { "Suppressed" } th { "Dead letters" } th { "Repeats" }
            } }
            tbody { @for (name, counts) in named {
                @let with_browser = counts.get(Metric::DeliveredWithBrowser);
                @let merged = counts.get(Metric::Deduplicated);
                tr {
                    th scope="row" { (name) }
                    td { (counts.get(Metric::Accepted)) }
                    td { (counts.get(Metric::Delivered)) }
                    td { (with_browser) }
                    td { (merged) }
                    td { (percent((with_browser > 0).then(|| merged as f64 / with_browser as f64))) }
                    td { (counts.get(Metric::Suppressed)) }
                    td { (counts.get(Metric::DeadLetter)) }
                    td { (counts.get(Metric::Duplicate)) }
                }
            } }
        } }
        (signals(figures))
    }
}

/// The share of Purchases that had browser signals, and the sources of these signals.
fn signals(figures: &Figures) -> Markup {
    let signals = figures.signals();
    let of = |wanted: &[SignalSource]| -> u64 {
        signals.iter().filter(|(from, _)| wanted.contains(from)).map(|(_, n)| n).sum()
    };
    let (all, without) = (of(&SignalSource::ALL), of(&[SignalSource::Nobody]));
    html! {
        @if all > 0 {
            p class="note" {
                (all - without) " of " (all) " delivered Purchases had browser signals: "
                (of(&[SignalSource::Claim])) " from the page that claimed the order, "
                (of(&[SignalSource::EarlierEvent])) " from an earlier event, "
                (of(&[SignalSource::Internal])) " from a service of the shop."
            }
        }
    }
}

fn pixels(health: &Health, figures: &Figures) -> Markup {
    html! {
        div class="scroll" { table {
            thead { tr {
                th { "Pixel" } th class="text" { "State" } th { "Waiting" } th { "Delivered" }
                th title="Most Graph calls that may be open at once" { "Calls at most" }
            } }
            tbody { @for pixel in &health.pixels {
                @let backlog = figures.backlog.get(&pixel.pixel_id).cloned().unwrap_or_default();
                tr {
                    th scope="row" { (pixel.pixel_id) }
                    td class="text" {
                        span class=(format!("badge {}", pixel.state)) { (pixel.state.replace('_', " ")) }
                        @if !pixel.reason.is_empty() { " " code { (pixel.reason) } }
                    }
                    td { (backlog.open() + backlog.get(State::Held)) }
                    td { (backlog.get(State::Delivered)) }
                    td { (if pixel.calls_max == 0 { "–".to_owned() } else { pixel.calls_max.to_string() }) }
                }
            } }
        } }
    }
}

fn coverage(figures: &Figures) -> Markup {
    let coverage = &figures.coverage;
    if coverage.events == 0 {
        return html! { p class="empty" { "No events yet." } };
    }
    let mut keys: Vec<_> = coverage.keys.iter().collect();
    keys.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    html! {
        ul class="bars" { @for (key, n) in keys {
            @let share = 100 * n / coverage.events;
            li {
                span { (key) }
                meter min="0" max="100" value=(share) { (share) "%" }
                b { (share) "%" }
            }
        } }
        p class="note" { "Share of the latest " (coverage.events) " events that carry the key." }
    }
}

fn balance(figures: &Figures) -> Markup {
    let states = [
        ("pending", State::Pending),
        ("in flight", State::InFlight),
        ("waiting for signals", State::WaitingJoin),
        ("held", State::Held),
        ("delivered", State::Delivered),
        ("dead letters", State::DeadLetter),
        ("suppressed", State::Suppressed),
    ];
    let total: u64 = states.iter().map(|(_, state)| figures.in_state(*state)).sum();
    html! {
        p class="balance" {
            @for (i, (name, state)) in states.iter().enumerate() {
                @if i > 0 { " + " }
                span { b { (figures.in_state(*state)) } " " (name) }
            }
            " = " b { (total) } " accepted events in the store"
        }
        p class="note" { "Orders known: " (figures.orders.0) ", paid: " (figures.orders.1) "." }
    }
}

fn events(latest: &[EventView], at_ms: i64) -> Markup {
    if latest.is_empty() {
        return html! { p class="empty" { "No events yet." } };
    }
    html! {
        div class="scroll" { table {
            thead class="texts" { tr {
                th { "When" } th { "Event" } th { "Event ID" } th { "State" } th { "Browser" } th { "Match keys" }
            } }
            tbody { @for event in latest { tr {
                td class="text" { (ago(at_ms, event.received_ms)) }
                th scope="row" { (event.name) }
                td class="text id" { (event.id) }
                td class="text" {
                    span class=(format!("badge {}", event.state.name())) { (event.state.name().replace('_', " ")) }
                    @if let Some(code) = &event.code { " " code { (code) } }
                }
                td class="text" { (event.browser.map_or("–", |outcome| outcome.name())) }
                td class="text keys" { (event.keys.names().join(" ")) }
            } } }
        } }
    }
}

fn status_word(status: Status) -> &'static str {
    match status {
        Status::Healthy => "Healthy",
        Status::Degraded => "Degraded",
        Status::Critical => "Critical",
    }
}

fn status_class(status: Status) -> &'static str {
    match status {
        Status::Healthy => "healthy",
        Status::Degraded => "degraded",
        Status::Critical => "critical",
    }
}
