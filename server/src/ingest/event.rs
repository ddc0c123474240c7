//! The pipeline: a converted event becomes an entry of the outbox. Everything a handler
//! shares is here.

use std::sync::Arc;

use tandem_core::capi;
use tandem_core::cashfree::orders_api::orders_api_id_ok;
use tandem_core::cookie::CookieDomain;
use tandem_core::country::Country;
use tandem_core::currency::Currency;
use tandem_core::custom_data::CustomData;
use tandem_core::event::{ActionSource, Consent, Event, Page};
use tandem_core::id::{EventId, EventName, PixelId};
use tandem_core::normalise::MatchKey;
use tandem_core::order::{Contact, Order};
use tandem_core::user_data::UserData;
use tandem_proto::v1;

use super::person::UserReader;
use crate::api::Reject;
use crate::api::access::{Caller, Stranger};
use crate::api::decode::{Reader, Violations};
use crate::api::encode;
use crate::clock::Clock;
use crate::config::{BrowserPolicy, Origins, SecretSource};
use crate::delivery::{Delivery, Reservation};
use crate::orders::{OrderWatch, Strangers};
use crate::outbox::{
    Appended, Ask, Existing, Initial, NewEvent, OrderEffects, Outbox, Payload, State, StepAnswer,
};
use crate::telemetry::metrics::Metrics;

/// Code of an answer to a page whose event was counted and is not sent.
const CONSENT_DENIED: &str = tandem_core::code::CONSENT_DENIED;

/// Age from which an event takes the way over the store, seconds. A page that kept it for so long
/// reports first that its pixel has fired, and the store alone knows that when the event comes: Meta
/// would count a copy that is 48 hours later than the pixel's a second time.
const OLD_S: i64 = 36 * 3600;

/// What ingest knows of a pixel.
#[derive(Debug, Clone)]
pub struct PixelRules {
    /// ID.
    pub id: PixelId,
    /// Origins of its pages.
    pub origins: Origins,
    /// Why its Purchases are held one by one, if they are.
    pub purchase_hold: Option<&'static str>,
}

/// Settings of ingest.
#[derive(Debug)]
pub struct IngestSettings {
    /// Pixels; the first is the default.
    pub pixels: Vec<PixelRules>,
    /// Whether any pixel is configured. If not, events wait under a stand-in.
    pub configured: bool,
    /// Country of national phone numbers.
    pub default_country: Country,
    /// Currency where none is given.
    pub default_currency: Currency,
    /// Whether unspecified consent counts as denied.
    pub consent_required: bool,
    /// Fields that a lead must have.
    pub lead_required: Vec<MatchKey>,
    /// Whether loopback addresses are reported: a sandbox's visitors may have no others.
    pub keeps_loopback: bool,
    /// How long a paid order waits for signals, milliseconds.
    pub join_wait_ms: i64,
    /// When the page may fire Purchase.
    pub browser_policy: BrowserPolicy,
    /// Key of the claims' proofs.
    pub claim_secret: Option<SecretSource>,
    /// `event_source_url` where no browser was seen.
    pub shop_url: Option<String>,
    /// Whether orders can be asked of the payment provider.
    pub can_ask: bool,
    /// Domain that `_fbp` and `_fbc` are set for by HTTP; none: they are not.
    pub cookie_domain: Option<CookieDomain>,
}

/// What every handler works with.
#[derive(Debug)]
pub struct Ingest {
    /// Settings.
    pub settings: IngestSettings,
    pub(crate) outbox: Outbox,
    pub(crate) delivery: Delivery,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Clock,
    pub(crate) watch: OrderWatch,
    pub(crate) strangers: Strangers,
}

/// A request's event after conversion, before it has an ID and a state.
pub(crate) struct Draft {
    pub(crate) pixel: PixelRules,
    pub(crate) name: EventName,
    pub(crate) id: Option<EventId>,
    pub(crate) time_s: i64,
    pub(crate) page: Page,
    pub(crate) user_data: UserData,
    pub(crate) custom_data: CustomData,
    pub(crate) consent: Consent,
}

/// What became of an event.
pub(crate) struct Taken {
    pub(crate) event_id: EventId,
    pub(crate) duplicate: bool,
    pub(crate) browser_event: Option<v1::BrowserEvent>,
    pub(crate) suppressed_reason: String,
}

impl Ingest {
    /// Makes the shared state of the handlers.
    pub fn new(
        settings: IngestSettings,
        outbox: Outbox,
        delivery: Delivery,
        metrics: Arc<Metrics>,
        clock: Clock,
    ) -> Self {
        let (watch, strangers) = (OrderWatch::default(), Strangers::default());
        Self { settings, outbox, delivery, metrics, clock, watch, strangers }
    }

    /// Finds the pixel a request names, and checks that the page may report to it.
    pub(crate) fn pixel(&self, text: &str, caller: &Caller) -> Result<&PixelRules, Reject> {
        let found = match text {
            "" => self.settings.pixels.first(),
            text => self
                .settings
                .pixels
                .iter()
                .find(|pixel| pixel.id.as_str() == text && self.settings.configured),
        };
        let pixel = found.ok_or_else(|| Reject::field("pixel_id", "is not one of the configured pixels"))?;
        match caller {
            Caller::Stranger(Stranger { origin: Some(origin), .. }) if !pixel.origins.allows(origin) => {
                Err(Reject::OriginNotAllowed)
            }
            _ => Ok(pixel),
        }
    }

    /// A reader of one request.
    pub(crate) fn reader<'a>(&'a self, caller: &'a Caller, pixel: &'a PixelRules, now_ms: i64) -> Reader<'a> {
        Reader {
            user: self.user_reader(now_ms),
            caller,
            origins: &pixel.origins,
            default_currency: self.settings.default_currency,
            consent_required: self.settings.consent_required,
            keeps_loopback: self.settings.keeps_loopback,
            now_ms,
            violations: Violations::default(),
        }
    }

    /// A reader of people's match keys.
    pub(crate) fn user_reader(&self, now_ms: i64) -> UserReader<'_> {
        UserReader {
            default_country: self.settings.default_country,
            now_s: now_ms.div_euclid(1000),
            metrics: &self.metrics,
        }
    }

    /// A fresh version 7 UUID.
    fn mint_id(&self, now_ms: i64) -> EventId {
        EventId::v7(u64::try_from(now_ms).unwrap_or_default(), rand::random())
    }

    /// Takes an event: decides its ID, stores it, hands it to delivery.
    pub(crate) async fn take(&self, draft: Draft, caller: &Caller, now_ms: i64) -> Result<Taken, Reject> {
        let event = self.event(draft.id.clone(), &draft, now_ms);
        let denied = draft.consent.denied;
        let contact = matches!(caller, Caller::Stranger(_));
        let is_old = now_ms.div_euclid(1000) - event.time_s > OLD_S;
        let place = if denied || is_old { None } else { self.delivery.reserve(&event.pixel) };
        let new = NewEvent::new(&event, now_ms, self.initial(denied, place.as_ref()), contact);
        let appended = match &event.custom_data.order_id {
            None => {
                let payload = Arc::clone(&new.payload);
                let appended = self.outbox.events.append(new).await?;
                hand_over(place, event.time_s, payload, &appended);
                appended
            }
            Some(order) => {
                self.append_with_order(order.clone(), &event, new, place, draft.consent, caller).await?
            }
        };
        if !denied && matches!(appended, Appended::New { .. }) {
            self.delivery.wake(&event.pixel);
        }
        Ok(self.taken(&event, denied, appended))
    }

    fn event(&self, id: Option<EventId>, draft: &Draft, now_ms: i64) -> Event {
        let mut page = draft.page.clone();
        // Meta refuses an event of a website that names no page.
        if page.event_source_url.is_none() {
            page.event_source_url.clone_from(&self.settings.shop_url);
        }
        Event {
            pixel: draft.pixel.id.clone(),
            name: draft.name.clone(),
            id: id.unwrap_or_else(|| self.mint_id(now_ms)),
            time_s: draft.time_s,
            action_source: ActionSource::Website,
            page,
            user_data: draft.user_data.clone(),
            custom_data: draft.custom_data.clone(),
            limited_data_use: draft.consent.limited_data_use,
        }
    }

    fn initial(&self, denied: bool, place: Option<&Reservation>) -> Initial {
        match place {
            _ if denied => Initial::Suppressed(CONSENT_DENIED.into()),
            Some(place) => Initial::Leased(place.lease()),
            None => Initial::Pending,
        }
    }

    /// An event that names its order also brings the order its signals, in one step.
    async fn append_with_order(
        &self,
        order: tandem_core::id::OrderId,
        event: &Event,
        new: NewEvent,
        place: Option<Reservation>,
        consent: Consent,
        caller: &Caller,
    ) -> Result<Appended, Reject> {
        let contact = Contact {
            at_s: event.time_s,
            is_claim: false,
            is_internal: matches!(caller, Caller::Internal),
            consent,
            user_data: event.user_data.clone(),
            page: event.page.clone(),
            custom_data: event.custom_data.clone(),
        };
        let payload = Arc::clone(&new.payload);
        let now_ms = new.received_ms;
        let address = match caller {
            Caller::Stranger(stranger) => stranger.address,
            Caller::Internal => None,
        };
        // Who names more orders than one shop has for one address: the event counts, the order
        // is not noted.
        if !self.strangers.may_name(address) && self.outbox.orders.order(order.clone()).await?.is_none() {
            self.metrics.order_passed_over();
            let appended = self.outbox.events.append(new).await?;
            hand_over(place, event.time_s, payload, &appended);
            return Ok(appended);
        }
        let may_ask = self.settings.can_ask && orders_api_id_ok(order.as_str());
        let decide = self.decider(now_ms);
        let hold = self.purchase_hold(&event.pixel);
        let step = move |order: &mut Order| {
            let is_known = order.contact(contact.clone());
            let ask_s = if may_ask { order.plan_first_question(now_ms.div_euclid(1000)) } else { None };
            let ask = ask_s.map_or(Ask::AsPlanned, |at_s| Ask::At(at_s * 1000));
            let decision = decide.decide(order);
            let purchase =
                crate::outbox::purchase_change(decision, now_ms, hold, order.claimed_at_s().is_some());
            let answer = StepAnswer::Contact { is_known };
            OrderEffects { event: Some(new.clone()), purchase, ask, answer, ..OrderEffects::default() }
        };
        let updated = self.outbox.orders.update(order, event.pixel.clone(), None, Box::new(step)).await?;
        let updated = updated.ok_or(Reject::StoreUnavailable)?;
        let appended = updated.event.ok_or(Reject::StoreUnavailable)?;
        if updated.is_new {
            self.strangers.named(address);
        }
        hand_over(place, event.time_s, payload, &appended);
        Ok(appended)
    }

    /// Why a pixel's Purchases are held one by one, if they are.
    pub(crate) fn purchase_hold(&self, pixel: &PixelId) -> Option<&'static str> {
        self.settings.pixels.iter().find(|rules| rules.id == *pixel).and_then(|rules| rules.purchase_hold)
    }

    /// What deciding about an order needs from outside.
    pub(crate) fn decider(&self, now_ms: i64) -> Decider {
        Decider { now_ms, join_wait_ms: self.settings.join_wait_ms, shop_url: self.settings.shop_url.clone() }
    }

    fn taken(&self, event: &Event, denied: bool, appended: Appended) -> Taken {
        let (duplicate, reason, data) = match appended {
            Appended::New { .. } => {
                (false, denied.then(|| CONSENT_DENIED.to_owned()), event.custom_data.clone())
            }
            Appended::Duplicate(first) => (true, suppressed_reason(&first), stored_data(&first)),
        };
        Taken {
            event_id: event.id.clone(),
            duplicate,
            browser_event: reason.is_none().then(|| encode::browser_event(&event.name, &event.id, &data)),
            suppressed_reason: reason.unwrap_or_default(),
        }
    }
}

/// What deciding about an order needs from outside.
#[derive(Debug, Clone)]
pub(crate) struct Decider {
    now_ms: i64,
    join_wait_ms: i64,
    shop_url: Option<String>,
}

impl Decider {
    pub(crate) fn decide(&self, order: &mut tandem_core::order::Order) -> tandem_core::order::Decision {
        order.decide(self.now_ms, self.join_wait_ms, self.shop_url.as_deref())
    }
}

/// Hands a stored event to delivery in memory, if a place is reserved for it.
fn hand_over(place: Option<Reservation>, time_s: i64, payload: Arc<Payload>, appended: &Appended) {
    if let (Some(place), Appended::New { seq }) = (place, appended) {
        place.hand(*seq, time_s, payload);
    }
}

fn suppressed_reason(first: &Existing) -> Option<String> {
    (first.state == State::Suppressed)
        .then(|| first.code.clone().unwrap_or_else(|| CONSENT_DENIED.to_owned()))
}

fn stored_data(first: &Existing) -> CustomData {
    capi::read_custom_data(&first.public_json).unwrap_or_default()
}
