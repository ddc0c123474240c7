//! Which calls the server refuses, and which field it names.

use prost_types::Timestamp;
use tandem_proto::v1::{
    CaptureLeadRequest, ConfirmBrowserEventsRequest, Confirmation, Content, CustomData, Money, Outcome, User,
};
use tandem_tests::cashfree::now_ms;
use tandem_tests::status::{expect_fields, named_fields, readable_text};
use tandem_tests::{Person, World, messages};
use tonic::Code;

fn days_ago(days: u64) -> Option<Timestamp> {
    let seconds = i64::try_from(now_ms() / 1000 - days * 86_400).unwrap_or_default();
    Some(Timestamp { seconds, nanos: 0 })
}

fn priced(amount: &str, currency: &str) -> Option<CustomData> {
    let value = Some(Money { amount: amount.to_owned(), currency_code: currency.to_owned() });
    Some(CustomData { value, ..CustomData::default() })
}

#[tokio::test]
async fn a_lead_names_each_field_that_is_wrong() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let visitor = world.visitor();
    let person = Person::unique();
    type Change = fn(&mut CaptureLeadRequest);
    fn user(request: &mut CaptureLeadRequest) -> &mut User {
        request.user.get_or_insert_default()
    }
    let cases: [(&str, Change, &[&str]); 15] = [
        (
            "an empty e-mail and no phone",
            |r| r.user = Some(User { email: Some(String::new()), ..User::default() }),
            &["user.email"],
        ),
        ("no person at all", |r| r.user = None, &["user.email"]),
        ("a broken phone", |r| user(r).phone = Some("12-AB".to_owned()), &["user.phone"]),
        ("a broken e-mail", |r| user(r).email = Some("not-an-email".to_owned()), &["user.email"]),
        (
            "both broken",
            |r| {
                user(r).email = Some("a b@example.com".to_owned());
                user(r).phone = Some("7".to_owned());
            },
            &["user.email", "user.phone"],
        ),
        (
            "a birthday that does not exist",
            |r| user(r).date_of_birth = Some("1990-02-31".to_owned()),
            &["user.date_of_birth"],
        ),
        ("too many decimals", |r| r.custom_data = priced("12.345", "INR"), &["custom_data.value.amount"]),
        ("a price with words", |r| r.custom_data = priced("Rs 12", "INR"), &["custom_data.value.amount"]),
        ("a negative price", |r| r.custom_data = priced("-1.00", "INR"), &["custom_data.value.amount"]),
        (
            "decimals in a currency without decimals",
            |r| r.custom_data = priced("12.5", "JPY"),
            &["custom_data.value.amount"],
        ),
        (
            "no such currency",
            |r| r.custom_data = priced("1.00", "RUPEE"),
            &["custom_data.value.currency_code"],
        ),
        ("an ID that is no UUID", |r| r.client_event_id = "lead-1".to_owned(), &["client_event_id"]),
        ("eight days old", |r| r.occurred_at = days_ago(8), &["occurred_at"]),
        (
            "the earliest time there is",
            |r| r.occurred_at = Some(Timestamp { seconds: i64::MIN, nanos: i32::MIN }),
            &["occurred_at"],
        ),
        ("a pixel nobody configured", |r| r.pixel_id = "999999999999999".to_owned(), &["pixel_id"]),
    ];
    for (case, change, fields) in cases {
        let mut request = messages::lead(&person);
        change(&mut request);
        let typed = request.user.clone().unwrap_or_default();
        let status = expect_fields(case, visitor.capture_lead(request).await?.outcome, fields);
        let text = readable_text(&status);
        for value in [typed.email, typed.phone, typed.first_name, typed.last_name].into_iter().flatten() {
            assert!(
                value.is_empty() || !text.contains(&value),
                "{case}: the error repeats {value:?}: {text}"
            );
        }
    }

    // A refused call leaves no trace. Trailing zeros are allowed.
    let mut fine = messages::lead(&person);
    fine.custom_data = priced("12.5000", "INR");
    let id = visitor.capture_lead(fine).await?.outcome?.event_id;
    assert_eq!(world.wait_for_server_event("Lead", &id).await?.value_minor(), 1250);
    assert_eq!(world.sandbox.server_events("").await?.len(), 1);
    world.wait_for_health("one lead", |health| health["last_24h"]["lead_events"] == 1).await?;
    Ok(())
}

#[tokio::test]
async fn track_event_refuses_what_has_an_rpc_of_its_own() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let visitor = world.visitor();
    let reserved =
        ["Purchase", "purchase", " Purchase", "Lead", "lead ", "LEAD", "AppendValue", "appendvalue", ""];
    for name in reserved {
        let outcome = visitor.track_event(messages::event(name, "1.00")).await?.outcome;
        expect_fields(&format!("event name {name:?}"), outcome, &["event_name"]);
    }
    let long = "x".repeat(51);
    let outcome = visitor.track_event(messages::event(&long, "1.00")).await?.outcome;
    expect_fields("a name of 51 characters", outcome, &["event_name"]);

    for order in ["line\nfeed", &"x".repeat(257)] {
        let mut request = messages::event("InitiateCheckout", "1.00");
        request.order_id = order.to_owned();
        expect_fields("a broken order ID", visitor.track_event(request).await?.outcome, &["order_id"]);
    }
    Ok(())
}

#[tokio::test]
async fn purchases_and_reports_are_checked_too() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let (visitor, internal) = (world.visitor(), world.internal()?);
    for order in ["", "with\u{7f}control", &"x".repeat(257)] {
        let outcome = visitor.claim_purchase(messages::purchase(order, "1.00")).await?.outcome;
        expect_fields("a claim for a broken order ID", outcome, &["order_id"]);
    }
    let mut claim = messages::purchase("KB-1", "1.00");
    claim.action_source = "phone_call".to_owned();
    expect_fields(
        "a claim with an action source",
        visitor.claim_purchase(claim).await?.outcome,
        &["action_source"],
    );

    let mut report = messages::purchase("KB-2", "1.00");
    report.action_source = "carrier_pigeon".to_owned();
    expect_fields("no such action source", internal.record_purchase(report).await, &["action_source"]);
    let mut report = messages::purchase("KB-3", "1.00");
    report.custom_data = None;
    let status = internal.record_purchase(report).await.expect_err("a merchant report must have an amount");
    assert_eq!(status.code(), Code::InvalidArgument);
    let fields = named_fields(&status);
    assert!(fields.len() == 1 && fields[0].starts_with("custom_data.value"), "{fields:?}");
    let mut report = messages::purchase("KB-4", "1.00");
    report.user = Some(User { phone: Some("12".to_owned()), ..User::default() });
    expect_fields(
        "a merchant's report with a broken phone",
        internal.record_purchase(report).await,
        &["user.phone"],
    );

    let report = Confirmation {
        event_name: "Lead".to_owned(),
        event_id: messages::event_id(),
        outcome: Outcome::Fired.into(),
        ..Confirmation::default()
    };
    let many = ConfirmBrowserEventsRequest { confirmations: vec![report; 201], pixel_id: String::new() };
    expect_fields("201 reports", world.stranger()?.confirm_browser_events(many).await, &["confirmations"]);
    Ok(())
}

#[tokio::test]
async fn an_answer_names_at_most_twenty_fields() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let visitor = world.visitor();
    let confirmations = vec![Confirmation::default(); 200];
    let status = visitor.confirm(confirmations).await?.outcome.expect_err("200 empty confirmations");
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(named_fields(&status).len(), 20);
    assert!(status.message().len() < 4096, "{} bytes", status.message().len());
    assert!(status.message().contains("580 more"), "{}", status.message());

    let mut lead = messages::lead(&Person::unique());
    let broken = Money { amount: "x".to_owned(), currency_code: "INR".to_owned() };
    let line = Content { id: String::new(), item_price: Some(broken), ..Content::default() };
    lead.custom_data.get_or_insert_default().contents = vec![line; 90];
    let status = visitor.capture_lead(lead).await?.outcome.expect_err("90 broken lines");
    assert_eq!(named_fields(&status).len(), 20);
    Ok(())
}
