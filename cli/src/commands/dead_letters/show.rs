//! `tandem dead-letters show`: one dead letter, why it was given up, and what to do.

use clap::Args;
use serde::Serialize;
use tandem_proto::v1::{CodePage, GetDeadLetterRequest, GetDeadLetterResponse, ReplayVerdict};

use super::view::{WebhookJson, webhook_text};
use crate::commands::event_view::{EventDetailsJson, event_text};
use crate::error::CliError;
use crate::render::{json, plain};
use crate::report::Report;
use crate::server::Server;

/// Hex digits of a SHA-256.
const DIGEST_DIGITS: usize = 64;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The event's ID
    #[arg(required_unless_present = "webhook", conflicts_with = "webhook")]
    event_id: Option<String>,
    /// The event's name, when several events share the ID
    #[arg(long, value_name = "NAME")]
    event_name: Option<String>,
    /// The event's pixel, when several events share the ID
    #[arg(long, value_name = "PIXEL_ID")]
    pixel: Option<String>,
    /// A webhook instead: its position, or the SHA-256 of its body in hex
    #[arg(long, value_name = "POSITION|SHA256")]
    webhook: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(server: &Server, arguments: Arguments) -> Result<Report, CliError> {
    let (webhook_sequence, body_sha256) =
        arguments.webhook.as_deref().map(webhook).transpose()?.unwrap_or_default();
    let request = GetDeadLetterRequest {
        event_id: arguments.event_id.unwrap_or_default(),
        event_name: arguments.event_name.unwrap_or_default(),
        pixel_id: arguments.pixel.unwrap_or_default(),
        webhook_sequence,
        body_sha256,
    };
    let answer = server.operations().await?.get_dead_letter(server.request(request)).await;
    let answer = answer.map_err(|status| server.error(&status))?.into_inner();
    if answer.event.is_none() && answer.webhook.is_none() {
        return Err(CliError::ServerFailed("it answered without a dead letter".to_owned()));
    }
    Ok(Report::plain(if arguments.json { json(&DeadLetterJson::of(&answer)) } else { text(&answer) }))
}

/// Reads `--webhook` as (position, digest). The one that was not given is 0 or empty.
fn webhook(given: &str) -> Result<(u64, String), CliError> {
    if given.len() == DIGEST_DIGITS && given.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok((0, given.to_ascii_lowercase()));
    }
    match given.parse() {
        Ok(position) if position > 0 => Ok((position, String::new())),
        _ => Err(CliError::Setting(
            "--webhook must be a position, as `tandem dead-letters list` shows it, or 64 hex digits"
                .to_owned(),
        )),
    }
}

fn text(answer: &GetDeadLetterResponse) -> String {
    let mut parts = Vec::new();
    parts.extend(answer.event.as_ref().map(|event| event_text(event, &answer.attempts)));
    parts.extend(answer.webhook.as_ref().map(webhook_text));
    if let Some(page) = &answer.page {
        parts.push(format!("given up: {}: {}", plain(&page.code), plain(&page.meaning)));
        if !page.what_happened.is_empty() {
            parts.push(format!("what happened: {}", plain(&page.what_happened)));
        }
        parts.push(format!("what to do: {} ({})", plain(&page.what_to_do), plain(&page.path)));
    }
    parts.push(format!("replay: {}", replay_text(answer)));
    parts.join("\n\n")
}

fn replay_text(answer: &GetDeadLetterResponse) -> String {
    let id = answer.event.as_ref().map(|event| plain(&event.event_id)).unwrap_or_default();
    let command = format!("tandem dead-letters replay --event-id {id}");
    match answer.replay() {
        ReplayVerdict::Ready => format!("yes, under the same event ID: `{command}`"),
        ReplayVerdict::MayCountTwice => {
            format!(
                "only if it may count twice, in the browser's copy and this one: `{command} --allow-double-count`"
            )
        }
        ReplayVerdict::TooOld => "no, it is older than Meta accepts (7 days)".to_owned(),
        ReplayVerdict::PersonGone => {
            "no, its personal data was deleted, on request or after its retention".to_owned()
        }
        ReplayVerdict::Webhook => "no, its body is not kept: resend it from Cashfree's dashboard".to_owned(),
        ReplayVerdict::Asks => {
            let position = answer.webhook.as_ref().map_or(0, |webhook| webhook.sequence);
            format!(
                "yes, the server asks Cashfree about its order: `tandem dead-letters replay --webhook {position}`"
            )
        }
        ReplayVerdict::Unspecified => "unknown; is the server newer than this tool?".to_owned(),
    }
}

/// A dead letter as JSON, with the protocol's field names.
#[derive(Serialize)]
struct DeadLetterJson<'a> {
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    event: Option<EventDetailsJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook: Option<WebhookJson<'a>>,
    replay: &'static str,
    page: Option<PageJson<'a>>,
}

#[derive(Serialize)]
struct PageJson<'a> {
    code: &'a str,
    meaning: &'a str,
    what_happened: &'a str,
    what_to_do: &'a str,
    path: &'a str,
}

impl<'a> DeadLetterJson<'a> {
    fn of(answer: &'a GetDeadLetterResponse) -> Self {
        Self {
            event: answer.event.as_ref().map(|event| EventDetailsJson::of(event, &answer.attempts)),
            webhook: answer.webhook.as_ref().map(WebhookJson::of),
            replay: answer.replay().as_str_name(),
            page: answer.page.as_ref().map(PageJson::of),
        }
    }
}

impl<'a> PageJson<'a> {
    fn of(page: &'a CodePage) -> Self {
        Self {
            code: &page.code,
            meaning: &page.meaning,
            what_happened: &page.what_happened,
            what_to_do: &page.what_to_do,
            path: &page.path,
        }
    }
}

#[cfg(test)]
mod tests {
    use tandem_proto::v1::{DeliveryAttempt, EventSummary, WebhookDeadLetter};

    use super::*;

    fn page() -> CodePage {
        CodePage {
            code: "meta_refused".to_owned(),
            meaning: "Meta refuses the event itself.".to_owned(),
            what_happened: "Error 100.".to_owned(),
            what_to_do: "Look at it.".to_owned(),
            path: "docs/codes/meta_refused.md".to_owned(),
        }
    }

    fn event(replay: ReplayVerdict) -> GetDeadLetterResponse {
        GetDeadLetterResponse {
            event: Some(EventSummary { event_id: "id-1".to_owned(), ..EventSummary::default() }),
            attempts: vec![DeliveryAttempt {
                meta_code: 100,
                meta_subcode: 2_804_019,
                fbtrace_id: "A9".to_owned(),
                blamed_path: "data[0].custom_data".to_owned(),
                ..DeliveryAttempt::default()
            }],
            replay: replay.into(),
            page: Some(page()),
            webhook: None,
        }
    }

    #[test]
    fn an_event_says_what_meta_said_and_what_to_do() {
        let text = text(&event(ReplayVerdict::Ready));
        for said in [
            "2804019",
            "A9",
            "data[0].custom_data",
            "given up: meta_refused: Meta refuses the event itself.",
            "what to do: Look at it. (docs/codes/meta_refused.md)",
            "replay: yes, under the same event ID: `tandem dead-letters replay --event-id id-1`",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
        for (verdict, said) in [
            (ReplayVerdict::MayCountTwice, "--allow-double-count"),
            (ReplayVerdict::TooOld, "no, it is older"),
            (ReplayVerdict::PersonGone, "no, its personal data"),
            (ReplayVerdict::Unspecified, "newer"),
        ] {
            assert!(replay_text(&event(verdict)).contains(said), "{verdict:?}");
        }
        let json = serde_json::to_value(DeadLetterJson::of(&event(ReplayVerdict::TooOld))).unwrap();
        assert_eq!(json["event"]["event_id"], "id-1");
        assert_eq!(json["attempts"][0]["blamed_path"], "data[0].custom_data");
        assert_eq!(json["replay"], "REPLAY_VERDICT_TOO_OLD");
        assert_eq!(json["page"]["path"], "docs/codes/meta_refused.md");
        assert!(json.get("webhook").is_none());
    }

    #[test]
    fn a_webhook_is_cashfrees_to_send_again() {
        let webhook = WebhookDeadLetter { sequence: 7, body_sha256: "ab12".to_owned(), ..Default::default() };
        let answer = GetDeadLetterResponse {
            webhook: Some(webhook),
            replay: ReplayVerdict::Webhook.into(),
            ..GetDeadLetterResponse::default()
        };
        let text = text(&answer);
        assert!(
            text.contains("ab12")
                && text.ends_with("replay: no, its body is not kept: resend it from Cashfree's dashboard"),
            "{text}"
        );
        let asks = GetDeadLetterResponse { replay: ReplayVerdict::Asks.into(), ..answer.clone() };
        assert!(self::text(&asks).ends_with("`tandem dead-letters replay --webhook 7`"));
        let json = serde_json::to_value(DeadLetterJson::of(&answer)).unwrap();
        assert_eq!((&json["webhook"]["sequence"], json.get("event")), (&serde_json::json!(7), None));
    }

    #[test]
    fn a_webhook_is_named_by_position_or_digest() {
        let digest = "AB".repeat(32);
        assert_eq!(webhook(&digest).ok(), Some((0, digest.to_ascii_lowercase())));
        assert_eq!(webhook("41").ok(), Some((41, String::new())));
        for bad in ["0", "", "-1", "abc", &digest[1..]] {
            assert!(webhook(bad).is_err(), "{bad}");
        }
    }
}
