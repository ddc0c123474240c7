//! The Events Manager page: which events Meta would have counted, and from which side they came.

use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CACHE_CONTROL;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Deserialize;

use crate::clock::india_clock;
use crate::config::LiveConfig;
use crate::journal::Journal;
use crate::matches::{MatchRow, NameTotals};
use crate::records::GraphRequest;
use crate::state::Sandbox;

const STYLE: &str = include_str!("../assets/events-manager.css");
const SCRIPT: &str = include_str!("../assets/events-manager.js");

/// Events in the activity list.
const ACTIVITY_ROWS: usize = 60;

/// Refused requests in their list.
const REFUSED_ROWS: usize = 8;

pub fn routes() -> Router<Sandbox> {
    Router::new().route("/events-manager", get(page)).route("/events-manager/live", get(live))
}

async fn page(State(sandbox): State<Sandbox>) -> Markup {
    let config = sandbox.live();
    let journal = sandbox.journal();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                link rel="icon" href="data:,";
                title { "Events Manager · Tandem sandbox" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (top_bar(&config))
                main #live data-revision=(journal.revision()) { (overview(&journal)) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

#[derive(Debug, Deserialize)]
struct LiveQuery {
    since: Option<u64>,
}

/// The changing part of the page. 204 if nothing arrived since the revision that the page shows.
async fn live(State(sandbox): State<Sandbox>, Query(query): Query<LiveQuery>) -> Response {
    let journal = sandbox.journal();
    if query.since == Some(journal.revision()) {
        return (StatusCode::NO_CONTENT, [(CACHE_CONTROL, "no-store")]).into_response();
    }
    let headers = [("x-revision", journal.revision().to_string()), ("cache-control", "no-store".to_owned())];
    (headers, overview(&journal)).into_response()
}

fn top_bar(config: &LiveConfig) -> Markup {
    html! {
        header.bar {
            div.title {
                svg viewBox="0 0 24 24" width="26" height="26" aria-hidden="true" {
                    rect x="1" y="1" width="22" height="22" rx="6" fill="#1f3a5f" {}
                    circle cx="9.500" cy="12" r="4.600" fill="none" stroke="#fff" stroke-width="1.800" {}
                    circle cx="14.500" cy="12" r="4.600" fill="none" stroke="#7cc4a4" stroke-width="1.800" {}
                }
                h1 { "Events Manager" }
                span.tag { "sandbox" }
            }
            dl {
                div { dt { "Dataset" } dd.mono { (config.pixel_id) } }
                div { dt { "Window" } dd { "48 h" } }
                div { dt { "Updates" } dd #pulse { "live" } }
            }
            nav { a href="/shop/" { "Open the shop" } }
        }
    }
}

fn overview(journal: &Journal) -> Markup {
    let totals = journal.matches().totals();
    html! {
        (figures(journal, &totals))
        (event_table(&totals))
        (activity(journal))
        (refused(journal))
    }
}

/// The rate counts only event names that arrived from both sides. A name that only one side sends, such as PageView, has
/// nothing to deduplicate.
fn overall_rate(totals: &[NameTotals]) -> Option<u64> {
    let mut both = NameTotals::default();
    for sums in totals.iter().filter(|sums| sums.browser > 0 && sums.server > 0) {
        both.deduplicated += sums.deduplicated;
        both.events += sums.events;
    }
    both.rate_percent()
}

fn figures(journal: &Journal, totals: &[NameTotals]) -> Markup {
    let sum = |part: fn(&NameTotals) -> u64| totals.iter().map(part).sum::<u64>();
    let rate = overall_rate(totals).map_or_else(|| "–".to_owned(), |percent| format!("{percent} %"));
    let warnings = journal.matches().rows().filter(|row| row.warning().is_some()).count();
    let tests = journal.matches().rows().filter(|row| row.test_event_code.is_some()).count();
    let refused = journal.graph_requests().filter(|request| request.status != 200).count();
    let figure = |label: &str, value: &str, note: &str, class: &str| {
        html! {
            div.figure.(class) { p.label { (label) } p.value { (value) } p.note { (note) } }
        }
    };
    html! {
        section.figures aria-label="Overview" {
            (figure("Deduplication rate", &rate, "events seen from both sides", "rate"))
            (figure("From browsers", &sum(|sums| sums.browser).to_string(), "pixel hits at /tr/", ""))
            (figure("From servers", &sum(|sums| sums.server).to_string(), "Conversions API events", ""))
            (figure("Counted", &sum(|sums| sums.counted).to_string(), "after deduplication", ""))
            (figure("Test events", &tests.to_string(), "with a test event code", ""))
            (figure("To look at", &(warnings + refused).to_string(), &format!("warnings {warnings}, refused {refused}"), if warnings + refused > 0 { "alert" } else { "" }))
        }
    }
}

fn event_table(totals: &[NameTotals]) -> Markup {
    html! {
        section.block {
            h2 { "Events" }
            div.scroll {
                table {
                    thead { tr {
                        th { "Event" } th.number { "Browser" } th.number { "Server" } th.number { "Deduplicated" }
                        th.number { "Counted" } th.bar-column { "Share deduplicated" }
                    } }
                    tbody {
                        @for sums in totals {
                            tr {
                                td { strong { (sums.event_name) } }
                                td.number { (sums.browser) }
                                td.number { (sums.server) }
                                td.number { (sums.deduplicated) }
                                td.number { (sums.counted) }
                                td.bar-column { (share(sums)) }
                            }
                        }
                        @if totals.is_empty() {
                            tr { td.empty colspan="6" { "Nothing has arrived yet. " a href="/shop/" { "Open the shop" } " and buy something." } }
                        }
                    }
                }
            }
        }
    }
}

fn share(sums: &NameTotals) -> Markup {
    let percent = sums.rate_percent().unwrap_or(0);
    html! {
        @if sums.browser == 0 || sums.server == 0 {
            span.muted { @if sums.server == 0 { "browser only" } @else { "server only" } }
        } @else {
            span.meter { span style={ "width:" (percent) "%" } {} }
            span.percent { (percent) " %" }
        }
    }
}

fn activity(journal: &Journal) -> Markup {
    let mut rows: Vec<&MatchRow> = journal.matches().rows().rev().take(ACTIVITY_ROWS).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.last_at_ms));
    html! {
        section.block {
            h2 { "Activity" }
            div.scroll {
                table.activity {
                    thead { tr {
                        th { "Time" } th { "Event" } th { "Event ID" } th { "Received from" } th { "Result" }
                        th { "Match keys" } th.number { "Value" }
                    } }
                    tbody {
                        @for row in rows { (activity_row(row)) }
                    }
                }
            }
        }
    }
}

fn activity_row(row: &MatchRow) -> Markup {
    html! {
        tr {
            td.mono.muted { (india_clock(row.last_at_ms)) }
            td {
                strong { (row.event_name) }
                @if let Some(code) = &row.test_event_code { " " span.tag.test title="test event code" { (code) } }
            }
            td.mono.id title=(row.event_id) { @if row.event_id.is_empty() { "–" } @else { (row.event_id) } }
            td.sources {
                @if row.browser > 0 { span.source.browser { "Browser" (times(row.browser)) } " " }
                @if row.server > 0 { span.source.server { "Server" (times(row.server)) } }
            }
            td {
                @if row.deduplicated { span.state.good { "Deduplicated" } }
                @else if row.server == 0 { span.state { "Browser only" } }
                @else if row.browser == 0 { span.state { "Server only" } }
                @else { span.state.bad { "Not matched" } }
                @if let Some(warning) = row.warning() { p.warning { (warning) } }
            }
            td { @for key in &row.match_keys { span.key title=(key) { (short_key(key)) } " " } }
            td.number { (row.value.as_deref().unwrap_or("")) }
        }
    }
}

/// Shortens the two longest match keys, so that a row has room for all of them.
fn short_key(key: &str) -> &str {
    match key {
        "client_ip_address" => "ip",
        "client_user_agent" => "agent",
        other => other,
    }
}

fn times(count: u64) -> String {
    if count > 1 { format!(" × {count}") } else { String::new() }
}

fn refused(journal: &Journal) -> Markup {
    let requests: Vec<&GraphRequest> =
        journal.graph_requests().rev().filter(|request| request.status != 200).take(REFUSED_ROWS).collect();
    html! {
        @if !requests.is_empty() {
            section.block {
                h2 { "Refused requests" }
                div.scroll {
                    table {
                        thead { tr { th { "Time" } th.number { "Events" } th.number { "Status" } th { "Code" } th { "Reason" } } }
                        tbody {
                            @for request in requests {
                                tr {
                                    td.mono.muted { (india_clock(request.at_ms)) }
                                    td.number { (request.events) }
                                    td.number { @if request.status == 0 { "none" } @else { (request.status) } }
                                    td.mono {
                                        @if let Some(code) = request.code { (code) }
                                        @if let Some(subcode) = request.error_subcode { " / " (subcode) }
                                    }
                                    td { (request.reason.as_deref().unwrap_or_default()) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn the_page_escapes_what_strangers_send_and_refreshes_when_something_arrives() {
        let router = testing::router();
        testing::send(&router, testing::get("/tr/?id=1&ev=%3Cb%3EX&eid=%22%3E%3Cscript%3E")).await;
        let page = testing::text(testing::send(&router, testing::get("/events-manager")).await).await;
        assert!(page.contains("&lt;b&gt;X"));
        assert!(!page.contains("<b>X"));
        assert!(!page.contains("\"><script>"));

        let live = testing::send(&router, testing::get("/events-manager/live?since=0")).await;
        assert_eq!(live.status(), StatusCode::OK);
        let revision = live.headers()["x-revision"].to_str().unwrap().to_owned();
        let unchanged = testing::get(&format!("/events-manager/live?since={revision}"));
        assert_eq!(testing::send(&router, unchanged).await.status(), StatusCode::NO_CONTENT);
    }

    #[test]
    fn the_rate_leaves_out_names_that_only_one_side_sends() {
        let sums = |event_name: &str, browser, server, deduplicated, events| NameTotals {
            event_name: event_name.to_owned(),
            browser,
            server,
            deduplicated,
            events,
            counted: 0,
        };
        let totals = [sums("PageView", 10, 0, 0, 10), sums("Lead", 3, 4, 3, 4)];
        assert_eq!(overall_rate(&totals), Some(75));
        assert_eq!(overall_rate(&totals[..1]), None);
    }
}
