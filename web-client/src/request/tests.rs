//! Calls are written as the protocol has them.

use prost::Message;
use prost_types::Timestamp;
use tandem_proto::v1::tracking_service_paths as paths;
use tandem_proto::v1::{
    Browser, CaptureLeadRequest, ConfirmBrowserEventsRequest, Consent, Content, CustomData, Experiment,
    Money, Property, RecordPurchaseRequest, TrackEventRequest, User,
};

use super::*;
use crate::names::numbered;

/// The entries of a call, as js/flat.js writes them.
const OPTIONS: &str = "{options\0=pixelId\x017\x01=currency\x01INR\x01=defaultCountry\x01IN\x01\0";
const VISIT: &str = "{visit\0=fbp\x01fb.1.2.3\x01=eventSourceUrl\x01https://shop.example/\x01\0";
const NAMES: &str = "=name\0AddToCart\0=id\0id\0";
const INPUT: &str = "=phone\x01+91 98\x01=email\x01a@example.com\x01=firstName\x01Asha\x01=value\x011499.00\x01\
    =currency\x01EUR\x01{contentIds\x01=0\x02deck\x02\x01{contents\x01{0\x02=id\x03deck\x03=itemPrice\x035\x03\x02\x01\
    =numItems\x012\x01{properties\x01=colour\x02red\x02\x01{experiment\x01=id\x02e\x02=variant\x02B\x02\x01\
    {consent\x01=ads\x02granted\x02=limitedDataUse\x02true\x02=state\x021000\x02\x01=orderId\x01A-1\x01";

fn call(input: &str) -> Vec<u8> {
    format!("{OPTIONS}{VISIT}{NAMES}{{input\0{input}\0").into_bytes()
}

/// The JSON and the message of what was prepared.
fn parts(prepared: &[u8]) -> (String, &[u8]) {
    let end = prepared.iter().position(|byte| *byte == 0).unwrap();
    assert_eq!(
        u32::from_be_bytes(prepared[end + 2..end + 6].try_into().unwrap()) as usize,
        prepared.len() - end - 6
    );
    (String::from_utf8(prepared[..end].to_vec()).unwrap(), &prepared[end + 6..])
}

fn user() -> Option<User> {
    Some(User {
        email: Some("a@example.com".to_owned()),
        phone: Some("+91 98".to_owned()),
        first_name: Some("Asha".to_owned()),
        default_country: Some("IN".to_owned()),
        ..User::default()
    })
}

fn browser() -> Option<Browser> {
    Some(Browser {
        fbp: Some("fb.1.2.3".to_owned()),
        event_source_url: Some("https://shop.example/".to_owned()),
        ..Browser::default()
    })
}

fn custom_data() -> Option<CustomData> {
    let money = |amount: &str| Some(Money { amount: amount.to_owned(), currency_code: "EUR".to_owned() });
    Some(CustomData {
        value: money("1499.00"),
        content_ids: vec!["deck".to_owned()],
        contents: vec![Content { id: "deck".to_owned(), quantity: 1, item_price: money("5") }],
        num_items: Some(2),
        properties: vec![Property { key: "colour".to_owned(), value: "red".to_owned() }],
        ..CustomData::default()
    })
}

fn experiment() -> Option<Experiment> {
    Some(Experiment { experiment_id: "e".to_owned(), variant: "B".to_owned(), ..Experiment::default() })
}

fn consent() -> Option<Consent> {
    Some(Consent { ads: 1, limited_data_use: true, country: 0, state: 1000 })
}

fn seconds(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

#[test]
fn leads_are_written_as_the_protocol_has_them() {
    let bytes = prepare(LEAD, 1_700_000_000_900, Flat::new(&call(INPUT))).unwrap();
    let (json, message) = parts(&bytes);
    let expected = CaptureLeadRequest {
        user: user(),
        browser: browser(),
        custom_data: custom_data(),
        experiment: experiment(),
        consent: consent(),
        client_event_id: "id".to_owned(),
        occurred_at: seconds(1_700_000_000),
        pixel_id: "7".to_owned(),
    };
    assert_eq!(message, expected.encode_to_vec());
    let own = concat!(
        r#"false,["track","Lead",{"value":1499.00,"currency":"EUR","content_ids":["deck"],"#,
        r#""contents":[{"id":"deck","quantity":1,"item_price":5}],"num_items":2,"colour":"red","#,
        r#""experiment_id":"e","variant":"B"},"id"]]"#,
    );
    assert_eq!(json, format!("[\"{}\",{own}", paths::CAPTURE_LEAD));
}

#[test]
fn events_are_written_as_the_protocol_has_them() {
    let input = format!("{INPUT}=claimKey\x01c0ffee\x01=paymentSessionId\x01session_x\x01");
    let bytes = prepare(EVENT, 0, Flat::new(&call(&input))).unwrap();
    let (json, message) = parts(&bytes);
    let expected = TrackEventRequest {
        user: user(),
        browser: browser(),
        custom_data: custom_data(),
        experiment: experiment(),
        consent: consent(),
        client_event_id: "id".to_owned(),
        occurred_at: None,
        pixel_id: "7".to_owned(),
        event_name: "AddToCart".to_owned(),
        order_id: "A-1".to_owned(),
        claim_key: "c0ffee".to_owned(),
        payment_session_id: "session_x".to_owned(),
    };
    assert_eq!(message, expected.encode_to_vec());
    assert!(
        json.starts_with(&format!("[\"{}\",false,[\"track\",\"AddToCart\"", paths::TRACK_EVENT)),
        "{json}"
    );
    assert!(json.contains(r#""order_id":"A-1""#), "{json}");
    let custom = prepare(CUSTOM_EVENT, 0, Flat::new(&call(INPUT))).unwrap();
    assert!(parts(&custom).0.contains("[\"trackCustom\",\"AddToCart\""));
}

#[test]
fn purchases_are_written_as_the_protocol_has_them() {
    let key = "x".repeat(300);
    let input = format!(
        "{INPUT}=claimKey\x01{key}\x01=paymentSessionId\x01session_x\x01=occurredAt\x011600000000000\x01"
    );
    let bytes = prepare(PURCHASE, 1_700_000_000_900, Flat::new(&call(&input))).unwrap();
    let (json, message) = parts(&bytes);
    let expected = RecordPurchaseRequest {
        order_id: "A-1".to_owned(),
        user: user(),
        browser: browser(),
        custom_data: custom_data(),
        experiment: experiment(),
        consent: consent(),
        occurred_at: seconds(1_600_000_000),
        pixel_id: "7".to_owned(),
        claim_key: key,
        action_source: String::new(),
        payment_session_id: "session_x".to_owned(),
    };
    assert_eq!(message, expected.encode_to_vec());
    assert_eq!(json, format!("[\"{}\",false]", paths::RECORD_PURCHASE));
}

#[test]
fn each_list_of_names_has_the_numbers_of_its_message() {
    use crate::names::{BROWSER, CONSENT, CONTENT, CUSTOM_DATA, USER};
    let descriptors = prost_types::FileDescriptorSet::decode(tandem_proto::DESCRIPTORS).unwrap();
    let messages = descriptors.file.iter().flat_map(|file| &file.message_type);
    let lists = [
        ("User", USER),
        ("Browser", BROWSER),
        ("CustomData", CUSTOM_DATA),
        ("Content", CONTENT),
        ("Consent", CONSENT),
    ];
    for (name, list) in lists {
        let message = messages.clone().find(|message| message.name() == name).unwrap();
        for (number, key) in numbered(list) {
            let mut snake = Vec::new();
            crate::names::push_snake(&mut snake, key);
            let field = message.field.iter().find(|field| field.number() == i32::from(number)).unwrap();
            assert_eq!(field.name().as_bytes(), snake, "{name} {number}");
        }
    }
}

#[test]
fn only_a_refusal_denies_and_the_options_stand_in_for_the_call() {
    let denied = |options: &str, input: &str| {
        let call = format!("{{options\0{options}\0{{input\0{input}\0");
        let bytes = prepare(LEAD, 0, Flat::new(call.as_bytes())).unwrap();
        let json = parts(&bytes).0;
        assert_eq!(json.contains("true"), !json.contains("track\""), "a refusal has no event: {json}");
        json.contains("true")
    };
    let ads = |word: &str| format!("{{consent\x01=ads\x02{word}\x02\x01");
    assert!(
        denied(&ads("denied"), "") && denied("", &ads("denied")) && denied(&ads("granted"), &ads("denied"))
    );
    assert!(!denied("", "") && !denied("", &ads("granted")) && !denied(&ads("denied"), &ads("granted")));
    let call = format!("{{options\0{}\0", ads("measure_only"));
    let bytes = prepare(LEAD, 0, Flat::new(call.as_bytes())).unwrap();
    let json = parts(&bytes).0;
    assert!(!json.contains("true") && !json.contains("track\""), "the pixel has no word for it: {json}");
}

#[test]
fn what_is_wrong_is_named_as_the_server_names_it() {
    let fields = |kind: u32, input: &str| {
        let call = format!("{{input\0{input}\0");
        let mut thrown = Json::default();
        prepare(kind, 0, Flat::new(call.as_bytes())).unwrap_err().throw(&mut thrown);
        String::from_utf8(thrown.0).unwrap()
    };
    let texts = fields(
        LEAD,
        "{firstName\x01\x01=numItems\x01two\x01=occurredAt\x01NaN\x01{contents\x01=0\x02x\x02\x01",
    );
    for field in ["user.first_name", "custom_data.num_items", "occurred_at", "custom_data.contents"] {
        assert!(texts.contains(&format!("[\"{field}\",\"must be ")), "{texts}");
    }
    assert!(fields(PURCHASE, "").contains("[\"order_id\",\"is required\"]"));
    assert!(fields(LEAD, "{consent\x01=ads\x02yes\x02\x01").contains("[\"consent.ads\","));
}

#[test]
fn options_are_checked() {
    assert!(
        check_options(Flat::new(b"=endpoint\0https://t.example\0=pixelId\x007\0"))
            .is_ok_and(|denied| !denied)
    );
    let denied = b"=endpoint\0http://t\0=pixelId\x007\0{consent\0=ads\x01denied\x01\0";
    assert!(check_options(Flat::new(denied)).is_ok_and(|denied| denied));
    let measured = b"=endpoint\0http://t\0=pixelId\x007\0{consent\0=ads\x01measure_only\x01\0";
    assert!(check_options(Flat::new(measured)).is_ok_and(|denied| !denied));
    for wrong in [b"".as_slice(), b"=endpoint\0https://t\0=pixelId\x007a\0", b"=endpoint\0t\0=pixelId\x007\0"]
    {
        assert!(check_options(Flat::new(wrong)).is_err());
    }
}

#[test]
fn a_confirmation_names_the_event_and_the_pixel() {
    let of = b"=pixelId\x007\0=name\0Lead\0=id\0id\0=outcome\x001\0";
    let bytes = confirmation(1_700_000_000_900, Flat::new(of));
    let (json, message) = parts(&bytes);
    assert_eq!(json, format!("[\"{}\",false]", paths::CONFIRM_BROWSER_EVENTS));
    let request = ConfirmBrowserEventsRequest::decode(message).unwrap();
    assert_eq!(request.pixel_id, "7");
    let sent = &request.confirmations[0];
    assert_eq!((sent.event_name.as_str(), sent.event_id.as_str(), sent.outcome), ("Lead", "id", 1));
    assert_eq!(sent.occurred_at, seconds(1_700_000_000));
}
