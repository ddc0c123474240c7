//! `CaptureLead` and `TrackEvent`.

use tandem_core::code;
use tandem_core::crawler::is_crawler;
use tandem_core::event::{ActionSource, Event};
use tandem_core::field_code::FieldCode;
use tandem_core::id::{EventId, EventName, OrderId, PixelId};
use tandem_core::normalise::MatchKey;
use tandem_core::user_data::UserData;
use tandem_proto::v1;

use super::service::Tracking;
use crate::api::caller::Caller;
use crate::api::decode::{KeyPolicy, Reader, Visit, session_digest, visit_fields};
use crate::api::encode::browser_event;
use crate::api::status::Reject;
use crate::ingest::Accepted;
use crate::orders::{ContactSource, NamedPixel, PageProof};

impl Tracking {
    pub(super) async fn lead(
        &self,
        caller: &Caller,
        mut request: v1::CaptureLeadRequest,
    ) -> Result<v1::CaptureLeadResponse, Reject> {
        let now_ms = self.clock.now_ms();
        let pixel = self.decoder.pixel(&request.pixel_id, caller)?;
        let mut reader = self.decoder.reader(caller, pixel, now_ms);
        let mut visit = reader.visit(visit_fields!(request), KeyPolicy::Strict, None);
        visit.custom_data.value_of_prices();
        let id = reader.client_event_id(&request.client_event_id);
        self.require_lead_fields(&mut reader, &visit.user_data);
        reader.violations.check()?;
        let id = id.unwrap_or_else(|| EventId::v7(now_ms.unsigned_abs(), rand::random()));
        let what = (&pixel.id, EventName::lead(), id);
        let accepted = self.take(caller, NamedPixel::default(), what, visit, PageProof::default()).await?;
        Ok(v1::CaptureLeadResponse {
            lead_id: format!("lead_{}", accepted.id),
            duplicate: accepted.duplicate,
            browser_event: page_copy(&accepted),
            event_id: accepted.id.into(),
            suppressed_reason: accepted.suppressed_reason,
        })
    }

    /// A lead needs an e-mail address or a phone number, and every field of `lead.required`.
    fn require_lead_fields(&self, reader: &mut Reader<'_>, user_data: &UserData) {
        let is_missing = |reader: &Reader<'_>, key: MatchKey| {
            user_data.get(key).is_none() && !reader.violations.has(key.field())
        };
        if is_missing(reader, MatchKey::Email) && is_missing(reader, MatchKey::Phone) {
            match [MatchKey::Email, MatchKey::Phone].into_iter().find(|key| reader.placeholders.contains(key))
            {
                Some(key) => reader.violations.add(key.field(), FieldCode::Placeholder),
                None => reader.violations.add(MatchKey::Email.field(), FieldCode::EmailOrPhoneRequired),
            }
        }
        for key in &self.decoder.settings.lead_required {
            if is_missing(reader, *key) {
                reader.violations.add(key.field(), FieldCode::Required);
            }
        }
    }

    pub(super) async fn track(
        &self,
        caller: &Caller,
        mut request: v1::TrackEventRequest,
    ) -> Result<v1::TrackEventResponse, Reject> {
        let now_ms = self.clock.now_ms();
        let pixel = self.decoder.pixel(&request.pixel_id, caller)?;
        let mut reader = self.decoder.reader(caller, pixel, now_ms);
        let order = reader.optional_order(&request.order_id);
        let mut visit = reader.visit(visit_fields!(request), KeyPolicy::Lenient, order.as_ref());
        visit.custom_data.value_of_prices();
        let id = reader.client_event_id(&request.client_event_id);
        let name = if EventName::is_reserved(&request.event_name) {
            reader.violations.add("event_name", FieldCode::EventNameReserved);
            None
        } else {
            reader.event_name(&request.event_name)
        };
        reader.violations.check()?;
        let name = name.ok_or_else(|| Reject::field("event_name", FieldCode::Required))?;
        let id = id.unwrap_or_else(|| EventId::v7(now_ms.unsigned_abs(), rand::random()));
        if is_of_crawler(caller, order.as_ref(), &visit.user_data) {
            self.metrics.count_crawler_event();
            return Ok(v1::TrackEventResponse {
                event_id: id.into(),
                suppressed_reason: code::CRAWLER.to_owned(),
                ..v1::TrackEventResponse::default()
            });
        }
        let named = pixel.named(&request.pixel_id, caller);
        let session = session_digest(&request.payment_session_id);
        let proof = PageProof { claim_key: request.claim_key, session };
        let accepted = self.take(caller, named, (&pixel.id, name, id), visit, proof).await?;
        Ok(v1::TrackEventResponse {
            duplicate: accepted.duplicate,
            browser_event: page_copy(&accepted),
            event_id: accepted.id.into(),
            suppressed_reason: accepted.suppressed_reason,
        })
    }

    /// Stores an event. If it names an order, its browser's signals are added to that order.
    async fn take(
        &self,
        caller: &Caller,
        named: NamedPixel,
        (pixel, name, id): (&PixelId, EventName, EventId),
        visit: Visit,
        proof: PageProof,
    ) -> Result<Accepted, Reject> {
        let now_ms = self.clock.now_ms();
        let Visit { user_data, page, custom_data, consent, time_s } = visit;
        let order = custom_data.order_id.clone();
        let event = Event {
            pixel: pixel.clone(),
            name,
            id,
            time_s,
            action_source: ActionSource::Website,
            page,
            user_data,
            custom_data,
            limited_data_use: consent.limited_data_use,
            opt_out: false,
        };
        let source = match caller {
            Caller::Internal => ContactSource::Internal,
            Caller::Stranger(stranger) => ContactSource::Page { address: stranger.address, proof },
        };
        match order {
            Some(order) => Ok(self.orders.take_event(event, order, consent, source, named, now_ms).await?),
            None => {
                let is_contact = matches!(caller, Caller::Stranger(_));
                Ok(self.ingest.take(event, consent.ads, is_contact, now_ms).await?)
            }
        }
    }
}

/// Whether an event is a crawler's visit to a page. What names an order or a person is not: a wrong guess there costs
/// a sale's signals or a lead.
fn is_of_crawler(caller: &Caller, order: Option<&OrderId>, user_data: &UserData) -> bool {
    let Caller::Stranger(stranger) = caller else { return false };
    let names_somebody =
        || [MatchKey::Email, MatchKey::Phone].into_iter().any(|key| user_data.get(key).is_some());
    order.is_none() && stranger.user_agent.as_deref().is_some_and(is_crawler) && !names_somebody()
}

/// What the page must fire. `None`: it must not fire.
fn page_copy(accepted: &Accepted) -> Option<v1::BrowserEvent> {
    accepted.page_copy.as_ref().map(|data| browser_event(&accepted.name, &accepted.id, data))
}
