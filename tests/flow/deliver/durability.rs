//! An answer means that the disk has it. A kill cannot show that: what a killed program wrote is in the system's cache.
//! So the system calls are watched: nothing is answered between a write to the log and its sync.

use std::path::Path;
use std::process::Command;

use tandem_proto::v1::{ConfirmBrowserEventsRequest, Confirmation, Outcome, VerifyWebhookRequest};
use tandem_tests::cashfree::Webhook;
use tandem_tests::{Caller, Person, World, messages, skip};

/// Calls that are watched.
const ROUNDS: usize = 5;

/// What the server did, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// It wrote to the log.
    Write,
    /// A sync of the log was done.
    Synced,
    /// It sent something to somebody.
    Send,
}

/// Reads the trace. Each line is a thread, a call with the file it is about, and its result. A call that others
/// interrupt has two lines.
fn acts(trace: &str) -> Vec<Act> {
    let mut syncing = std::collections::BTreeSet::new();
    let mut acts = Vec::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(char::is_whitespace) else { continue };
        let call = call.trim_start();
        let is_of_log = call.contains("tandem.db-wal>");
        let is_sync = call.starts_with("fdatasync(") || call.starts_with("fsync(");
        if is_sync && is_of_log {
            if call.ends_with("<unfinished ...>") {
                syncing.insert(thread);
            } else if call.ends_with("= 0") {
                acts.push(Act::Synced);
            }
        } else if call.starts_with("<... fdatasync resumed>") || call.starts_with("<... fsync resumed>") {
            if syncing.remove(thread) && call.ends_with("= 0") {
                acts.push(Act::Synced);
            }
        } else if is_of_log && (call.starts_with("pwrite64(") || call.starts_with("write(")) {
            acts.push(Act::Write);
        } else if call.contains("<TCP") || call.contains("<socket:") {
            acts.push(Act::Send);
        }
    }
    acts
}

/// Expects that these acts made something durable, and sent nothing before that.
#[track_caller]
fn expect_durable(call: &str, acts: &[Act]) {
    let first = acts.iter().position(|act| *act == Act::Write);
    let first = first.unwrap_or_else(|| panic!("{call} wrote nothing: {acts:?}"));
    let mut unsynced = false;
    let mut syncs = 0;
    for act in &acts[first..] {
        match act {
            Act::Write => unsynced = true,
            Act::Synced => (unsynced, syncs) = (false, syncs + 1),
            Act::Send => assert!(!unsynced, "{call} was answered before the log was synced: {acts:?}"),
        }
    }
    assert!(syncs > 0, "{call} was answered without a sync: {acts:?}");
    assert_eq!(acts.last(), Some(&Act::Send), "{call}: the answer comes last: {acts:?}");
}

fn traced(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_default()
}

/// One call of each RPC that promises something durable.
async fn call(caller: &Caller, rpc: &str) -> Result<(), tonic::Status> {
    match rpc {
        "CaptureLead" => caller.capture_lead(messages::lead(&Person::unique())).await.map(drop),
        "TrackEvent" => {
            let mut checkout = messages::event("InitiateCheckout", "5.00");
            checkout.order_id = messages::order_id();
            caller.track_event(checkout).await.map(drop)
        }
        "RecordPurchase" => {
            let report = messages::purchase(&messages::order_id(), "10.00");
            caller.record_purchase(report).await.map(drop)
        }
        "VerifyWebhook" => {
            let webhook = Webhook::paid(&messages::order_id(), "10.00", &Person::unique());
            let headers =
                [("x-webhook-signature", webhook.signature), ("x-webhook-timestamp", webhook.timestamp)];
            let request = VerifyWebhookRequest {
                provider: tandem_proto::v1::Provider::Cashfree.into(),
                raw_body: webhook.body,
                headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
                content_type: "application/json".to_owned(),
                ..VerifyWebhookRequest::default()
            };
            caller.verify_webhook(request).await.map(drop)
        }
        _ => {
            let lead = messages::lead(&Person::unique());
            let event_id = caller.capture_lead(lead).await?.event_id;
            let fired = Confirmation {
                event_name: "Lead".to_owned(),
                event_id,
                outcome: Outcome::Fired.into(),
                ..Confirmation::default()
            };
            let request = ConfirmBrowserEventsRequest { confirmations: vec![fired], ..Default::default() };
            caller.confirm_browser_events(request).await.map(drop)
        }
    }
}

#[tokio::test]
async fn nothing_is_answered_before_the_log_is_synced() -> anyhow::Result<()> {
    if !Command::new("strace").arg("-V").output().is_ok_and(|said| said.status.success()) {
        skip("nothing_is_answered_before_the_log_is_synced", "strace is not installed");
        return Ok(());
    }
    // Without a token nothing is delivered, so that every write is a caller's.
    let calls = "trace=pwrite64,write,fdatasync,fsync,sendto,sendmsg,writev";
    let world = World::builder()
        .without_gateway()
        .server_without("FACEBOOK_ACCESS_TOKEN")
        .server("TANDEM_LOG", "error")
        .server_under(&["strace", "-D", "-f", "-qq", "-y", "-s", "0", "-e", calls, "-o", "trace.txt"])
        .start()
        .await?;
    let trace = world.log_dir().join("trace.txt");
    let caller = world.internal()?;
    // The connection is made, and its settings are exchanged.
    caller.capture_lead(messages::lead(&Person::unique())).await?;
    let mut syncs = 0;
    for rpc in ["CaptureLead", "TrackEvent", "RecordPurchase", "VerifyWebhook", "ConfirmBrowserEvents"] {
        for round in 0..ROUNDS {
            let before = traced(&trace).len();
            call(&caller, rpc).await?;
            let acts = acts(&traced(&trace)[before..]);
            expect_durable(&format!("{rpc} {round}"), &acts);
            syncs += acts.iter().filter(|act| **act == Act::Synced).count();
        }
    }
    eprintln!("{syncs} syncs of the log before the answers of {} calls", 6 * ROUNDS);
    Ok(())
}
