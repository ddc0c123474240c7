//! A canary in every text that a caller can send: each field of each message, each header, each text of a webhook, each
//! part of an address. The canary is an e-mail address, so that nothing may keep or repeat it, whatever the field is for.
//! The fields come from the protocol's own description: a new one is tried without a change here.

use anyhow::Context as _;
use proptest::prelude::*;
use prost::Message;
use prost::bytes::{Buf, BufMut};
use prost::encoding::{DecodeContext, WireType, encode_key, encode_varint};
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet};
use serde_json::Value;
use tandem_proto::v1::tracking_service_paths as paths;
use tandem_proto::v1::{ConfirmBrowserEventsRequest, Confirmation, EventState};
use tandem_tests::cashfree::{Webhook, payment, unique_payment_id};
use tandem_tests::leak_scan::{self, Haystack, Needle, files_below};
use tandem_tests::status::readable_text;
use tandem_tests::{Person, World, messages};

/// Fields and headers that are kept as they are, by design: Meta's signals of a browser.
const SIGNALS: [&str; 2] = ["browser.client_user_agent", "user-agent"];

/// Headers that callers, proxies and frameworks send.
const HEADERS: [&str; 16] = [
    "accept",
    "accept-language",
    "authorization",
    "cookie",
    "forwarded",
    "from",
    "grpc-timeout",
    "origin",
    "referer",
    "user-agent",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-real-ip",
    "x-request-id",
    "x-user-email",
    "x-webhook-version",
];

/// A message in its encoded form. Encoded messages that stand one after the other are merged by their reader.
#[derive(Debug, Default)]
struct Encoded(Vec<u8>);

impl Message for Encoded {
    fn encode_raw(&self, buffer: &mut impl BufMut) {
        buffer.put_slice(&self.0);
    }

    fn merge_field(
        &mut self,
        _: u32,
        _: WireType,
        _: &mut impl Buf,
        _: DecodeContext,
    ) -> Result<(), prost::DecodeError> {
        unreachable!("nobody reads it")
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

/// A text somewhere in a message: its name, and the numbers that lead to it.
type Place = (String, Vec<u32>);

/// All texts of a message of the protocol.
fn places(all: &[DescriptorProto], message: &str) -> Vec<Place> {
    let descriptor = all.iter().find(|descriptor| descriptor.name() == message);
    let mut found = Vec::new();
    for field in descriptor.into_iter().flat_map(|descriptor| &descriptor.field) {
        let number = u32::try_from(field.number()).expect("a field number");
        match field.r#type() {
            Type::String | Type::Bytes => found.push((field.name().to_owned(), vec![number])),
            Type::Message => {
                let inner = field.type_name().rsplit('.').next().unwrap_or_default();
                found.extend(places(all, inner).into_iter().map(|(name, path)| {
                    (format!("{}.{name}", field.name()), [&[number], path.as_slice()].concat())
                }));
            }
            _ => {}
        }
    }
    found
}

/// The message with this text at this place, and nothing else.
fn at(path: &[u32], text: &str) -> Vec<u8> {
    path.iter().rev().fold(text.as_bytes().to_vec(), |inner, number| {
        let mut outer = Vec::new();
        encode_key(*number, WireType::LengthDelimited, &mut outer);
        encode_varint(inner.len() as u64, &mut outer);
        outer.extend(inner);
        outer
    })
}

/// Every JSON value with one of its texts replaced.
fn replaced(value: &Value, canary: &mut dyn FnMut(&str) -> String, path: &str) -> Vec<Value> {
    match value {
        Value::String(_) => vec![Value::String(canary(path))],
        Value::Object(members) => members
            .iter()
            .flat_map(|(key, inner)| {
                let changed = replaced(inner, canary, &format!("{path}/{key}"));
                changed.into_iter().map(|inner| {
                    let mut members = members.clone();
                    members.insert(key.clone(), inner);
                    Value::Object(members)
                })
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Makes canaries, and knows which one stands where.
struct Canaries {
    mark: String,
    form: usize,
    places: Vec<String>,
}

impl Canaries {
    /// A canary for this place, in one of the forms in which people's data gets into other fields.
    fn new_at(&mut self, place: &str) -> String {
        self.places.push(place.to_owned());
        let address = format!("{}{}@mail.example", self.mark, self.places.len());
        match self.form {
            0 => address,
            1 => format!("Asha <{address}>"),
            2 => format!("https://shop.example/a?email={}&b=1", address.replace('@', "%40")),
            3 => address.to_uppercase(),
            _ => format!("write to mailto:{address}, please"),
        }
    }

    /// Fails if any canary stands in the bytes.
    fn check(&self, what: &str, bytes: &[u8]) {
        let needle = Needle::new("canary", &self.mark);
        let haystack = Haystack::new(bytes);
        if let Some(spelling) = needle.spelling_in(&haystack) {
            let text = String::from_utf8_lossy(bytes).to_lowercase();
            let at = text.find(&self.mark).unwrap_or_default();
            let number: String =
                text[at + self.mark.len()..].chars().take_while(char::is_ascii_digit).collect();
            let place = number.parse::<usize>().ok().and_then(|n| self.places.get(n.checked_sub(1)?));
            let from = text[..at].char_indices().rev().nth(200).map_or(0, |(at, _)| at);
            let around: String = text[from..].chars().take(400).collect();
            panic!("{what} says {spelling:?}, which was sent as {place:?}: {around}");
        }
    }
}

async fn send_messages(
    world: &World,
    all: &[DescriptorProto],
    canaries: &mut Canaries,
) -> anyhow::Result<()> {
    let (visitor, person, order) = (world.visitor(), Person::unique(), messages::order_id());
    world.pay_order(&order, "1499.00", &person).await?;
    let base = |path: &str| {
        let browser = Some(visitor.browser());
        if path == paths::CAPTURE_LEAD {
            let mut lead = messages::lead(&person);
            lead.browser = browser;
            return ("CaptureLeadRequest", lead.encode_to_vec());
        }
        if path == paths::TRACK_EVENT {
            let mut event = messages::event("InitiateCheckout", "1499.00");
            (event.browser, event.order_id) = (browser, order.clone());
            return ("TrackEventRequest", event.encode_to_vec());
        }
        if path == paths::RECORD_PURCHASE {
            let mut claim = messages::purchase(&order, "1499.00");
            claim.browser = browser;
            return ("RecordPurchaseRequest", claim.encode_to_vec());
        }
        let fired = Confirmation { event_name: "Lead".to_owned(), ..Confirmation::default() };
        let report = ConfirmBrowserEventsRequest { confirmations: vec![fired], ..Default::default() };
        ("ConfirmBrowserEventsRequest", report.encode_to_vec())
    };
    for path in
        [paths::CAPTURE_LEAD, paths::TRACK_EVENT, paths::RECORD_PURCHASE, paths::CONFIRM_BROWSER_EVENTS]
    {
        let places = places(all, base(path).0);
        assert!(places.len() >= 4, "{path} has texts: {places:?}");
        for (name, place) in places.iter().filter(|(name, _)| !SIGNALS.contains(&name.as_str())) {
            let canary = canaries.new_at(&format!("{path} {name}"));
            let message = Encoded([base(path).1, at(place, &canary)].concat());
            let answer = visitor.call::<Anything>(path, &message).await?;
            if let Err(status) = answer.outcome {
                canaries.check(&format!("the answer to {path} {name}"), readable_text(&status).as_bytes());
            }
        }
        for header in HEADERS.into_iter().filter(|header| !SIGNALS.contains(header)) {
            let canary = canaries.new_at(&format!("{path} {header}"));
            let more = [(header, canary)];
            let answer = visitor.call_with::<Anything>(path, &Encoded(base(path).1), &more).await;
            if let Ok(Err(status)) = answer.map(|answer| answer.outcome) {
                canaries.check(&format!("the answer to {path} {header}"), readable_text(&status).as_bytes());
            }
        }
    }
    Ok(())
}

/// What an answer is read as when only its error counts.
type Anything = ();

async fn send_webhooks(world: &World, canaries: &mut Canaries) -> anyhow::Result<()> {
    let person = Person::unique();
    let genuine = payment("SUCCESS", &messages::order_id(), &unique_payment_id(), "10.00", &person);
    let genuine: Value = serde_json::from_str(&genuine).context("a webhook is JSON")?;
    let changed = replaced(&genuine, &mut |path| canaries.new_at(&format!("webhook {path}")), "");
    assert!(changed.len() > 8, "a webhook has texts");
    for body in changed {
        world.post_webhook(&Webhook::signed(body.to_string())).await?;
    }
    for header in ["x-webhook-signature", "x-webhook-timestamp", "x-idempotency-key"].iter().chain(&HEADERS) {
        let canary = canaries.new_at(&format!("gateway {header}"));
        let webhook = Webhook::signed(genuine.to_string());
        let mut headers = vec![
            ("x-webhook-signature", webhook.signature.as_str()),
            ("x-webhook-timestamp", &webhook.timestamp),
        ];
        headers.retain(|(name, _)| name != header);
        headers.push((header, &canary));
        let answer = world.post_to_gateway(&headers, webhook.body.clone()).await?.bytes().await?;
        canaries.check(&format!("the gateway's answer to {header}"), &answer);
    }
    let forged = canaries.new_at("forged body");
    world
        .post_to_gateway(&[("x-webhook-signature", "x"), ("x-webhook-timestamp", "1")], forged.into_bytes())
        .await?;
    Ok(())
}

async fn look_everywhere(world: &mut World, canaries: &Canaries) -> anyhow::Result<()> {
    for path in ["/metrics", "/", "/api/tracking-health"] {
        let query = url::form_urlencoded::byte_serialize(canaries.mark.as_bytes()).collect::<String>();
        let answer = world.get(&format!("{path}?email={query}")).await?.bytes().await?;
        canaries.check(path, &answer);
    }
    world.wait_until_all_is_sent().await?;
    let refused = world.events("", EventState::DeadLetter).await?;
    assert!(refused.is_empty(), "a stranger's text makes Meta refuse an event: {refused:?}");
    let events = world.events("", EventState::Unspecified).await?;
    assert!(events.len() > 20, "most calls are taken");
    for event in events {
        canaries.check("ListEvents", format!("{event:?}").as_bytes());
    }
    let (data, logs) = (world.data_dir(), world.product_logs());
    let folders: Vec<_> =
        std::iter::once(data.as_path()).chain(logs.iter().map(std::path::PathBuf::as_path)).collect();
    let all = |when: &str| -> anyhow::Result<()> {
        for file in files_below(&folders)? {
            canaries.check(&format!("{when}: {}", file.display()), &std::fs::read(&file).unwrap_or_default());
        }
        assert!(leak_scan::search(&folders, &[Needle::new("canary", &canaries.mark)])?.is_empty(), "{when}");
        Ok(())
    };
    all("running")?;
    world.stop_server().await?;
    world.stop_gateway().await?;
    all("stopped")
}

async fn nobody_repeats_canaries(mark: String, form: usize) -> anyhow::Result<()> {
    let set = FileDescriptorSet::decode(tandem_proto::DESCRIPTORS)?;
    let all: Vec<DescriptorProto> = set.file.into_iter().flat_map(|file| file.message_type).collect();
    let mut canaries = Canaries { mark, form, places: Vec::new() };
    let mut world = World::start().await?;
    send_messages(&world, &all, &mut canaries).await?;
    send_webhooks(&world, &mut canaries).await?;
    look_everywhere(&mut world, &canaries).await
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn a_canary_in_any_field_or_header_is_kept_and_said_nowhere(mark in "[a-z]{16}", form in 0..5_usize) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(nobody_repeats_canaries(mark, form)).unwrap();
    }
}
