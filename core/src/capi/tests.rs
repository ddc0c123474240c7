use super::*;
use crate::currency::Currency;
use crate::custom_data::Experiment;
use crate::event::{ActionSource, LimitedDataUse, Page};
use crate::id::{EventId, EventName, PixelId};
use crate::money::Money;
use crate::user_data::UserData;
use proptest::prelude::*;

fn inr(text: &str) -> Money {
    Money::parse(text, Currency::parse("INR").unwrap()).unwrap()
}

fn purchase() -> Event {
    let mut user_data = UserData {
        fbp: Some("fb.1.1700000000000.1234567890".into()),
        fbc: Some("fb.1.1700000000000.AbC-1_x".into()),
        client_ip_address: Some("2001:db8::7".parse().unwrap()),
        client_user_agent: Some("Mozilla/5.0 \"quoted\"".into()),
        ..UserData::default()
    };
    user_data.set(crate::normalise::MatchKey::Email, crate::hash::Sha256Hex::of_bytes(b"asha@example.com"));
    Event {
        pixel: PixelId::parse("123456789012345").unwrap(),
        name: EventName::purchase(),
        id: EventId::parse("purchase_KB-1").unwrap(),
        time_s: 1_763_958_731,
        action_source: ActionSource::Website,
        page: Page {
            event_source_url: PageUrl::clean("https://shop.example/thanks").map(|(url, _)| url),
            referrer_url: None,
        },
        user_data,
        custom_data: CustomData {
            value: Some(inr("1399.50")),
            contents: vec![Content { id: "deck".into(), quantity: 2, item_price: Some(inr("699.75")) }],
            content_ids: vec!["deck".into()],
            order_id: Some(OrderId::parse("KB-1").unwrap()),
            experiment: Experiment {
                experiment_id: "hero".into(),
                variant: "b".into(),
                test_group: String::new(),
            },
            properties: vec![("gift".into(), "yes".into())],
            ..CustomData::default()
        },
        limited_data_use: Some(LimitedDataUse { country: 0, state: 0 }),
        opt_out: false,
    }
}

#[test]
fn the_body_is_what_meta_documents() {
    let body = batch_body([&Payload::of(&purchase())].into_iter(), "tandem", Some("TEST1"), None);
    let value: serde_json::Value = serde_json::from_str(&body).unwrap();
    insta::assert_json_snapshot!(value, @r#"
    {
      "data": [
        {
          "action_source": "website",
          "custom_data": {
            "content_ids": [
              "deck"
            ],
            "contents": [
              {
                "id": "deck",
                "item_price": 699.75,
                "quantity": 2
              }
            ],
            "currency": "INR",
            "experiment_id": "hero",
            "gift": "yes",
            "order_id": "KB-1",
            "value": 1399.5,
            "variant": "b"
          },
          "data_processing_options": [
            "LDU"
          ],
          "data_processing_options_country": 0,
          "data_processing_options_state": 0,
          "event_id": "purchase_KB-1",
          "event_name": "Purchase",
          "event_source_url": "https://shop.example/thanks",
          "event_time": 1763958731,
          "user_data": {
            "client_ip_address": "2001:db8::7",
            "client_user_agent": "Mozilla/5.0 \"quoted\"",
            "em": [
              "ea4e36a829983d27e865b649cd10fcb61f2f1bcd857b47ab709e7adbe941ab68"
            ],
            "fbc": "fb.1.1700000000000.AbC-1_x",
            "fbp": "fb.1.1700000000000.1234567890"
          }
        }
      ],
      "partner_agent": "tandem",
      "test_event_code": "TEST1"
    }
    "#);
}

#[test]
fn the_public_part_and_what_is_logged_hold_no_personal_data() {
    let payload = Payload::of(&purchase());
    let logged = format!("{payload:?}");
    for needle in ["user_data", "fb.1", "Mozilla", "https:", "ea4e36a8"] {
        assert!(!payload.public_json.contains(needle), "{needle} in {}", payload.public_json);
        assert!(!logged.contains(needle), "{needle} in {logged}");
    }
}

#[test]
fn custom_data_is_read_back_as_it_was_written() {
    let event = purchase();
    assert_eq!(read_custom_data(&Payload::of(&event).public_json), Some(event.custom_data));
}

#[test]
fn measurement_alone_is_metas_opt_out_and_is_read_back() {
    let full = Payload::of(&purchase());
    assert!(!full.public_json.contains("opt_out") && !is_opted_out(&full.public_json));
    let measured = Payload::of(&Event { opt_out: true, ..purchase() });
    let body = batch_body([&measured].into_iter(), "tandem", None, None);
    let value: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(value["data"][0]["opt_out"], true);
    assert!(is_opted_out(&measured.public_json));
    let mut named = purchase();
    named.custom_data.properties = vec![("opt_out".into(), "true".into())];
    assert!(!is_opted_out(&Payload::of(&named).public_json), "a property of that name says nothing");
}

#[test]
fn an_event_without_custom_data_has_none() {
    let event = Event { custom_data: CustomData::default(), ..purchase() };
    assert_eq!(read_custom_data(&Payload::of(&event).public_json), None);
}

proptest! {
    #[test]
    fn any_text_survives_json(text in ".{0,40}", control in proptest::char::range('\0', '\u{1f}')) {
        let text = format!("{text}{control}\"\\");
        let read: String = serde_json::from_str(&quoted(&text)).unwrap();
        prop_assert_eq!(read, text);
    }
}

#[test]
fn a_property_named_action_source_says_nothing_about_where_the_event_happened() {
    let mut event = Event { action_source: ActionSource::PhysicalStore, page: Page::default(), ..purchase() };
    event.custom_data.properties = vec![("action_source".into(), "website".into())];
    assert_eq!(Payload::of(&event).known_refusal(event.time_s, Some(event.time_s)), None);
    event.action_source = ActionSource::Website;
    let refusal = Payload::of(&event).known_refusal(event.time_s, None);
    assert_eq!(refusal, Some(code::PAGE_MISSING), "a website's event names its page");
}

#[test]
fn without_its_click_id_an_event_says_all_the_rest() {
    let whole = Payload::of(&purchase());
    let rest = whole.without_click_id().unwrap();
    let mut expected = purchase();
    expected.user_data.fbc = None;
    let read = |payload: &Payload| -> serde_json::Value {
        serde_json::from_str(&batch_body([payload].into_iter(), "tandem", None, None)).unwrap()
    };
    assert_eq!(read(&rest), read(&Payload::of(&expected)));
    assert_eq!((rest.keys, rest.has_page), (Payload::of(&expected).keys, true));
    assert_eq!(rest.without_click_id(), None, "it has none any more");
    let gone = Payload { personal_json: None, ..whole };
    assert_eq!(gone.without_click_id(), None);
}

#[test]
fn an_event_whose_click_id_is_all_it_has_does_not_go_without_it() {
    let mut event = purchase();
    event.user_data = UserData {
        fbc: Some("fb.1.1700000000000.AbC-1_x".into()),
        client_user_agent: Some("Mozilla/5.0".into()),
        ..UserData::default()
    };
    assert_eq!(Payload::of(&event).without_click_id(), None);
}
