//! Each way in which an event is refused, one test each, through the router.

use axum::Router;
use axum::body::Body;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::clock::now_ms;
use crate::testing;

/// Meta's own example of a hashed e-mail address.
const EMAIL_HASH: &str = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f";

const OLD: u32 = 2_804_003;
const FUTURE: u32 = 2_804_004;
const NO_VALUE: u32 = 2_804_009;
const PARAMETER: u32 = 2_804_019;
const NO_CURRENCY: u32 = 2_804_023;
const LEAD_ID: u32 = 2_804_036;
const THIN: u32 = 2_804_050;

/// A website Purchase with every parameter that Meta knows.
fn full_event() -> Value {
    json!({
        "event_name": "Purchase",
        "event_time": now_ms() / 1000,
        "action_source": "website",
        "event_id": "purchase_KB-1",
        "event_source_url": "https://shop.example/thank-you?order_id=KB-1",
        "referrer_url": "https://shop.example/checkout",
        "opt_out": false,
        "data_processing_options": ["LDU"],
        "data_processing_options_country": 0,
        "data_processing_options_state": 0,
        "user_data": {
            "em": [EMAIL_HASH],
            "ph": [EMAIL_HASH, EMAIL_HASH.replace('6', "7")],
            "fn": EMAIL_HASH, "ln": EMAIL_HASH, "ge": EMAIL_HASH, "db": EMAIL_HASH, "ct": EMAIL_HASH,
            "st": EMAIL_HASH, "zp": EMAIL_HASH, "country": EMAIL_HASH, "external_id": [EMAIL_HASH],
            "client_ip_address": "2001:db8::7",
            "client_user_agent": "Mozilla/5.0",
            "fbc": "fb.1.1700000000000.AbC-1_x",
            "fbp": "fb.1.1700000000000.1073741823.AQQCAQMC",
        },
        "custom_data": {
            "value": 1499.00, "currency": "INR", "order_id": "KB-1",
            "content_ids": ["deck", 12], "content_type": "product", "content_name": "The Dusk Deck",
            "contents": [{ "id": "deck", "quantity": 1, "item_price": 1499 }],
            "num_items": 1, "predicted_ltv": 0, "experiment_id": "headline", "variant": "b",
        },
    })
}

async fn post(event: &Value) -> (StatusCode, Value) {
    post_to(&testing::router(), event).await
}

async fn post_to(router: &Router, event: &Value) -> (StatusCode, Value) {
    let request = Request::post("/graph/v25.0/123456789012345/events")
        .header(CONTENT_TYPE, "application/json")
        .header(AUTHORIZATION, "Bearer sandbox-token")
        .body(Body::from(json!({ "data": [event] }).to_string()))
        .unwrap();
    let response = testing::send(router, request).await;
    (response.status(), testing::json(response).await)
}

async fn assert_taken(event: &Value) {
    let (status, answer) = post(event).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["events_received"], 1);
}

async fn assert_refused(event: &Value, subcode: u32, blamed: &str) {
    let (status, answer) = post(event).await;
    let error = &answer["error"];
    assert_eq!(status, StatusCode::BAD_REQUEST, "{event} was taken");
    assert_eq!(error["code"], 100);
    assert_eq!(error["error_subcode"], subcode, "{answer}");
    assert_eq!(error["error_data"]["blame_field_specs"], json!([[blamed]]), "{answer}");
    for text in ["message", "error_user_title", "error_user_msg", "fbtrace_id"] {
        assert!(error[text].as_str().is_some_and(|text| !text.is_empty()), "{text} is missing");
    }
    assert_eq!((&error["type"], &error["is_transient"]), (&json!("OAuthException"), &json!(false)));
}

/// The full event with the value at `path` (dots between keys) replaced; null removes it.
fn with(path: &str, value: Value) -> Value {
    let mut event = full_event();
    let (parent, key) = path.rsplit_once('.').unwrap_or(("", path));
    let parent =
        parent.split('.').filter(|part| !part.is_empty()).fold(&mut event, |place, part| &mut place[part]);
    let object = parent.as_object_mut().unwrap();
    if value.is_null() {
        object.remove(key);
    } else {
        object.insert(key.to_owned(), value);
    }
    event
}

/// Expects, for each of these values, the generic refusal that names the place.
async fn assert_parameter(path: &str, values: impl IntoIterator<Item = Value>) {
    for value in values {
        assert_refused(&with(path, value), PARAMETER, &format!("data[0].{path}")).await;
    }
}

fn with_user_data(user_data: &Value) -> Value {
    let mut event = with("user_data", user_data.clone());
    event["action_source"] = json!("system_generated");
    event
}

#[tokio::test]
async fn a_full_event_is_taken_without_a_word() {
    let (status, answer) = post(&full_event()).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["messages"], json!([]));
}

#[tokio::test]
async fn what_meta_takes_but_does_not_like_is_said() {
    let (_, lower) = post(&with("custom_data.currency", json!("inr"))).await;
    assert_eq!(lower["messages"].as_array().unwrap().len(), 1);
    let (_, unknown) = post(&with("user_data.email", json!("x"))).await;
    assert!(unknown["messages"][0].as_str().unwrap().contains("user_data.email"));
    let (_, no_id) = post(&with("event_id", Value::Null)).await;
    assert!(no_id["messages"][0].as_str().unwrap().contains("event_id"));
}

#[tokio::test]
async fn an_event_that_is_no_object_is_refused() {
    assert_refused(&json!("Lead"), PARAMETER, "data[0]").await;
}

#[tokio::test]
async fn event_name_is_required() {
    assert_parameter("event_name", [Value::Null, json!(""), json!("  "), json!(1)]).await;
}

#[tokio::test]
async fn event_time_is_required_as_a_whole_number() {
    assert_parameter("event_time", [Value::Null, json!("1763942400"), json!(1.5)]).await;
}

#[tokio::test]
async fn event_time_in_milliseconds_is_refused() {
    assert_refused(&with("event_time", json!(now_ms())), FUTURE, "event_time").await;
}

#[tokio::test]
async fn event_time_in_the_future_is_refused() {
    let now_s = now_ms() / 1000;
    assert_refused(&with("event_time", json!(now_s + 120)), FUTURE, "event_time").await;
    assert_taken(&with("event_time", json!(now_s + 30))).await;
}

#[tokio::test]
async fn event_time_older_than_seven_days_is_refused() {
    let week_ago_s = now_ms() / 1000 - 7 * 86_400;
    assert_refused(&with("event_time", json!(week_ago_s - 5)), OLD, "event_time").await;
    assert_taken(&with("event_time", json!(week_ago_s + 60))).await;
}

#[tokio::test]
async fn action_source_must_be_one_of_nine() {
    assert_parameter("action_source", [Value::Null, json!("Website"), json!("web"), json!(3)]).await;
    for source in ["email", "app", "phone_call", "chat", "physical_store", "system_generated", "other"] {
        assert_taken(&with("action_source", json!(source))).await;
    }
}

#[tokio::test]
async fn a_website_event_needs_its_page() {
    assert_parameter("event_source_url", [Value::Null]).await;
}

#[tokio::test]
async fn a_website_event_without_a_user_agent_is_refused_where_that_is_asked_for() {
    let event = with("user_data.client_user_agent", Value::Null);
    let strict = testing::router_with(&["--require-user-agent"]);
    let (status, answer) = post_to(&strict, &event).await;
    assert_eq!((status, &answer["error"]["error_subcode"]), (StatusCode::BAD_REQUEST, &json!(PARAMETER)));
    let blamed = &answer["error"]["error_data"]["blame_field_specs"];
    assert_eq!(*blamed, json!([["data[0].user_data.client_user_agent"]]));
    assert_eq!(post_to(&strict, &full_event()).await.0, StatusCode::OK);

    let (status, answer) = post(&event).await;
    assert_eq!(status, StatusCode::OK);
    assert!(answer["messages"][0].as_str().unwrap().contains("client_user_agent"));
}

#[tokio::test]
async fn urls_must_be_complete() {
    for path in ["event_source_url", "referrer_url"] {
        assert_parameter(path, [json!("shop.example/x"), json!("/x"), json!("javascript:0"), json!("")])
            .await;
    }
}

#[tokio::test]
async fn event_id_must_be_a_string_of_bounded_length() {
    assert_parameter("event_id", [json!(""), json!(12), json!("x".repeat(513))]).await;
    assert_taken(&with("event_id", json!("x".repeat(512)))).await;
}

#[tokio::test]
async fn opt_out_must_be_a_boolean() {
    assert_parameter("opt_out", [json!("true"), json!(1)]).await;
}

#[tokio::test]
async fn data_processing_options_are_ldu_or_nothing() {
    assert_parameter("data_processing_options", [json!("LDU"), json!(["ldu"]), json!(["LDU", "LDU"])]).await;
    assert_taken(&with("data_processing_options", json!([]))).await;
    assert_taken(&with("data_processing_options", Value::Null)).await;
}

#[tokio::test]
async fn limited_data_use_needs_a_known_country_and_state() {
    assert_parameter("data_processing_options_country", [Value::Null, json!(2), json!("0")]).await;
    assert_parameter("data_processing_options_state", [Value::Null, json!(999), json!(1014), json!("0")])
        .await;
    assert_taken(&with("data_processing_options_state", json!(1013))).await;
}

#[tokio::test]
async fn user_data_is_required() {
    assert_parameter("user_data", [Value::Null, json!([]), json!("x")]).await;
}

#[tokio::test]
async fn hashed_match_keys_must_be_sha256_in_lower_case_hex() {
    for key in ["em", "ph", "fn", "ln", "ge", "db", "ct", "st", "zp", "country", "external_id"] {
        assert_parameter(
            &format!("user_data.{key}"),
            [
                json!("john_smith@gmail.com"),
                json!(EMAIL_HASH.to_uppercase()),
                json!(&EMAIL_HASH[1..]),
                json!("5f4dcc3b5aa765d61d8327deb882cf99"),
                json!(format!("{EMAIL_HASH}.AQQCAQMC")),
                json!([EMAIL_HASH, "raw"]),
                json!([]),
                json!(""),
                json!(7),
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn the_hash_of_nothing_is_refused() {
    let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_parameter("user_data.em", [json!(nothing), json!([EMAIL_HASH, nothing])]).await;
}

#[tokio::test]
async fn fbc_needs_its_envelope() {
    let bad = ["AbC", "fb.1.x.AbC", "fb.x.1.AbC", "fb.1.2.", "fb.1.2.A.B.C", "fb.1.2.A.abc", "xx.1.2.A", ""];
    assert_parameter("user_data.fbc", bad.map(|text| json!(text))).await;
    assert_taken(&with("user_data.fbc", json!("fb.2.1700000000000.AbC.AQQCAQMC"))).await;
    assert_refused(&with("user_data.fbc", json!("fb.1.1700000000000.[fbclid]")), 2_804_001, "").await;
}

#[tokio::test]
async fn fbp_needs_its_envelope() {
    assert_parameter("user_data.fbp", ["1", "fb.1.2.x", "fb.1.2", "fb.1.2.3.4.5"].map(|text| json!(text)))
        .await;
}

#[tokio::test]
async fn client_ip_address_must_be_public_or_loopback() {
    let bad = [
        "localhost",
        "203.0.113.7 ",
        "203.0.113.7:80",
        "10.0.0.1",
        "192.168.1.4",
        "172.16.0.1",
        "169.254.1.1",
        "0.0.0.0",
        "fe80::1",
        "fd00::1",
        "::",
    ];
    assert_parameter("user_data.client_ip_address", bad.map(|text| json!(text))).await;
    for good in ["203.0.113.7", "2001:db8::1", "127.0.0.1", "::1"] {
        assert_taken(&with("user_data.client_ip_address", json!(good))).await;
    }
}

#[tokio::test]
async fn plain_keys_must_be_filled_strings() {
    assert_parameter("user_data.client_user_agent", [json!(""), json!(1), json!(["x"])]).await;
}

#[tokio::test]
async fn a_lead_id_has_15_to_17_digits() {
    for bad in [json!("lead_1"), json!("12345678901234"), json!(123)] {
        assert_refused(&with("user_data.lead_id", bad), LEAD_ID, "user_data.lead_id").await;
    }
    assert_taken(&with("user_data.lead_id", json!("123456789012345"))).await;
    assert_taken(&with("user_data.lead_id", json!(123_456_789_012_345_u64))).await;
}

#[tokio::test]
async fn combinations_that_identify_nobody_are_refused() {
    let hash = json!([EMAIL_HASH]);
    for thin in [
        json!({}),
        json!({ "client_user_agent": "Mozilla" }),
        json!({ "ct": hash, "country": hash, "st": hash, "zp": hash, "ge": hash, "client_user_agent": "Mozilla" }),
        json!({ "db": hash, "client_user_agent": "Mozilla" }),
        json!({ "fn": hash, "ge": hash }),
        json!({ "fn": hash }),
        json!({ "ln": hash, "ge": hash }),
    ] {
        assert_refused(&with_user_data(&thin), THIN, "user_data").await;
    }
    for enough in [
        json!({ "client_ip_address": "203.0.113.7", "client_user_agent": "Mozilla" }),
        json!({ "fn": hash, "ln": hash }),
        json!({ "em": hash }),
        json!({ "fbp": "fb.1.2.3", "client_user_agent": "Mozilla" }),
    ] {
        assert_taken(&with_user_data(&enough)).await;
    }
}

#[tokio::test]
async fn a_purchase_needs_value_and_currency() {
    assert_refused(&with("custom_data", Value::Null), NO_VALUE, "custom_data.value").await;
    assert_refused(&with("custom_data.value", Value::Null), NO_VALUE, "custom_data.value").await;
    assert_refused(&with("custom_data.currency", Value::Null), NO_VALUE, "custom_data.currency").await;
}

#[tokio::test]
async fn a_value_needs_its_currency() {
    let mut lead = with("custom_data.currency", Value::Null);
    lead["event_name"] = json!("Lead");
    assert_refused(&lead, NO_CURRENCY, "custom_data.currency").await;
    lead["custom_data"].as_object_mut().unwrap().remove("value");
    assert_taken(&lead).await;
}

#[tokio::test]
async fn currency_must_be_three_letters() {
    assert_parameter(
        "custom_data.currency",
        [json!("RS"), json!("INRS"), json!("I1R"), json!(356), json!("")],
    )
    .await;
}

#[tokio::test]
async fn value_must_be_a_number_that_is_not_negative() {
    assert_parameter("custom_data.value", [json!("1499.00"), json!(-1), json!(-0.01), json!(true)]).await;
    assert_taken(&with("custom_data.value", json!(0))).await;
}

#[tokio::test]
async fn other_amounts_and_counts_are_checked() {
    assert_parameter("custom_data.predicted_ltv", [json!("5"), json!(-5)]).await;
    assert_parameter("custom_data.num_items", [json!("1"), json!(1.5), json!(-1)]).await;
    assert_parameter("custom_data.order_id", [json!(17)]).await;
}

#[tokio::test]
async fn custom_data_must_be_an_object() {
    assert_parameter("custom_data", [json!([]), json!("x")]).await;
}

#[tokio::test]
async fn contents_need_an_id_and_a_quantity() {
    assert_parameter("custom_data.contents", [json!({ "id": "deck" }), json!("deck")]).await;
    for (item, blamed) in [
        (json!({ "quantity": 1 }), "id"),
        (json!({ "id": "", "quantity": 1 }), "id"),
        (json!({ "id": "deck" }), "quantity"),
        (json!({ "id": "deck", "quantity": 0 }), "quantity"),
        (json!({ "id": "deck", "quantity": "1" }), "quantity"),
        (json!({ "id": "deck", "quantity": 1, "item_price": "1499" }), "item_price"),
        (json!("deck"), "id"),
    ] {
        let event = with("custom_data.contents", json!([{ "id": "a", "quantity": 1 }, item]));
        assert_refused(&event, PARAMETER, &format!("data[0].custom_data.contents[1].{blamed}")).await;
    }
}

#[tokio::test]
async fn content_ids_and_type_are_checked() {
    assert_parameter("custom_data.content_ids", [json!("deck"), json!([""]), json!([1.5])]).await;
    assert_parameter("custom_data.content_type", [json!("products"), json!(1)]).await;
}
