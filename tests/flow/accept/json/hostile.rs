//! Hostile and broken JSON.

use std::time::{Duration, Instant};

use serde_json::json;
use tandem_proto::v1::tracking_service_paths as paths;
use tandem_tests::World;

use super::{post, post_json, token};

#[tokio::test]
async fn hostile_json_is_refused_with_the_field_and_without_its_value() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let deep = |n: usize| format!("{{\"user\":{}{}}}", "[".repeat(n), "]".repeat(n));
    let deep_objects = |n: usize| format!("{}1{}", "{\"user\":".repeat(n), "}".repeat(n));
    let many = format!("[{}]", vec![r#"{"x":1}"#; 5000].join(","));
    let secret = "asha.secret@example.com";
    let cases: Vec<(&str, Vec<u8>, &str, &str)> = vec![
        ("no JSON", b"user=asha.secret@example.com".to_vec(), "", "JSON_MALFORMED"),
        ("nothing", b"".to_vec(), "", "JSON_MALFORMED"),
        ("half", br#"{"user":{"email":"asha.secret@example.com""#.to_vec(), "user", "JSON_MALFORMED"),
        ("more behind it", br#"{"user":{"email":"a@example.com"}} {}"#.to_vec(), "", "JSON_MALFORMED"),
        (
            "no UTF-8",
            b"{\"user\":{\"email\":\"\xff\xfe@example.com\"}}".to_vec(),
            "user.email",
            "JSON_MALFORMED",
        ),
        ("half a surrogate", br#"{"user":{"email":"\ud800"}}"#.to_vec(), "user.email", "JSON_MALFORMED"),
        ("a list", b"[]".to_vec(), "", "WRONG_TYPE"),
        ("null", b"null".to_vec(), "", "WRONG_TYPE"),
        ("deep lists", deep(30_000).into_bytes(), "user", "WRONG_TYPE"),
        ("deep objects", deep_objects(3_000).into_bytes(), "user.user", "UNKNOWN_FIELD"),
        (
            "a misspelt name",
            format!(r#"{{"user":{{"emial":"{secret}"}}}}"#).into_bytes(),
            "user.emial",
            "UNKNOWN_FIELD",
        ),
        (
            "a name that is an address",
            format!(r#"{{"user":{{"{secret}":1}}}}"#).into_bytes(),
            "user",
            "UNKNOWN_FIELD",
        ),
        (
            "twice",
            format!(r#"{{"user":{{"email":"a@example.com","email":"{secret}"}}}}"#).into_bytes(),
            "user.email",
            "DUPLICATE",
        ),
        (
            "twice in both spellings",
            br#"{"clientEventId":"","client_event_id":""}"#.to_vec(),
            "client_event_id",
            "DUPLICATE",
        ),
        ("a number", br#"{"user":{"email":12}}"#.to_vec(), "user.email", "WRONG_TYPE"),
        (
            "an object",
            format!(r#"{{"user":{{"email":{{"{secret}":1}}}}}}"#).into_bytes(),
            "user.email",
            "WRONG_TYPE",
        ),
        ("a text", format!(r#"{{"user":"{secret}"}}"#).into_bytes(), "user", "WRONG_TYPE"),
        (
            "money as a number",
            br#"{"customData":{"value":{"amount":1499}}}"#.to_vec(),
            "custom_data.value.amount",
            "WRONG_TYPE",
        ),
        ("no list", br#"{"customData":{"contents":{}}}"#.to_vec(), "custom_data.contents", "WRONG_TYPE"),
        (
            "in a list",
            br#"{"customData":{"contents":[{"id":"a"},{"quantity":-1}]}}"#.to_vec(),
            "custom_data.contents[1].quantity",
            "WRONG_TYPE",
        ),
        (
            "too large a number",
            br#"{"customData":{"numItems":4294967296}}"#.to_vec(),
            "custom_data.num_items",
            "WRONG_TYPE",
        ),
        (
            "half a piece",
            br#"{"customData":{"numItems":1.5}}"#.to_vec(),
            "custom_data.num_items",
            "WRONG_TYPE",
        ),
        (
            "no number at all",
            br#"{"customData":{"numItems":1e999}}"#.to_vec(),
            "custom_data.num_items",
            "JSON_MALFORMED",
        ),
        (
            "an unknown word",
            format!(r#"{{"consent":{{"ads":"{secret}"}}}}"#).into_bytes(),
            "consent.ads",
            "VALUE_UNKNOWN",
        ),
        ("no time", format!(r#"{{"occurredAt":"{secret}"}}"#).into_bytes(), "occurred_at", "WRONG_TYPE"),
        (
            "no truth",
            br#"{"consent":{"limitedDataUse":"yes"}}"#.to_vec(),
            "consent.limited_data_use",
            "WRONG_TYPE",
        ),
        (
            "many unknown names",
            format!(r#"{{"customData":{{"contents":{many}}}}}"#).into_bytes(),
            "custom_data.contents[0].x",
            "UNKNOWN_FIELD",
        ),
    ];
    for (case, body, field, code) in cases {
        let started = Instant::now();
        let answer = post(&world, paths::CAPTURE_LEAD, body, &[]).await?;
        assert!(started.elapsed() < Duration::from_secs(3), "{case}");
        assert_eq!(
            (answer.http, &answer.body["code"]),
            (400, &json!("invalid_argument")),
            "{case}: {answer:?}"
        );
        assert_eq!(answer.fields()?[0], (field.to_owned(), code.to_owned()), "{case}: {:?}", answer.body);
        let text = answer.body.to_string();
        assert!(!text.contains("secret") && !text.contains("12}"), "{case}: {text}");
        assert!(answer.fields()?.len() <= 20, "{case}");
    }
    let (name, secret_header) = token();
    let webhook = r#"{"provider":1,"rawBody":"%%%"}"#;
    let answer = post(&world, paths::VERIFY_WEBHOOK, webhook, &[(name, &secret_header)]).await?;
    assert_eq!(answer.fields()?, [("raw_body".to_owned(), "WRONG_TYPE".to_owned())]);
    let webhook = r#"{"provider":1,"headers":{"a":"1","a":"2"}}"#;
    let answer = post(&world, paths::VERIFY_WEBHOOK, webhook, &[(name, &secret_header)]).await?;
    assert_eq!(answer.fields()?, [("headers".to_owned(), "DUPLICATE".to_owned())]);
    let log = world.server_log();
    assert!(!log.contains("asha") && !log.contains("panicked"), "{log}");
    let fine =
        post_json(&world, paths::CAPTURE_LEAD, &json!({ "user": { "email": "asha@example.com" } })).await?;
    assert_eq!(fine.http, 200, "the server goes on");
    Ok(())
}
