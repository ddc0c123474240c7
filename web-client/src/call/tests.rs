//! Calls are written as the protocol has them.

use prost::Message;
use prost_types::Timestamp;
use serde_json::{Value, json};
use tandem_proto::v1::tracking_service_paths as paths;
use tandem_proto::v1::{
    Browser, CaptureLeadRequest, ConfirmBrowserEventsRequest, Consent, Content, CustomData, Experiment,
    Money, Property, RecordPurchaseRequest, TrackEventRequest, User,
};

use super::*;

/// The page's argument, as js/wasm.js writes it: numbers are texts.
fn input() -> Value {
    json!({
        "phone": "+91 98", "email": "a@example.com", "firstName": "Asha", "value": "1499.00", "currency": "EUR",
        "contentIds": "deck", "contents": [{ "id": "deck", "itemPrice": "5" }], "numItems": "2",
        "properties": { "colour": "red", "none": null }, "experiment": { "id": "e", "variant": "B" },
        "consent": { "ads": "granted", "limitedDataUse": true, "state": "1000" }, "orderId": "A-1",
    })
}

fn with(mut input: Value, more: Value) -> Value {
    if let (Value::Object(input), Value::Object(more)) = (&mut input, more) {
        input.extend(more);
    }
    input
}

fn call(kind: &str, made_ms: u64, input: &Value) -> String {
    json!({
        "kind": kind, "name": "add to cart", "id": "id", "madeMs": made_ms.to_string(), "input": input,
        "options": { "pixelId": "7", "currency": "INR", "defaultCountry": "IN" },
        "visit": { "fbp": "fb.1.2.3", "page": "https://shop.example/" },
    })
    .to_string()
}

/// The path, the message and the result of a call.
fn prepared(kind: &str, made_ms: u64, input: &Value) -> (&'static str, Vec<u8>, Value) {
    let prepared = prepare(Node::read(call(kind, made_ms, input).as_bytes())).unwrap();
    (prepared.path, prepared.message, serde_json::from_slice(&prepared.result.0).unwrap())
}

/// The fields of a refused call, with their codes.
fn refused(kind: &str, input: &Value) -> Vec<(String, String)> {
    let status = prepare(Node::read(call(kind, 0, input).as_bytes())).unwrap_err();
    let thrown: Value = serde_json::from_slice(&status.thrown(b'!').0[1..]).unwrap();
    assert_eq!(thrown["code"], "INVALID_ARGUMENT");
    let text = |field: &Value, key: &str| field[key].as_str().unwrap().to_owned();
    let fields = thrown["fields"].as_array().unwrap().iter();
    fields.map(|field| (text(field, "field"), text(field, "code"))).collect()
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
    let (path, message, result) = prepared("lead", 1_700_000_000_900, &input());
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
    assert_eq!((path, message), (paths::CAPTURE_LEAD, expected.encode_to_vec()));
    let parameters = json!({
        "value": 1499.0, "currency": "EUR", "content_ids": ["deck"],
        "contents": [{ "id": "deck", "quantity": 1, "item_price": 5 }], "num_items": 2, "colour": "red",
        "experiment_id": "e", "variant": "B",
    });
    let event =
        json!({ "name": "Lead", "id": "id", "call": ["track", "Lead", parameters, { "eventID": "id" }] });
    let unknown = ["orderId"];
    assert_eq!(result, json!({ "name": "Lead", "denied": false, "unknown": unknown, "event": event }));
}

#[test]
fn events_are_written_as_the_protocol_has_them() {
    let more = json!({ "claimKey": "c0ffee", "paymentSessionId": "session_x" });
    let (path, message, result) = prepared("event", 0, &with(input(), more));
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
    assert_eq!((path, message), (paths::TRACK_EVENT, expected.encode_to_vec()));
    assert_eq!((&result["name"], &result["event"]["call"][0]), (&json!("AddToCart"), &json!("track")));
    assert_eq!(result["event"]["call"][2]["order_id"], "A-1");
}

#[test]
fn purchases_are_written_as_the_protocol_has_them() {
    let key = "x".repeat(300);
    let more = json!({ "claimKey": key, "paymentSessionId": "session_x", "occurredAt": "1600000000000" });
    let (path, message, result) = prepared("purchase", 1_700_000_000_900, &with(input(), more));
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
    assert_eq!(path, paths::RECORD_PURCHASE);
    assert_eq!(RecordPurchaseRequest::decode(&*message).unwrap(), expected);
    assert_eq!(result, json!({ "name": "Purchase", "denied": false, "unknown": [] }));
}

#[test]
fn a_name_is_cores_and_reserved_ones_are_refused_in_any_spelling() {
    let result = |name: &str| {
        let call = json!({ "kind": "event", "name": name, "id": "id" }).to_string();
        prepare(Node::read(call.as_bytes())).map(|prepared| {
            let result: Value = serde_json::from_slice(&prepared.result.0).unwrap();
            (result["name"].as_str().unwrap().to_owned(), result["event"]["call"][0].clone())
        })
    };
    for (name, meta, method) in [
        ("viewcontent", "ViewContent", "track"),
        ("Add To Cart", "AddToCart", "track"),
        ("QuizDone", "QuizDone", "trackCustom"),
        ("न्यूज़लेटर", "न्यूज़लेटर", "trackCustom"),
    ] {
        assert_eq!(result(name).unwrap(), (meta.to_owned(), json!(method)));
    }
    for name in ["Purchase", "purchase ", "LEAD", "append-value", "AppendAttribution"] {
        let status = result(name).unwrap_err();
        assert!(String::from_utf8_lossy(&status.fields.0).contains("EVENT_NAME_RESERVED"), "{name}");
    }
    for name in ["", "<b>", &"x".repeat(51)] {
        let status = result(name).unwrap_err();
        assert!(String::from_utf8_lossy(&status.fields.0).contains("EVENT_NAME_MALFORMED"), "{name}");
    }
}

#[test]
fn only_a_refusal_denies_and_the_options_stand_in_for_the_call() {
    let result = |options: Value, input: Value| {
        let call =
            json!({ "kind": "event", "name": "Search", "input": input, "options": options }).to_string();
        let prepared = prepare(Node::read(call.as_bytes())).unwrap();
        let result: Value = serde_json::from_slice(&prepared.result.0).unwrap();
        (result["denied"].as_bool().unwrap(), result["event"].is_object())
    };
    let ads = |word: &str| json!({ "consent": { "ads": word } });
    for (options, input, expected) in [
        (json!({}), json!({}), (false, true)),
        (json!({}), ads("granted"), (false, true)),
        (ads("denied"), json!({}), (true, false)),
        (ads("granted"), ads("denied"), (true, false)),
        (ads("denied"), ads("granted"), (false, true)),
        (ads("measure_only"), json!({}), (false, false)),
    ] {
        assert_eq!(result(options.clone(), input.clone()), expected, "{options} {input}");
    }
}

#[test]
fn what_is_wrong_is_named_as_the_server_names_it() {
    let wrong = json!({
        "firstName": {}, "numItems": "two", "occurredAt": "NaN", "contents": ["x"], "consent": { "ads": "yes" },
        "experiment": { "id": [] }, "value": { "amount": "1" }, "properties": "x",
    });
    let found = refused("lead", &wrong);
    for (field, code) in [
        ("user.first_name", "WRONG_TYPE"),
        ("user.email", "EMAIL_OR_PHONE_REQUIRED"),
        ("custom_data.num_items", "WRONG_TYPE"),
        ("custom_data.contents", "WRONG_TYPE"),
        ("custom_data.value", "WRONG_TYPE"),
        ("custom_data.properties", "WRONG_TYPE"),
        ("experiment.experiment_id", "WRONG_TYPE"),
        ("consent.ads", "VALUE_UNKNOWN"),
        ("occurred_at", "WRONG_TYPE"),
    ] {
        assert!(found.contains(&(field.to_owned(), code.to_owned())), "{field}: {found:?}");
    }
    let missing = [("order_id".to_owned(), "REQUIRED".to_owned())];
    assert_eq!(refused("purchase", &json!({})), missing);
    for person in [json!({ "email": "" }), json!({ "phone": null }), json!({ "firstName": "Asha" })] {
        assert_eq!(refused("lead", &person)[0].1, "EMAIL_OR_PHONE_REQUIRED", "{person}");
    }
}

#[test]
fn keys_that_mean_nothing_are_named() {
    let unknown = |kind: &str, more: Value| prepared(kind, 0, &with(input(), more)).2["unknown"].clone();
    assert_eq!(
        unknown("lead", json!({ "emial": "a@b.example", "x\"": 1, "nothing": null })),
        json!(["emial", "orderId", "x\""])
    );
    assert_eq!(
        unknown("event", json!({ "user": {}, "pixelId": "8", "eventName": "x" })),
        json!(["eventName", "pixelId", "user"])
    );
    assert_eq!(
        unknown("purchase", json!({ "actionSource": "app", "defaultCountry": "US" })),
        json!(["actionSource", "defaultCountry"])
    );
}

#[test]
fn options_are_checked() {
    let checked = |options: Value| check_options(Node::read(options.to_string().as_bytes())).ok();
    for endpoint in ["https://t.example", "http://t", "/t", "/t/"] {
        assert_eq!(checked(json!({ "endpoint": endpoint, "pixelId": "7" })), Some(false), "{endpoint}");
    }
    let with_consent = |ads: &str| json!({ "endpoint": "/t", "pixelId": "7", "consent": { "ads": ads } });
    assert_eq!(checked(with_consent("denied")), Some(true));
    assert_eq!(checked(with_consent("measure_only")), Some(false));
    assert_eq!(checked(with_consent("perhaps")), None);
    for endpoint in ["", "t", "//host", "ftp://x"] {
        assert_eq!(checked(json!({ "endpoint": endpoint, "pixelId": "7" })), None, "{endpoint}");
    }
    assert_eq!(checked(json!({ "endpoint": "/t", "pixelId": "7a" })), None);
    assert_eq!(checked(json!({ "endpoint": "/t", "pixelId": "7", "currency": [] })), None);
}

#[test]
fn a_report_names_the_event_and_the_pixel() {
    let of =
        json!({ "name": "Lead", "id": "id", "outcome": "fired", "atMs": "1700000000900", "key": "c0ffee" });
    let (path, message, _) = prepared("report", 0, &of);
    assert_eq!(path, paths::CONFIRM_BROWSER_EVENTS);
    let request = ConfirmBrowserEventsRequest::decode(&*message).unwrap();
    assert_eq!(request.pixel_id, "7");
    let sent = &request.confirmations[0];
    assert_eq!((sent.event_name.as_str(), sent.event_id.as_str(), sent.outcome), ("Lead", "id", 1));
    assert_eq!((sent.occurred_at, sent.confirm_key.as_str()), (seconds(1_700_000_000), "c0ffee"));
}
