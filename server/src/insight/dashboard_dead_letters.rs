//! The dashboard's sections about dead letters: the newest events and webhooks, and what an
//! operator can do about each code.

use maud::{Markup, html};

use super::code_pages::{self, CodePage};
use super::format::ago;
use crate::outbox::{DeadWebhook, EventView};

/// The sections; empty without dead letters.
pub(super) fn sections(events: &[EventView], webhooks: &[DeadWebhook], at_ms: i64) -> Markup {
    let explained = explained(events, webhooks);
    html! {
        @if !events.is_empty() {
            section { h2 { "Newest dead letters" } (event_table(events, at_ms)) }
        }
        @if !webhooks.is_empty() {
            section { h2 { "Webhooks that could not be used" } (webhook_table(webhooks, at_ms)) }
        }
        @if !explained.is_empty() {
            section {
                h2 { "What to do about them" }
                dl class="advice" { @for page in &explained {
                    dt id=(anchor(&page.code)) { code { (page.code) } " " (inline(&page.meaning)) }
                    dd { (inline(&page.what_to_do)) " " small { (page.path) } }
                } }
            }
        }
    }
}

fn event_table(events: &[EventView], at_ms: i64) -> Markup {
    html! {
        div class="scroll" { table {
            thead class="texts" { tr {
                th { "Given up" } th { "Event" } th { "Event ID" } th { "Order" } th { "Attempts" } th { "Reason" }
            } }
            tbody { @for event in events { tr {
                td class="text" { (ago(at_ms, event.finished_ms.unwrap_or(event.received_ms))) }
                th scope="row" { (event.name) }
                td class="text id" { (event.id) }
                td class="text" { (event.order_id.as_deref().unwrap_or("–")) }
                td class="text" { (event.attempts) }
                td class="text" { (reason(event.code.as_deref().unwrap_or_default(), code_pages::of_event)) }
            } } }
        } }
        p class="note" {
            code { "tandem dead-letters show EVENT_ID" } " says more, "
            code { "tandem dead-letters replay" } " sends them again."
        }
    }
}

fn webhook_table(webhooks: &[DeadWebhook], at_ms: i64) -> Markup {
    html! {
        div class="scroll" { table {
            thead class="texts" { tr {
                th { "When" } th { "Position" } th { "Type" } th { "Order" } th { "Reason" }
            } }
            tbody { @for webhook in webhooks { tr {
                td class="text" { (ago(at_ms, webhook.received_ms)) }
                td class="text" { (webhook.seq) }
                td class="text" { (if webhook.kind.is_empty() { "–" } else { &webhook.kind }) }
                td class="text" { (webhook.order_id.as_deref().unwrap_or("–")) }
                td class="text" { (reason(&webhook.code, code_pages::of_webhook)) }
            } } }
        } }
        p class="note" { code { "tandem dead-letters show --webhook POSITION" } " says more." }
    }
}

/// A code. It links to the advice if the code has a page.
fn reason(code: &str, page: fn(&str) -> Option<CodePage>) -> Markup {
    html! {
        @match page(code) {
            Some(page) => a href=(format!("#{}", anchor(code))) title=(page.meaning) { code { (code) } },
            None => code { (code) },
        }
    }
}

fn anchor(code: &str) -> String {
    format!("code-{code}")
}

/// Each shown code once, in the order of its first appearance.
fn explained(events: &[EventView], webhooks: &[DeadWebhook]) -> Vec<CodePage> {
    let of_events = events.iter().filter_map(|event| code_pages::of_event(event.code.as_deref()?));
    let of_webhooks = webhooks.iter().filter_map(|webhook| code_pages::of_webhook(&webhook.code));
    let mut shown: Vec<CodePage> = Vec::new();
    for page in of_events.chain(of_webhooks) {
        if !shown.iter().any(|known| known.code == page.code) {
            shown.push(page);
        }
    }
    shown
}

/// Text in which backticks mark code.
fn inline(text: &str) -> Markup {
    html! {
        @for (i, part) in text.split('`').enumerate() {
            @if i % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

#[cfg(test)]
mod tests {
    use tandem_core::id::{EventId, EventName, PixelId};
    use tandem_core::user_data::KeySet;

    use super::*;
    use crate::outbox::State;

    fn letter(code: &str) -> EventView {
        EventView {
            seq: 1,
            pixel: PixelId::parse("123456789012345").unwrap(),
            name: EventName::parse("Lead").unwrap(),
            id: EventId::parse("id-1").unwrap(),
            state: State::DeadLetter,
            order_id: None,
            time_s: 0,
            received_ms: 0,
            due_ms: None,
            finished_ms: Some(60_000),
            attempts: 3,
            code: Some(code.to_owned()),
            keys: KeySet(0),
            has_person: true,
            browser: None,
            fired_s: None,
        }
    }

    fn webhook(kind: &str) -> DeadWebhook {
        DeadWebhook {
            seq: 7,
            kind: kind.to_owned(),
            order_id: None,
            code: "bad_amount".to_owned(),
            received_ms: 0,
            body_sha256: "ab".to_owned(),
            body_bytes: 2,
        }
    }

    #[test]
    fn each_reason_leads_to_what_to_do_and_is_explained_once() {
        let events = [letter("too_old"), letter("too_old"), letter("not_explained")];
        let html = sections(&events, &[webhook("PAYMENT"), webhook("")], 120_000).into_string();
        assert_eq!(html.matches(r##"href="#code-too_old""##).count(), 2, "{html}");
        assert_eq!(html.matches(r#"id="code-too_old""#).count(), 1, "{html}");
        assert_eq!(html.matches(r#"id="code-bad_amount""#).count(), 1, "{html}");
        assert!(!html.contains("code-not_explained"), "{html}");
        assert!(html.contains("resend it from Cashfree") && html.contains("60 s ago"), "{html}");
        assert_eq!(sections(&[], &[], 0).into_string(), "");
    }

    #[test]
    fn nothing_of_a_webhook_becomes_markup() {
        let html = sections(&[], &[webhook("<script>")], 0).into_string();
        assert!(html.contains("&lt;script&gt;") && !html.contains("<script>"), "{html}");
    }
}
