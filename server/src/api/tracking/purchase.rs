//! `RecordPurchase`: a page's claim, or a merchant report.

use std::time::Duration;

use tandem_core::event::ActionSource;
use tandem_core::field_code::FieldCode;
use tandem_core::id::{EventId, EventName, OrderId};
use tandem_core::order::{Contact, ContactProof, PurchaseState};
use tandem_proto::v1;
use tonic::Extensions;
use tonic::metadata::MetadataMap;

use super::service::Tracking;
use crate::api::admission::CallerGone;
use crate::api::caller::{Caller, Stranger};
use crate::api::decode::{KeyPolicy, Visit, session_digest, visit_fields};
use crate::api::encode::{browser_event, purchase_state};
use crate::api::status::Reject;
use crate::orders::{Claim, MerchantReport, Patience};

/// Longest a claim waits for a proof of payment.
const CLAIM_WAIT_MAX: Duration = Duration::from_secs(5);
/// Part of the caller's deadline that is reserved for the answer's way back.
const ANSWER_RESERVE: Duration = Duration::from_millis(250);

/// How long a claim may wait: five seconds, and no longer than its caller waits (gRPC over HTTP2, `grpc-timeout`:
/// digits and a unit).
fn wait_max(metadata: &MetadataMap) -> Duration {
    let deadline = metadata.get("grpc-timeout").and_then(|value| value.to_str().ok()).and_then(|text| {
        let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let n: u64 = digits.parse().ok()?;
        Some(match unit {
            "H" => Duration::from_secs(n.saturating_mul(3600)),
            "M" => Duration::from_secs(n.saturating_mul(60)),
            "S" => Duration::from_secs(n),
            "m" => Duration::from_millis(n),
            "u" => Duration::from_micros(n),
            "n" => Duration::from_nanos(n),
            _ => return None,
        })
    });
    deadline.map_or(CLAIM_WAIT_MAX, |deadline| deadline.saturating_sub(ANSWER_RESERVE).min(CLAIM_WAIT_MAX))
}

/// How long a claim may wait, and until when somebody waits for its answer.
pub(super) fn patience(metadata: &MetadataMap, extensions: &Extensions) -> Patience {
    let caller_gone = extensions.get::<CallerGone>().cloned().unwrap_or_default().0;
    Patience { max: wait_max(metadata), caller_gone }
}

impl Tracking {
    /// Handles a claim. Sets `waited` to the time spent waiting for a proof.
    pub(super) async fn claim(
        &self,
        caller: &Caller,
        stranger: &Stranger,
        mut request: v1::RecordPurchaseRequest,
        patience: Patience,
        waited: &mut Duration,
    ) -> Result<v1::RecordPurchaseResponse, Reject> {
        let pixel = self.decoder.pixel(&request.pixel_id, caller)?;
        let mut reader = self.decoder.reader(caller, pixel, self.clock.now_ms());
        let order = reader.order(&request.order_id);
        let visit = reader.visit(visit_fields!(request), KeyPolicy::Lenient, order.as_ref());
        if !request.action_source.is_empty() {
            reader.violations.add("action_source", FieldCode::InternalOnly);
        }
        reader.violations.check()?;
        let order = order.ok_or_else(|| Reject::field("order_id", FieldCode::Required))?;
        let claim = Claim {
            order: order.clone(),
            pixel: pixel.id.clone(),
            named: pixel.named(&request.pixel_id, caller),
            contact: Contact { is_claim: true, ..contact(visit) },
            claim_key: request.claim_key,
            session: session_digest(&request.payment_session_id),
            address: stranger.address,
        };
        let answer = self.orders.claim(claim, patience).await?;
        *waited = answer.waited;
        let state = if answer.is_verified { PurchaseState::Verified } else { PurchaseState::Pending };
        Ok(v1::RecordPurchaseResponse {
            duplicate: answer.duplicate,
            suppressed_reason: answer.suppressed_reason.to_owned(),
            confirm_key: answer.confirm_key,
            ..response(&order, state, answer.page_copy.as_ref())
        })
    }

    pub(super) async fn report(
        &self,
        caller: &Caller,
        mut request: v1::RecordPurchaseRequest,
    ) -> Result<v1::RecordPurchaseResponse, Reject> {
        let pixel = self.decoder.pixel(&request.pixel_id, caller)?;
        let mut reader = self.decoder.reader(caller, pixel, self.clock.now_ms());
        let order = reader.order(&request.order_id);
        let visit = reader.visit(visit_fields!(request), KeyPolicy::Strict, order.as_ref());
        let action_source = match request.action_source.as_str() {
            "" => Some(ActionSource::Website),
            text => ActionSource::parse(text),
        };
        if action_source.is_none() {
            reader.violations.add("action_source", FieldCode::ValueUnknown);
        }
        let money = visit.custom_data.value;
        if money.is_none() && !reader.violations.has("custom_data.value") {
            reader.violations.add("custom_data.value.amount", FieldCode::AmountMissing);
        }
        reader.violations.check()?;
        let (Some(order), Some(money), Some(action_source)) = (order, money, action_source) else {
            return Err(Reject::field("order_id", FieldCode::Required));
        };
        let report = MerchantReport {
            order: order.clone(),
            pixel: pixel.named(&request.pixel_id, caller).pixel,
            money,
            action_source,
            contact: Contact { proof: ContactProof::Internal, ..contact(visit) },
        };
        let answer = self.orders.report(report).await?;
        Ok(v1::RecordPurchaseResponse {
            duplicate: answer.duplicate,
            suppressed_reason: answer.suppressed_reason.to_owned(),
            confirm_key: answer.confirm_key,
            ..response(&order, answer.state, answer.page_copy.as_ref())
        })
    }
}

fn contact(visit: Visit) -> Contact {
    let Visit { user_data, page, custom_data, consent, time_s: at_s } = visit;
    let (is_claim, proof, pixel) = (false, ContactProof::Nothing, None);
    Contact { at_s, is_claim, proof, pixel, consent, browser: None, user_data, page, custom_data }
}

fn response(
    order: &OrderId,
    state: PurchaseState,
    page_copy: Option<&tandem_core::custom_data::CustomData>,
) -> v1::RecordPurchaseResponse {
    let event_id = EventId::of_purchase(order);
    v1::RecordPurchaseResponse {
        state: purchase_state(state).into(),
        browser_event: page_copy.map(|data| browser_event(&EventName::purchase(), &event_id, data)),
        event_id: event_id.into(),
        ..v1::RecordPurchaseResponse::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_longer_than_the_caller() {
        let with = |timeout: &str| {
            let mut metadata = MetadataMap::new();
            metadata.insert("grpc-timeout", timeout.parse().unwrap());
            wait_max(&metadata)
        };
        assert_eq!(wait_max(&MetadataMap::new()), CLAIM_WAIT_MAX);
        assert_eq!(with("1S"), Duration::from_millis(750));
        assert_eq!(with("1H"), CLAIM_WAIT_MAX);
        assert_eq!(with("100m"), Duration::ZERO);
        for odd in ["S", "xS", "12", "é"] {
            let mut metadata = MetadataMap::new();
            if let Ok(value) = odd.parse() {
                metadata.insert("grpc-timeout", value);
            }
            assert_eq!(wait_max(&metadata), CLAIM_WAIT_MAX, "{odd}");
        }
    }
}
