//! `ConfirmBrowserEvents`: what a page's Meta pixel did with each event ID.

use tandem_core::field_code::FieldCode;
use tandem_core::id::{EventId, EventName};
use tandem_proto::v1;

use super::service::Tracking;
use crate::api::caller::Caller;
use crate::api::status::{Reject, Violations};
use crate::outbox::{BrowserOutcome, Confirmation, Confirmed};

/// Most confirmations in one call.
const CONFIRMATIONS_MAX: usize = 200;
/// So many confirmations are a call's work for the store. A page reports one or two at a time.
const PER_CALL: usize = 10;

impl Tracking {
    pub(super) async fn confirm(
        &self,
        caller: &Caller,
        request: v1::ConfirmBrowserEventsRequest,
    ) -> Result<v1::ConfirmBrowserEventsResponse, Reject> {
        let pixel = self.decoder.pixel(&request.pixel_id, caller)?;
        if request.confirmations.len() > CONFIRMATIONS_MAX {
            let text = format!("There must be at most {CONFIRMATIONS_MAX} entries here.");
            return Err(Reject::field_with("confirmations", FieldCode::TooMany, text));
        }
        self.charge(caller, request.confirmations.len().saturating_sub(1) / PER_CALL)?;
        let now_s = self.clock.now_s();
        let mut violations = Violations::default();
        let read = |(i, confirmation)| decode(&mut violations, i, confirmation, now_s);
        let reports: Vec<_> = request.confirmations.iter().enumerate().filter_map(read).collect();
        violations.check()?;
        let (mut confirmations, mut unproven) = (Vec::with_capacity(reports.len()), 0);
        for (confirmation, given) in reports {
            if self.may_confirm(caller, &confirmation, given).await? {
                confirmations.push(confirmation);
            } else {
                unproven += 1;
            }
        }
        let environment = self.orders.environment();
        let Confirmed { accepted, unknown } =
            self.events.confirm(pixel.id.clone(), environment, confirmations).await?;
        Ok(v1::ConfirmBrowserEventsResponse { accepted, unknown: unknown + unproven })
    }

    /// Anybody may speak of an event whose ID is a secret of its page. The ID of a Purchase is none.
    async fn may_confirm(
        &self,
        caller: &Caller,
        confirmation: &Confirmation,
        given: &v1::Confirmation,
    ) -> Result<bool, Reject> {
        match (caller, confirmation.purchase_order()) {
            (Caller::Internal, _) | (_, None) => Ok(true),
            (Caller::Stranger(_), Some(order)) => {
                Ok(self.orders.may_confirm(order, &given.confirm_key, &given.claim_key).await?)
            }
        }
    }
}

fn decode<'a>(
    violations: &mut Violations,
    i: usize,
    confirmation: &'a v1::Confirmation,
    now_s: i64,
) -> Option<(Confirmation, &'a v1::Confirmation)> {
    let at = |field: &str| format!("confirmations[{i}].{field}");
    let name = violations.take(&at("event_name"), EventName::of_caller(&confirmation.event_name));
    let id = violations.take(&at("event_id"), EventId::parse(&confirmation.event_id));
    let outcome = match confirmation.outcome() {
        v1::Outcome::Fired => Ok(BrowserOutcome::Fired),
        v1::Outcome::Blocked => Ok(BrowserOutcome::Blocked),
        v1::Outcome::Failed => Ok(BrowserOutcome::Failed),
        v1::Outcome::Unspecified => Err(FieldCode::Required),
    };
    let outcome = violations.take(&at("outcome"), outcome);
    let at_s = confirmation.occurred_at.map_or(now_s, |at| at.seconds.clamp(0, now_s));
    Some((Confirmation { name: name?, id: id?, outcome: outcome?, at_s }, confirmation))
}
