//! Output of orders: tables for people, JSON for programs.

use serde::Serialize;
use tandem_proto::v1::{EventSummary, Money, OrderNote, OrderSummary, PurchaseState};

use super::event_view::EventJson;
use crate::render::{json_time, plain, state as event_state, table, time};

/// The table of `orders list`.
pub(crate) fn list_text(orders: &[OrderSummary], is_more: bool) -> String {
    if orders.is_empty() {
        return "no orders match".to_owned();
    }
    let rows = orders.iter().map(|order| {
        vec![
            time(order.created_at.as_ref()),
            time(order.updated_at.as_ref()),
            state(order.state()).to_owned(),
            plain(&order.purchase),
            money(order.paid.as_ref()),
            or_dash(order.refunded.as_ref()),
            or_dash(order.lost.as_ref()),
            plain(&order.order_id),
        ]
    });
    let header = ["FIRST SEEN", "CHANGED", "STATE", "PURCHASE", "PAID", "REFUNDED", "LOST", "ORDER"];
    let mut text = table(&header, rows);
    if is_more {
        text.push_str(&format!(
            "\n\nthere are more than these {}; --limit or --all shows them",
            orders.len()
        ));
    }
    text
}

/// The output of `orders show`.
pub(crate) fn order_text(order: &OrderSummary, notes: &[OrderNote], events: &[EventSummary]) -> String {
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let rows = [
        row("order", plain(&order.order_id)),
        row("pixel", plain(&order.pixel_id)),
        row("state", state(order.state()).to_owned()),
        row("purchase", plain(&order.purchase)),
        row("withheld", plain(&order.withheld_reason)),
        row("consent", consent(order)),
        row("environment", plain(&order.environment)),
        row("paid", money(order.paid.as_ref())),
        row("proof", plain(&order.proof)),
        row("paid at", time(order.paid_at.as_ref())),
        row("payments", order.payments.to_string()),
        row("refunded", or_dash(order.refunded.as_ref())),
        row("lost", or_dash(order.lost.as_ref())),
        row("claimed", time(order.claimed_at.as_ref())),
        row("browser fired", time(order.browser_fired_at.as_ref())),
        row("first seen", time(order.created_at.as_ref())),
        row("changed", time(order.updated_at.as_ref())),
    ];
    let mut page = table(&[], rows);
    page.push_str("\n\n");
    page.push_str(&if notes.is_empty() { "nothing is recorded".to_owned() } else { notes_text(notes) });
    page.push_str("\n\n");
    page.push_str(&if events.is_empty() { "no events are kept".to_owned() } else { events_text(events) });
    page
}

fn notes_text(notes: &[OrderNote]) -> String {
    let rows = notes.iter().map(|note| {
        vec![
            time(note.seen_at.as_ref()),
            time(note.occurred_at.as_ref()),
            plain(&note.kind),
            plain(&note.status),
            money(note.money.as_ref()),
            plain(&note.id),
            plain(&note.payment_id),
            plain(&note.source),
        ]
    });
    table(&["HEARD", "HAPPENED", "WHAT", "STATUS", "AMOUNT", "ID", "OF PAYMENT", "FROM"], rows)
}

fn events_text(events: &[EventSummary]) -> String {
    let rows = events.iter().map(|event| {
        vec![
            plain(&event.event_name),
            event_state(event.state()).to_owned(),
            plain(&event.code),
            time(event.finished_at.as_ref()),
            plain(&event.event_id),
        ]
    });
    table(&["EVENT", "STATE", "CODE", "FINISHED", "EVENT ID"], rows)
}

fn state(state: PurchaseState) -> &'static str {
    match state {
        PurchaseState::Unspecified => "unknown",
        PurchaseState::Pending => "pending",
        PurchaseState::Verified => "paid",
        PurchaseState::Failed => "failed",
        PurchaseState::Refunded => "refunded",
    }
}

/// What counts of what was said about advertising use.
fn consent(order: &OrderSummary) -> String {
    let word = plain(&order.consent);
    if order.consent_conflict { format!("{word}, contradicted") } else { word }
}

fn money(money: Option<&Money>) -> String {
    money.map_or("-".to_owned(), |money| format!("{} {}", plain(&money.amount), plain(&money.currency_code)))
}

/// The amount, or a dash when it is absent or zero.
fn or_dash(lost: Option<&Money>) -> String {
    let is_some = |money: &&Money| money.amount.bytes().any(|digit| matches!(digit, b'1'..=b'9'));
    money(lost.filter(is_some))
}

/// An order as JSON: the protocol's field names, times in RFC 3339, amounts as decimal
/// texts, enum names as they are in the protocol.
#[derive(Serialize)]
pub(crate) struct OrderJson<'a> {
    order_id: &'a str,
    pixel_id: &'a str,
    state: &'static str,
    purchase: &'a str,
    withheld_reason: &'a str,
    consent: &'a str,
    consent_conflict: bool,
    environment: &'a str,
    paid: Option<MoneyJson<'a>>,
    refunded: Option<MoneyJson<'a>>,
    lost: Option<MoneyJson<'a>>,
    payments: u32,
    proof: &'a str,
    paid_at: Option<String>,
    claimed_at: Option<String>,
    browser_fired_at: Option<String>,
    created_at: Option<String>,
    updated_at: Option<String>,
}

#[derive(Serialize)]
struct MoneyJson<'a> {
    amount: &'a str,
    currency_code: &'a str,
}

impl<'a> MoneyJson<'a> {
    fn of(money: Option<&'a Money>) -> Option<Self> {
        money.map(|money| Self { amount: &money.amount, currency_code: &money.currency_code })
    }
}

impl<'a> OrderJson<'a> {
    pub(crate) fn of(order: &'a OrderSummary) -> Self {
        Self {
            order_id: &order.order_id,
            pixel_id: &order.pixel_id,
            state: order.state().as_str_name(),
            purchase: &order.purchase,
            withheld_reason: &order.withheld_reason,
            consent: &order.consent,
            consent_conflict: order.consent_conflict,
            environment: &order.environment,
            paid: MoneyJson::of(order.paid.as_ref()),
            refunded: MoneyJson::of(order.refunded.as_ref()),
            lost: MoneyJson::of(order.lost.as_ref()),
            payments: order.payments,
            proof: &order.proof,
            paid_at: json_time(order.paid_at.as_ref()),
            claimed_at: json_time(order.claimed_at.as_ref()),
            browser_fired_at: json_time(order.browser_fired_at.as_ref()),
            created_at: json_time(order.created_at.as_ref()),
            updated_at: json_time(order.updated_at.as_ref()),
        }
    }
}

/// An order as JSON, with its notes and events.
#[derive(Serialize)]
pub(crate) struct OrderDetailsJson<'a> {
    order: OrderJson<'a>,
    notes: Vec<NoteJson<'a>>,
    events: Vec<EventJson<'a>>,
}

#[derive(Serialize)]
struct NoteJson<'a> {
    kind: &'a str,
    id: &'a str,
    payment_id: &'a str,
    status: &'a str,
    money: Option<MoneyJson<'a>>,
    occurred_at: Option<String>,
    seen_at: Option<String>,
    source: &'a str,
}

impl<'a> OrderDetailsJson<'a> {
    pub(crate) fn of(order: &'a OrderSummary, notes: &'a [OrderNote], events: &'a [EventSummary]) -> Self {
        let notes = notes.iter().map(|note| NoteJson {
            kind: &note.kind,
            id: &note.id,
            payment_id: &note.payment_id,
            status: &note.status,
            money: MoneyJson::of(note.money.as_ref()),
            occurred_at: json_time(note.occurred_at.as_ref()),
            seen_at: json_time(note.seen_at.as_ref()),
            source: &note.source,
        });
        Self {
            order: OrderJson::of(order),
            notes: notes.collect(),
            events: events.iter().map(EventJson::of).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use prost_types::Timestamp;
    use tandem_proto::v1::EventState;

    use super::*;

    fn rupees(amount: &str) -> Option<Money> {
        Some(Money { amount: amount.to_owned(), currency_code: "INR".to_owned() })
    }

    fn at(seconds: i64) -> Option<Timestamp> {
        Some(Timestamp { seconds, nanos: 0 })
    }

    fn sample() -> OrderSummary {
        OrderSummary {
            order_id: "KB-1".to_owned(),
            state: PurchaseState::Verified.into(),
            purchase: "placed".to_owned(),
            paid: rupees("1399.50"),
            refunded: rupees("399.50"),
            lost: rupees("0.00"),
            payments: 1,
            proof: "webhook".to_owned(),
            consent: "denied".to_owned(),
            consent_conflict: true,
            created_at: at(1_763_958_731),
            updated_at: at(1_763_958_739),
            ..OrderSummary::default()
        }
    }

    fn note() -> OrderNote {
        OrderNote {
            kind: "refund".to_owned(),
            id: "9100001".to_owned(),
            payment_id: "700100200311".to_owned(),
            status: "SUCCESS".to_owned(),
            money: rupees("399.50"),
            seen_at: at(1_763_958_739),
            source: "webhook".to_owned(),
            ..OrderNote::default()
        }
    }

    #[test]
    fn a_list_is_a_table() {
        let expected = "\
FIRST SEEN            CHANGED               STATE  PURCHASE  PAID         REFUNDED    LOST  ORDER
2025-11-24T04:32:11Z  2025-11-24T04:32:19Z  paid   placed    1399.50 INR  399.50 INR  -     KB-1";
        assert_eq!(list_text(&[sample()], false), expected);
        let more = "\n\nthere are more than these 1; --limit or --all shows them";
        assert_eq!(list_text(&[sample()], true), format!("{expected}{more}"));
        assert_eq!(list_text(&[], false), "no orders match");
    }

    #[test]
    fn a_shown_order_lists_what_it_went_through() {
        let event = EventSummary {
            event_name: "Purchase".to_owned(),
            event_id: "purchase_KB-1".to_owned(),
            state: EventState::Delivered.into(),
            ..EventSummary::default()
        };
        let text = order_text(&sample(), &[note()], &[event]);
        for line in [
            "refunded       399.50 INR",
            "consent        denied, contradicted",
            "2025-11-24T04:32:19Z  -         refund  SUCCESS  399.50 INR  9100001  700100200311  webhook",
            "Purchase  delivered  -     -         purchase_KB-1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(order_text(&sample(), &[], &[]).ends_with("nothing is recorded\n\nno events are kept"));
    }

    #[test]
    fn json_has_the_protocols_names_and_amounts_as_texts() {
        let (order, notes) = (sample(), [note()]);
        let json = serde_json::to_value(OrderDetailsJson::of(&order, &notes, &[])).unwrap();
        assert_eq!(json["order"]["state"], "PURCHASE_STATE_VERIFIED");
        assert_eq!(json["order"]["paid"]["amount"], "1399.50");
        assert_eq!(json["notes"][0]["seen_at"], "2025-11-24T04:32:19Z");
        assert!(json["notes"][0]["occurred_at"].is_null());
    }
}
