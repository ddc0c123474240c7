//! `RecordPurchase` of an internal caller: a fact. The shop's own service says that an
//! order was paid, by whatever provider or at the counter.

use tandem_core::event::ActionSource;
use tandem_core::id::{EventId, EventName};
use tandem_core::money::Money;
use tandem_core::order::{Contact, Order, Paid, PaymentOutcome, PaymentSource, PurchaseState};
use tandem_proto::v1;

use super::Purchases;
use crate::api::access::Caller;
use crate::api::decode::Keys;
use crate::api::encode;
use crate::api::{Reject, Violation};
use crate::outbox::{Ask, OrderUpdated, StepAnswer};

impl Purchases {
    pub(super) async fn fact(
        &self,
        caller: &Caller,
        request: v1::RecordPurchaseRequest,
    ) -> Result<v1::RecordPurchaseResponse, Reject> {
        let now_ms = self.ingest.clock.now_ms();
        let rules = self.ingest.pixel(&request.pixel_id, caller)?;
        let pixel = rules.id.clone();
        let mut reader = self.ingest.reader(caller, rules, now_ms);
        let order_id = reader.order(&request.order_id);
        let mut user_data = reader.user(request.user, Keys::Strict);
        let page = reader.browser(request.browser, &mut user_data);
        let custom_data = reader.custom_data(request.custom_data, request.experiment, order_id.as_ref());
        let consent = reader.consent(request.consent);
        let at_s = reader.time_s(request.occurred_at);
        let mut violations = reader.violations.0;
        let action_source = match request.action_source.as_str() {
            "" => Some(ActionSource::Website),
            text => ActionSource::parse(text),
        };
        if action_source.is_none() {
            violations.push(Violation::new("action_source", "must be one of Meta's values, such as website"));
        }
        if custom_data.value.is_none() && !violations.iter().any(|v| v.field.starts_with("custom_data.value"))
        {
            violations
                .push(Violation::new("custom_data.value.amount", "is required: a fact states what was paid"));
        }
        let (Some(order_id), Some(money), Some(action_source), true) =
            (order_id, custom_data.value, action_source, violations.is_empty())
        else {
            return Err(Reject::Invalid(violations));
        };
        let contact = Contact {
            at_s,
            is_claim: false,
            is_internal: true,
            consent,
            user_data: user_data.clone(),
            page: page.clone(),
            custom_data: custom_data.clone(),
        };
        let paid = Paid {
            payment_id: None,
            money,
            at_s,
            seen_at_s: now_ms.div_euclid(1000),
            source: PaymentSource::Fact,
            action_source,
            // The contact carries the browser's identifiers; the proof says who paid.
            user_data: without_browser(user_data),
            custom_data,
            listed: self.listed(&order_id, money, None),
            page,
            consent,
        };
        let updated = self
            .step(&order_id, &pixel, None, false, move |order| {
                let outcome = order.pay(paid.clone());
                if !matches!(outcome, PaymentOutcome::Conflict { .. }) {
                    order.contact(contact.clone());
                }
                (StepAnswer::Payment(outcome), Ask::Never)
            })
            .await?;
        let Some(OrderUpdated { order, answer: StepAnswer::Payment(outcome), .. }) = updated else {
            return Err(Reject::StoreUnavailable);
        };
        if let PaymentOutcome::Conflict { known } = outcome {
            return Err(Reject::FactConflict { known: spelt(known), given: spelt(money) });
        }
        Ok(self.answer_fact(&order, outcome == PaymentOutcome::Duplicate))
    }

    fn answer_fact(&self, order: &Order, duplicate: bool) -> v1::RecordPurchaseResponse {
        let event_id = EventId::of_purchase(order.id());
        let state = match order.state() {
            PurchaseState::Pending => v1::PurchaseState::Pending,
            PurchaseState::Verified => v1::PurchaseState::Verified,
            PurchaseState::Failed => v1::PurchaseState::Failed,
            PurchaseState::Refunded => v1::PurchaseState::Refunded,
        };
        let data = order.browser_event(self.ingest.clock.now_s());
        v1::RecordPurchaseResponse {
            state: state.into(),
            duplicate,
            browser_event: data.map(|data| encode::browser_event(&EventName::purchase(), &event_id, &data)),
            suppressed_reason: order.withheld().map(|why| why.code().to_owned()).unwrap_or_default(),
            event_id: event_id.into(),
        }
    }
}

fn without_browser(mut user_data: tandem_core::user_data::UserData) -> tandem_core::user_data::UserData {
    user_data.fbp = None;
    user_data.fbc = None;
    user_data.client_ip_address = None;
    user_data.client_user_agent = None;
    user_data
}

fn spelt(money: Money) -> String {
    format!("{} {}", money.decimal(), money.currency.as_str())
}
