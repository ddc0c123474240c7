//! Output of dead letters: tables for people, JSON for programs.

use serde::Serialize;
use tandem_proto::v1::{ListDeadLettersResponse, WebhookDeadLetter};

use crate::commands::event_view::EventJson;
use crate::render::{json_time, plain, table, time};

/// The output of `dead-letters list`.
pub(crate) fn text(answer: &ListDeadLettersResponse) -> String {
    let mut parts = Vec::new();
    if !answer.events.is_empty() {
        let rows = answer.events.iter().map(|event| {
            vec![
                time(event.finished_at.as_ref()),
                plain(&event.event_name),
                plain(&event.code),
                event.attempts.to_string(),
                plain(&event.pixel_id),
                plain(&event.order_id),
                plain(&event.event_id),
            ]
        });
        parts.push(table(&["GIVEN UP", "NAME", "CODE", "TRIES", "PIXEL", "ORDER", "EVENT ID"], rows));
    }
    if !answer.webhooks.is_empty() {
        let rows = answer.webhooks.iter().map(|webhook| {
            vec![
                webhook.sequence.to_string(),
                time(webhook.received_at.as_ref()),
                plain(&webhook.webhook_type),
                plain(&webhook.code),
                plain(&webhook.order_id),
                webhook.body_bytes.to_string(),
                plain(&webhook.body_sha256),
            ]
        });
        let webhooks = table(&["POSITION", "RECEIVED", "WEBHOOK", "CODE", "ORDER", "BYTES", "SHA-256"], rows);
        parts.push(webhooks);
    }
    if parts.is_empty() {
        parts.push("no dead letters match".to_owned());
    }
    if !answer.next_page_token.is_empty() {
        parts.push(format!(
            "there are more events; --page-token {} shows them",
            plain(&answer.next_page_token)
        ));
    }
    if !answer.next_webhook_page_token.is_empty() {
        let token = plain(&answer.next_webhook_page_token);
        parts.push(format!("there are more webhooks; --webhook-page-token {token} shows them"));
    }
    parts.join("\n\n")
}

pub(super) fn webhook_text(webhook: &WebhookDeadLetter) -> String {
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    table(
        &[],
        [
            row("position", webhook.sequence.to_string()),
            row("webhook", plain(&webhook.webhook_type)),
            row("code", plain(&webhook.code)),
            row("order", plain(&webhook.order_id)),
            row("received", time(webhook.received_at.as_ref())),
            row("bytes", webhook.body_bytes.to_string()),
            row("SHA-256", plain(&webhook.body_sha256)),
        ],
    )
}

/// A page of dead letters as JSON, with the protocol's field names.
#[derive(Serialize)]
pub(crate) struct DeadLettersJson<'a> {
    events: Vec<EventJson<'a>>,
    webhooks: Vec<WebhookJson<'a>>,
    next_page_token: &'a str,
    next_webhook_page_token: &'a str,
}

/// A webhook as JSON, with the protocol's field names.
#[derive(Serialize)]
pub(super) struct WebhookJson<'a> {
    sequence: u64,
    webhook_type: &'a str,
    order_id: &'a str,
    code: &'a str,
    received_at: Option<String>,
    body_sha256: &'a str,
    body_bytes: u32,
}

impl<'a> DeadLettersJson<'a> {
    pub(crate) fn of(answer: &'a ListDeadLettersResponse) -> Self {
        Self {
            events: answer.events.iter().map(EventJson::of).collect(),
            webhooks: answer.webhooks.iter().map(WebhookJson::of).collect(),
            next_page_token: &answer.next_page_token,
            next_webhook_page_token: &answer.next_webhook_page_token,
        }
    }
}

impl<'a> WebhookJson<'a> {
    pub(super) fn of(webhook: &'a WebhookDeadLetter) -> Self {
        Self {
            sequence: webhook.sequence,
            webhook_type: &webhook.webhook_type,
            order_id: &webhook.order_id,
            code: &webhook.code,
            received_at: json_time(webhook.received_at.as_ref()),
            body_sha256: &webhook.body_sha256,
            body_bytes: webhook.body_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use prost_types::Timestamp;
    use tandem_proto::v1::{EventState, EventSummary};

    use super::*;

    fn sample() -> ListDeadLettersResponse {
        ListDeadLettersResponse {
            events: vec![EventSummary {
                pixel_id: "123456789012345".to_owned(),
                event_name: "Lead".to_owned(),
                event_id: "id-1".to_owned(),
                state: EventState::DeadLetter.into(),
                attempts: 1,
                code: "meta_rejected".to_owned(),
                finished_at: Some(Timestamp { seconds: 1_763_958_731, nanos: 0 }),
                ..EventSummary::default()
            }],
            webhooks: vec![WebhookDeadLetter {
                webhook_type: "PAYMENT_SUCCESS_WEBHOOK".to_owned(),
                order_id: "KB-1".to_owned(),
                code: "amount_invalid".to_owned(),
                received_at: Some(Timestamp { seconds: 1_763_958_732, nanos: 0 }),
                body_sha256: "ab12".to_owned(),
                body_bytes: 733,
                sequence: 41,
            }],
            next_page_token: "7".to_owned(),
            next_webhook_page_token: "41".to_owned(),
        }
    }

    #[test]
    fn events_and_webhooks_have_a_table_each() {
        let expected = "\
GIVEN UP              NAME  CODE           TRIES  PIXEL            ORDER  EVENT ID
2025-11-24T04:32:11Z  Lead  meta_rejected  1      123456789012345  -      id-1

POSITION  RECEIVED              WEBHOOK                  CODE            ORDER  BYTES  SHA-256
41        2025-11-24T04:32:12Z  PAYMENT_SUCCESS_WEBHOOK  amount_invalid  KB-1   733    ab12

there are more events; --page-token 7 shows them

there are more webhooks; --webhook-page-token 41 shows them";
        assert_eq!(text(&sample()), expected);
        assert_eq!(text(&ListDeadLettersResponse::default()), "no dead letters match");
    }

    #[test]
    fn json_has_the_protocols_names() {
        let json = serde_json::to_value(DeadLettersJson::of(&sample())).unwrap();
        assert_eq!(json["events"][0]["state"], "EVENT_STATE_DEAD_LETTER");
        assert_eq!(json["events"][0]["code"], "meta_rejected");
        assert_eq!(json["webhooks"][0]["body_bytes"], 733);
        assert_eq!(json["webhooks"][0]["received_at"], "2025-11-24T04:32:12Z");
        assert_eq!(json["webhooks"][0]["sequence"], 41);
        assert_eq!((&json["next_page_token"], &json["next_webhook_page_token"]), (&"7".into(), &"41".into()));
    }
}
