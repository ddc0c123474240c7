//! The commands that change delivery, and those about dead letters and changes.

use serde_json::{Value, json};
use tandem_proto::v1::*;

use crate::fake::{Call, Fake, start};
use crate::{ProgramOutput, ask, ask_with_input};

/// Runs the program against a fresh fake. Also returns the calls that the fake got.
async fn steer(arguments: &[&str], input: &str) -> (ProgramOutput, Vec<Call>) {
    steer_fake(&Fake::default(), arguments, input).await
}

/// [`steer`] with this fake.
pub(crate) async fn steer_fake(fake: &Fake, arguments: &[&str], input: &str) -> (ProgramOutput, Vec<Call>) {
    let said = ask_with_input(start(fake).await, arguments, input).await;
    let calls = fake.calls.lock().expect("no test panics with the lock").clone();
    (said, calls)
}

pub(crate) fn parsed(said: &ProgramOutput) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {}", said.out))
}

pub(crate) fn filter() -> DeadLetterFilter {
    DeadLetterFilter {
        code: "meta_refused".to_owned(),
        event_name: "Lead".to_owned(),
        event_id: "id-9".to_owned(),
        pixel_id: "123456789012345".to_owned(),
        ..DeadLetterFilter::default()
    }
}

pub(crate) const FILTER: [&str; 8] =
    ["--code", "meta_refused", "--event-name", "Lead", "--event-id", "id-9", "--pixel", "123456789012345"];

#[tokio::test]
async fn dead_letters_are_listed_with_events_and_webhooks() {
    let arguments =
        [&["dead-letters", "list", "--page-size", "3", "--page-token", "41"], &FILTER[..]].concat();
    let (said, calls) = steer(&arguments, "").await;
    assert_eq!(said.code, Some(0), "{}", said.err);
    let request = ListDeadLettersRequest {
        filter: Some(filter()),
        page_size: 3,
        page_token: "41".to_owned(),
        ..Default::default()
    };
    assert_eq!(calls, [Call::DeadLetters(request)]);
    for text in
        ["id-9", "meta_refused", "webhook_unreadable", "--page-token 9 shows them", "--webhook-page-token 4"]
    {
        assert!(said.out.contains(text), "{text}: {}", said.out);
    }

    let (said, calls) =
        steer(&["dead-letters", "list", "--since", "2025-11-24T04:32:11Z", "--json"], "").await;
    let [Call::DeadLetters(request)] = &calls[..] else { panic!("{calls:?}") };
    let asked = request.filter.clone().unwrap();
    assert_eq!(asked.finished_after.map(|time| time.seconds), Some(1_763_958_731));
    assert_eq!((asked.finished_before, request.page_size), (None, 50));
    let json = parsed(&said);
    assert_eq!(json["events"][0]["event_id"], "id-9");
    assert_eq!(json["webhooks"][0]["body_bytes"], 12);
    assert_eq!(json["next_page_token"], "9");
}

#[tokio::test]
async fn both_replays_are_the_same_call() {
    for name in [&["replay"][..], &["dead-letters", "replay"]] {
        let (said, calls) = steer(&[name, &FILTER].concat(), "").await;
        assert_eq!(said.code, Some(0), "{}", said.err);
        let request =
            ReplayDeadLettersRequest { filter: Some(filter()), max_events: 1000, ..Default::default() };
        assert_eq!(calls, [Call::Replay(request)], "{name:?}");
        let counts: Vec<&str> =
            said.out.lines().take(3).filter_map(|line| line.split_whitespace().last()).collect();
        assert_eq!(counts, ["7", "2", "1"], "{}", said.out);

        let (said, calls) = steer(&[name, &["--all", "--allow-double-count", "--json"]].concat(), "").await;
        let [Call::Replay(request)] = &calls[..] else { panic!("{calls:?}") };
        assert!(request.all && request.allow_double_count);
        assert_eq!(
            parsed(&said),
            json!({ "replayed": 7, "skipped_double_count": 2, "skipped_unsendable": 1, "skipped_webhooks": 0 })
        );

        let (said, calls) = steer(&[name, &["--webhook", "4", "--dry-run"]].concat(), "").await;
        let [Call::Replay(request)] = &calls[..] else { panic!("{calls:?}") };
        assert_eq!(request.kind(), DeadLetterKind::Webhooks);
        assert_eq!(request.filter.clone().unwrap_or_default().webhook_sequence, 4);
        assert!(said.out.contains("orders to ask Cashfree about"), "{}", said.out);

        let (said, _) = steer(name, "").await;
        assert_eq!(said.code, Some(2), "without a filter, nothing is replayed");
        assert!(said.err.contains("filter") && said.out.is_empty(), "{}", said.err);
    }
}

#[tokio::test]
async fn pause_and_resume_name_their_pixel_or_none() {
    let (said, calls) = steer(&["pause", "--pixel", "123456789012345"], "").await;
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(calls, [Call::Pause(PauseDeliveryRequest { pixel_id: "123456789012345".to_owned() })]);
    assert!(said.out.starts_with("paused 1 pixel;") && said.out.contains("tandem resume"), "{}", said.out);
    let (said, calls) = steer(&["resume"], "").await;
    assert_eq!(calls, [Call::Resume(ResumeDeliveryRequest::default())]);
    assert!(said.out.starts_with("resumed 2 pixels;"), "{}", said.out);
    for (command, pixels) in [("pause", 1), ("resume", 2)] {
        let (said, _) = steer(&[command, "--json"], "").await;
        assert_eq!(parsed(&said), json!({ "pixels": pixels }));
    }
}

#[tokio::test]
async fn a_person_is_named_by_the_flag_or_by_standard_input() {
    let by = |email: Option<&str>, phone: Option<&str>, external_id: Option<&str>| {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let (email, phone, external_id) = (own(email), own(phone), own(external_id));
        vec![Call::Erase(ErasePersonRequest { email, phone, external_id, dry_run: false })]
    };
    for (arguments, input, expected) in [
        (["--email", "a@example.com"], "", by(Some("a@example.com"), None, None)),
        (["--email", "-"], "a@example.com\n", by(Some("a@example.com"), None, None)),
        (["--phone", "-"], " 98765 43210\r\n", by(None, Some("98765 43210"), None)),
        (["--external-id", "customer-7"], "", by(None, None, Some("customer-7"))),
    ] {
        let (said, calls) = steer(&[&["erase", "--yes"], &arguments[..]].concat(), input).await;
        assert_eq!(said.code, Some(0), "{arguments:?}: {}", said.err);
        assert_eq!(calls, expected, "{arguments:?}");
        assert_eq!(said.out, "events erased  3\norders erased  1\n");
    }
    let (said, _) = steer(&["erase", "--yes", "--json", "--email", "-"], "a@example.com").await;
    assert_eq!(parsed(&said), json!({ "events": 3, "orders": 1, "leaves_traces": false }));

    for input in ["", "a@x.example\nb@x.example\n"] {
        let (said, calls) = steer(&["erase", "--yes", "--email", "-"], input).await;
        assert_eq!((said.code, calls), (Some(2), vec![]), "{input:?}");
        assert!(said.err.contains("standard input") && !said.err.contains("x.example"), "{}", said.err);
    }
}

#[tokio::test]
async fn nobody_is_erased_without_a_word_and_a_dry_run_counts() {
    let (said, calls) = steer(&["erase", "--email", "a@example.com"], "").await;
    assert_eq!((said.code, calls), (Some(2), vec![]), "{}", said.err);
    assert!(said.err.contains("nothing was erased") && said.err.contains("--yes"), "{}", said.err);
    let (said, calls) = steer(&["erase", "--dry-run", "--email", "-"], "a@example.com").await;
    let email = Some("a@example.com".to_owned());
    let counted = ErasePersonRequest { email, dry_run: true, ..ErasePersonRequest::default() };
    assert_eq!(calls, [Call::Erase(counted)]);
    assert!(said.out.starts_with("events to erase  3\norders to erase  1\n"), "{}", said.out);
    let (said, _) = steer(&["erase", "--dry-run", "--yes", "--email", "a@example.com"], "").await;
    assert_eq!(said.code, Some(2), "one or the other");
}

#[tokio::test]
async fn changes_come_a_line_each_until_the_server_leaves() {
    let (said, calls) = steer(&["events", "watch", "--name", "Lead", "--state", "delivered"], "").await;
    let [Call::Watch(request)] = &calls[..] else { panic!("{calls:?}") };
    assert_eq!((request.event_name.as_str(), request.state()), ("Lead", EventState::Delivered));
    assert_eq!(said.code, Some(3), "the server went away: {}", said.err);
    let states: Vec<&str> = said.out.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(states, ["pending", "delivered"], "{}", said.out);
    assert!(said.out.lines().all(|line| line.contains("id-1")), "{}", said.out);

    let (said, _) = steer(&["events", "watch", "--json", "--limit", "2"], "").await;
    assert_eq!(said.code, Some(0), "{}", said.err);
    let states: Vec<Value> = said
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a JSON object a line")["state"].clone())
        .collect();
    assert_eq!(states, ["EVENT_STATE_PENDING", "EVENT_STATE_DELIVERED"]);
    assert_eq!(
        ask(start(&Fake::default()).await, &["events", "watch", "--limit", "1"]).await.out.lines().count(),
        1
    );
}
