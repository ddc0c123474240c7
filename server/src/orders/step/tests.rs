//! Every kind of step decides about the Purchase in the same way.

use tandem_core::code;
use tandem_core::currency::Currency;
use tandem_core::event::{ActionSource, AdsConsent, Consent, Event, Page};
use tandem_core::hash::Sha256Hex;
use tandem_core::id::{EventId, EventName, OrderId, PixelId};
use tandem_core::money::Money;
use tandem_core::normalise::MatchKey;
use tandem_core::order::{Contact, ContactProof, Environment};
use tandem_core::page_url::PageUrl;

use crate::clock::Clock;
use crate::orders::testing::{Fixture, fixture, pixel};
use crate::orders::{ContactSource, MerchantReport, NamedPixel};
use crate::outbox::{EventKey, OrderKey, State};

const NOW_MS: i64 = 1_763_942_400_000;

fn other_pixel() -> PixelId {
    PixelId::parse("555555555555555").unwrap()
}

fn contact(order: &OrderId) -> Contact {
    let mut contact = Contact {
        at_s: NOW_MS / 1000,
        is_claim: false,
        proof: ContactProof::Internal,
        pixel: None,
        consent: Consent::default(),
        browser: None,
        user_data: Default::default(),
        page: Page::default(),
        custom_data: Default::default(),
    };
    contact.custom_data.order_id = Some(order.clone());
    contact
}

/// A checkout that names an order and reports to `pixel`.
fn checkout(order: &OrderId, pixel: PixelId) -> Event {
    let Contact { mut user_data, page, custom_data, .. } = contact(order);
    user_data.fbp = Some("fb.1.1763942400000.1".to_owned());
    Event {
        pixel,
        name: EventName::parse("InitiateCheckout").unwrap(),
        id: EventId::parse("0198c5f0-0000-7000-8000-000000000001").unwrap(),
        time_s: NOW_MS / 1000,
        action_source: ActionSource::Website,
        page,
        user_data,
        custom_data,
        limited_data_use: None,
        opt_out: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_another_pixel_does_not_release_a_held_purchase() {
    let dir = tempfile::tempdir().unwrap();
    let holds = vec![(pixel(), code::SANDBOX_WITHOUT_TEST_CODE)];
    let Fixture { orders, outbox } = fixture(dir.path(), Clock::fixed(NOW_MS), &[], holds);
    let order = OrderId::parse("KB-1").unwrap();
    let report = MerchantReport {
        order: order.clone(),
        pixel: None,
        money: Money::parse("10.50", Currency::INR).unwrap(),
        action_source: ActionSource::Website,
        contact: contact(&order),
    };
    orders.report(report).await.unwrap();
    let event = checkout(&order, other_pixel());
    let (consent, page) =
        (Consent::default(), ContactSource::Page { address: None, proof: Default::default() });
    orders.take_event(event, order.clone(), consent, page, NamedPixel::default(), NOW_MS).await.unwrap();
    let key = EventKey { id: EventId::of_purchase(&order), name: None, pixel: None };
    let found = outbox.operators.find(key).await.unwrap();
    let purchases: Vec<_> = found.iter().map(|(event, _)| (event.state, event.code.as_deref())).collect();
    assert_eq!(purchases, [(State::Held, Some(code::SANDBOX_WITHOUT_TEST_CODE))]);
}

/// A report of somebody with an e-mail address and a browser, on a page.
fn report_of_somebody(order: &OrderId, ads: AdsConsent) -> MerchantReport {
    let mut contact = contact(order);
    contact.consent.ads = ads;
    contact.user_data.set(MatchKey::Email, Sha256Hex::of_bytes(b"asha@example.com"));
    MerchantReport {
        order: order.clone(),
        pixel: None,
        money: Money::parse("10.50", Currency::INR).unwrap(),
        action_source: ActionSource::Website,
        contact,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_allows_it_after_one_that_refused_sends_the_match_keys() {
    let dir = tempfile::tempdir().unwrap();
    let Fixture { orders, outbox } = fixture(dir.path(), Clock::fixed(NOW_MS), &[], Vec::new());
    let order = OrderId::parse("KB-1").unwrap();
    let refused = orders.report(report_of_somebody(&order, AdsConsent::Denied)).await.unwrap();
    assert_eq!((refused.duplicate, refused.suppressed_reason), (false, code::CONSENT_DENIED));
    let allowed = orders.report(report_of_somebody(&order, AdsConsent::Granted)).await.unwrap();
    assert_eq!((allowed.duplicate, allowed.suppressed_reason), (true, ""));
    let key = EventKey { id: EventId::of_purchase(&order), name: None, pixel: None };
    let found = outbox.operators.find(key).await.unwrap();
    let keys: Vec<_> = found.iter().map(|(event, _)| event.keys.names()).collect();
    assert_eq!(keys, [["em"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_a_person_who_refuses_leaves_nothing_of_them_on_the_order() {
    let dir = tempfile::tempdir().unwrap();
    let Fixture { orders, outbox } = fixture(dir.path(), Clock::fixed(NOW_MS), &[], Vec::new());
    let order = OrderId::parse("KB-1").unwrap();
    let mut report = report_of_somebody(&order, AdsConsent::Denied);
    report.contact.user_data.fbp = Some("fb.1.1763942400000.1".to_owned());
    let page = PageUrl::clean("https://shop.example/thanks?fbclid=AbC").map(|(url, _)| url);
    report.contact.page = Page { event_source_url: page.clone(), referrer_url: page };
    let digest = report.contact.user_data.get(MatchKey::Email).unwrap();
    orders.report(report).await.unwrap();
    let key = OrderKey { environment: Environment::Production, id: order };
    let stored = [key.clone(), OrderKey { environment: Environment::Sandbox, ..key }];
    let mut found = 0;
    for key in stored {
        let Some(order) = outbox.orders.order(key).await.unwrap() else { continue };
        let json = serde_json::to_string(&order).unwrap();
        assert!(!json.contains(&digest.to_hex()) && !json.contains("fb.1."), "{json}");
        assert!(!json.contains("shop.example"), "{json}");
        assert!(order.paid().is_some() && order.withheld().is_some());
        found += 1;
    }
    assert_eq!(found, 1);
}
