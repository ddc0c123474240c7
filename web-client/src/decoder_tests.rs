//! What the page reads from others: the server's answers, a proxy's error pages, and a page's own arguments, damaged in
//! any way. The package never panics (that would end it in the page), and JavaScript always gets JSON.

use proptest::prelude::*;
use prost::Message as _;
use serde_json::Value;
use tandem_proto::v1::{
    BrowserEvent, CaptureLeadResponse, Content, CustomData, Money, Property, PurchaseState,
    RecordPurchaseResponse, TrackEventResponse,
};

use super::*;

/// Kinds of calls.
const KINDS: [&str; 5] = ["lead", "event", "custom", "purchase", "report"];

/// Changes bytes as a broken connection, a proxy or a forger may.
#[derive(Debug, Clone)]
enum Damage {
    Cut(prop::sample::Index),
    Byte(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, usize),
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let at = any::<prop::sample::Index>;
    let one = prop_oneof![
        at().prop_map(Damage::Cut),
        (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        (at(), prop::collection::vec(any::<u8>(), 1..12)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (at(), 1..12_usize).prop_map(|(at, n)| Damage::Remove(at, n)),
    ];
    prop::collection::vec(one, 0..4)
}

fn damaged(mut bytes: Vec<u8>, damage: &[Damage]) -> Vec<u8> {
    for damage in damage.iter().filter(|_| !bytes.is_empty()).cloned().collect::<Vec<_>>() {
        let len = bytes.len();
        match damage {
            _ if len == 0 => {}
            Damage::Cut(at) => bytes.truncate(at.index(len)),
            Damage::Byte(at, byte) => bytes[at.index(len)] = byte,
            Damage::Insert(at, more) => drop(bytes.splice(at.index(len)..at.index(len), more)),
            Damage::Remove(at, n) => drop(bytes.drain(at.index(len)..(at.index(len) + n).min(len))),
        }
    }
    bytes
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{0,12}", Just("\u{0}\u{1}\"\\<script>\u{2028}".to_owned()), "[0-9.]{0,24}"]
}

fn custom_data() -> impl Strategy<Value = CustomData> {
    let money = (text(), text()).prop_map(|(amount, currency_code)| Money { amount, currency_code }).boxed();
    let content = (text(), any::<u32>(), prop::option::of(money.clone()))
        .prop_map(|(id, quantity, item_price)| Content { id, quantity, item_price });
    let property = (text(), text()).prop_map(|(key, value)| Property { key, value });
    (
        prop::option::of(money),
        prop::collection::vec(text(), 0..3),
        prop::collection::vec(content, 0..3),
        prop::collection::vec(property, 0..3),
        any::<u32>(),
    )
        .prop_map(|(value, content_ids, contents, properties, num_items)| CustomData {
            value,
            content_ids,
            contents,
            properties,
            num_items: Some(num_items),
            ..CustomData::default()
        })
}

/// An answer to a call of this kind, as the server writes it.
fn answer(kind: &str, id: String, event: Option<BrowserEvent>, key: String) -> Vec<u8> {
    let duplicate = event.is_none();
    match kind {
        "lead" => CaptureLeadResponse { event_id: id, duplicate, browser_event: event, ..Default::default() }
            .encode_to_vec(),
        "purchase" => RecordPurchaseResponse {
            event_id: id,
            state: PurchaseState::Verified.into(),
            duplicate,
            browser_event: event,
            confirm_key: key,
            ..Default::default()
        }
        .encode_to_vec(),
        _ => TrackEventResponse { event_id: id, duplicate, browser_event: event, ..Default::default() }
            .encode_to_vec(),
    }
}

fn frame(flags: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("a small frame").to_be_bytes();
    [&[flags], length.as_slice(), content].concat()
}

/// What `finish` gives for an answer, without an `fbq`.
fn finish(kind: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let headers: serde_json::Map<String, Value> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
    let head = serde_json::json!({ "kind": kind, "headers": headers }).to_string();
    bytes_of(finished(Node::read(head.as_bytes()), body, &|_| Some(true)))
}

/// The JSON that JavaScript gets, and whether it throws it. The page's decoder replaces what is no UTF-8, too.
fn json(result: &[u8]) -> (bool, Value) {
    let text = String::from_utf8_lossy(result);
    let (is_thrown, head) = text.strip_prefix('!').map_or((false, &*text), |rest| (true, rest));
    (is_thrown, serde_json::from_str(head).unwrap_or_else(|error| panic!("{error}: {head:?}")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn a_damaged_answer_is_an_answer_or_an_error(
        kind in prop::sample::select(&KINDS[..]),
        id in text(),
        name in text(),
        custom_data in prop::option::of(custom_data()),
        status in prop_oneof![Just(String::new()), Just("0".to_owned()), "[0-9]{1,20}", text()],
        message in prop_oneof![text(), "(%[0-9a-fA-F]{0,2}|[a-z]){0,8}"],
        details in prop_oneof![text(), "[A-Za-z0-9+/=_-]{0,60}"],
        trailers in prop_oneof![Just("grpc-status: 0\r\n".to_owned()), text(), "(grpc-(status|message)[: ]{0,2}[0-9a-z%]{0,6}\r?\n){0,3}"],
        body_damage in damage(),
        message_damage in damage(),
    ) {
        let event = custom_data.map(|custom_data| BrowserEvent {
            event_name: name.clone(), event_id: id.clone(), custom_data: Some(custom_data), custom: true,
        });
        let bytes = damaged(answer(kind, id, event, name), &message_damage);
        let body = damaged([frame(0, &bytes), frame(0x80, trailers.as_bytes())].concat(), &body_damage);
        let headers = [("status", status.as_str()), ("message", &message), ("status-details-bin", &details)];
        let (is_thrown, value) = json(&finish(kind, &headers, &body));
        prop_assert!(value.is_object() || (is_thrown && value.is_u64()), "{value}");
    }

    #[test]
    fn a_whole_answer_is_read_as_the_protocol_reads_it(
        kind in prop::sample::select(&KINDS[..4]),
        id in "[a-z0-9_-]{1,20}",
        name in "[A-Za-z]{1,12}",
        custom_data in custom_data(),
    ) {
        let event = BrowserEvent { event_name: name.clone(), event_id: id.clone(), custom_data: Some(custom_data), custom: true };
        let bytes = answer(kind, id.clone(), Some(event), String::new());
        let body = [frame(0, &bytes), frame(0x80, b"grpc-status: 0\r\n")].concat();
        let (is_thrown, value) = json(&finish(kind, &[], &body));
        prop_assert!(!is_thrown, "{value}");
        prop_assert_eq!(&value["eventId"], &Value::from(id.as_str()));
        prop_assert_eq!(&value["event"]["call"][0], "trackCustom");
        prop_assert_eq!(&value["event"]["name"], &Value::from(name.as_str()));
        prop_assert_eq!(&value["event"]["call"][3]["eventID"], &Value::from(id.as_str()));
    }

    #[test]
    fn any_argument_gives_json(
        what in 0_u32..7,
        number in prop_oneof![any::<f64>(), Just(1.7956e12)],
        pieces in prop::collection::vec(
            prop_oneof![
                prop::sample::select(vec![
                    "{", "}", "[", "]", "\"", ":", ",", "null", "\\u00", "\\", "\"options\":{", "\"visit\":{", "\"name\":",
                    "\"input\":{", "\"id\":", "\"pixelId\":", "\"email\":\"a\"", "\"value\":", "\"contents\":[{", "\"quantity\":",
                    "\"consent\":{", "\"ads\":", "\"denied\"", "\"Lead\"", "\"kind\":\"lead\"", "\"kind\":\"report\"", "\"outcome\":",
                    "\"properties\":{", "\"occurredAt\":", "123456789012345", "\"orderId\":", "\"fbc\":\"fb.1.2.A\"", "\"page\":\"?fbclid=",
                ]).prop_map(|text| text.as_bytes().to_vec()),
                "\\PC{0,6}".prop_map(String::into_bytes),
                prop::collection::vec(any::<u8>(), 0..6),
            ],
            0..40,
        ),
    ) {
        let input = pieces.concat();
        json(&run(what, number, &input));
        json(&run(what, number, &[b"{", input.as_slice(), b"}"].concat()));
        json(&bytes_of(finished(Node::read(&input), &input, &|_| None)));
    }
}
