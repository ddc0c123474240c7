//! The order's one Purchase: whether it may leave, when, and what it says.

use super::payment::Payment;
use super::state::{FixedContents, Order, Placement, WithholdReason};
use crate::custom_data::CustomData;
use crate::event::{ActionSource, DEDUPLICATION_WINDOW_S, Event};
use crate::id::{EventId, EventName};

/// What must happen to the order's Purchase now.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Nothing: no proof of payment, or the Purchase is where it should be.
    Nothing,
    /// Place it, to be sent at once. Replaces one that still waits for signals; does
    /// nothing to one that has left.
    Send(Box<Event>),
    /// Place it, to be sent at this time (Unix milliseconds) if nothing better came.
    Hold(Box<Event>, i64),
    /// Place it as counted and never sent, or stop the one that has not left.
    Withhold(Box<Event>, WithholdReason),
    /// Place it as given up: too old for Meta.
    TooOld(Box<Event>),
}

impl Order {
    /// Decides what must happen to the Purchase. `now_ms`: Unix milliseconds;
    /// `oldest_s`: time of the oldest event that Meta takes, Unix seconds (`None`: the time is
    /// not trusted, so nothing is too old); `join_wait_ms`: how long to wait for signals;
    /// `fallback_url`: `event_source_url` when no browser was ever seen.
    pub fn decide(
        &mut self,
        now_ms: i64,
        oldest_s: Option<i64>,
        join_wait_ms: i64,
        fallback_url: Option<&str>,
    ) -> Decision {
        let Some(paid) = self.paid.as_ref().filter(|paid| paid.money.amount.get() > 0) else {
            return Decision::Nothing;
        };
        let waits = matches!(self.placed, Placement::Not | Placement::Held);
        let may_stop = self.placed == Placement::Sent && self.must_not_leave().is_some();
        if !(waits || may_stop) {
            return Decision::Nothing;
        }
        let event = Box::new(self.purchase(paid, fallback_url, now_ms));
        let data = event.custom_data.clone();
        let has_signals = event.user_data.has_browser_signals();
        let (placed, decision) = if let Some(why) = self.must_not_leave() {
            (Placement::Withheld(why), Decision::Withhold(event, why))
        } else if self.placed == Placement::Not && oldest_s.is_some_and(|oldest_s| event.time_s < oldest_s) {
            (Placement::TooOld, Decision::TooOld(event))
        } else if has_signals || paid.action_source != ActionSource::Website || join_wait_ms == 0 {
            (Placement::Sent, Decision::Send(event))
        } else if self.placed == Placement::Not {
            (Placement::Held, Decision::Hold(event, now_ms.saturating_add(join_wait_ms)))
        } else {
            return Decision::Nothing;
        };
        self.placed = placed;
        // While it waits for signals, contents may still come; when the wait is over it leaves.
        let from_ms = if let Decision::Hold(_, until_ms) = decision { until_ms } else { 0 };
        self.settled = Some(FixedContents { from_ms, data });
        decision
    }

    /// The Purchase as it would be sent, if the order is paid.
    pub(super) fn purchase(&self, paid: &Payment, fallback_url: Option<&str>, now_ms: i64) -> Event {
        // The payment's customer wins, key by key; the browser adds what it lacks.
        let mut user_data = paid.user_data.clone();
        let mut page = paid.page.clone();
        let mut limited_data_use = paid.consent.limited_data_use;
        if let Some(owner) = &self.owner {
            user_data.fill_blanks(&owner.user_data);
            limited_data_use = limited_data_use.or(owner.consent.limited_data_use);
            crate::user_data::fill(&mut page.event_source_url, owner.page.event_source_url.as_ref());
            crate::user_data::fill(&mut page.referrer_url, owner.page.referrer_url.as_ref());
        }
        if page.event_source_url.is_none() && paid.action_source == ActionSource::Website {
            page.event_source_url = fallback_url.map(Into::into);
        }
        Event {
            pixel: self.pixel.clone(),
            name: EventName::purchase(),
            id: EventId::of_purchase(&self.id),
            time_s: paid.at_s.min(paid.seen_at_s),
            action_source: paid.action_source,
            page,
            user_data,
            custom_data: self.custom_data(paid, now_ms),
            limited_data_use,
        }
    }

    /// What the Purchase is about. Contents that the proof or the browser named stay; where
    /// neither did, the catalogue's count.
    fn custom_data(&self, paid: &Payment, now_ms: i64) -> CustomData {
        if let Some(settled) = self.settled.as_ref().filter(|settled| settled.from_ms <= now_ms) {
            return settled.data.clone();
        }
        let mut data = paid.custom_data.clone();
        if let Some(owner) = &self.owner {
            data.fill_blanks(&owner.custom_data);
        }
        data.fill_contents(&paid.listed);
        data.value = Some(paid.money);
        data.order_id = Some(self.id.clone());
        data.drop_foreign_prices();
        data
    }

    /// Why its Purchase must not leave, if it is still here.
    pub fn must_not_leave(&self) -> Option<WithholdReason> {
        if self.is_fully_refunded() {
            return Some(WithholdReason::RefundedBeforeSent);
        }
        self.is_denied().then_some(WithholdReason::ConsentDenied)
    }

    /// What the page should fire now, if anything: the order is verified, the two copies
    /// would still be merged, nothing keeps it back and no page has fired it yet.
    pub fn browser_event(&self, now_s: i64) -> Option<CustomData> {
        let paid = self.paid.as_ref()?;
        let open = self.fired_at_s.is_none()
            && self.must_not_leave().is_none()
            && matches!(self.placed, Placement::Held | Placement::Sent)
            && now_s - paid.seen_at_s < DEDUPLICATION_WINDOW_S;
        open.then(|| self.custom_data(paid, now_s.saturating_mul(1000)))
    }

    pub(super) fn is_denied(&self) -> bool {
        self.denied_internally || self.owner.as_ref().is_some_and(|owner| owner.consent.denied)
    }
}
