//! The order's Purchase: whether it may be sent, when, and with which data.

use super::payment::Payment;
use super::state::{FixedContents, Order, Placement, WithholdReason};
use crate::custom_data::CustomData;
use crate::event::{ActionSource, AdsUse, DEDUPLICATION_WINDOW_S, Event};
use crate::id::{EventId, EventName, PixelId};

/// What a decision about a Purchase depends on, beside its order.
#[derive(Debug, Clone, Copy)]
pub struct PurchaseContext<'a> {
    /// Unix milliseconds.
    pub now_ms: i64,
    /// How long a paid order waits for browser signals, milliseconds.
    pub join_wait_ms: i64,
    /// Time of the oldest event that Meta takes, Unix seconds. `None`: the time is not trusted, so
    /// nothing is too old.
    pub oldest_s: Option<i64>,
    /// The pixel that the order's ID decides, where one does (`order_prefixes`).
    pub order_pixel: Option<&'a PixelId>,
    /// The pixel of orders for which nobody names one.
    pub default_pixel: &'a PixelId,
}

/// What must happen to the order's Purchase now.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Do nothing: there is no proof of payment, or the Purchase needs no change.
    Nothing,
    /// Place it, to be sent at once. Replaces one that has not left; does nothing to one that has.
    Send(Box<Event>),
    /// Place the Purchase to be sent at this time (Unix milliseconds), unless a later decision replaces
    /// it.
    Hold(Box<Event>, i64),
    /// Place it as counted and never sent; replaces one that has not left.
    Withhold(Box<Event>, WithholdReason),
    /// Stop the one that was placed to be sent, if it has not left.
    Stop(WithholdReason),
    /// Place it as given up: too old for Meta.
    TooOld(Box<Event>),
}

impl Order {
    /// Decides what must happen to the Purchase.
    pub fn decide(&mut self, context: PurchaseContext<'_>) -> Decision {
        let has_news = core::mem::take(&mut self.has_new_signals);
        let Some(paid) = &self.paid else { return Decision::Nothing };
        let waits_for_signals = paid.action_source == ActionSource::Website
            && context.join_wait_ms > 0
            && !paid.user_data.has_browser_signals()
            && !self.heard_owner().is_some_and(|owner| owner.user_data.has_browser_signals());
        let time_s = paid.at_s.min(paid.seen_at_s);
        let is_too_old = context.oldest_s.is_some_and(|oldest_s| time_s < oldest_s);
        let next = match (self.placed, self.must_not_leave()) {
            (Placement::TooOld, _) => return Decision::Nothing,
            (Placement::Withheld(was), Some(why)) if was == why => return Decision::Nothing,
            (Placement::Sent, Some(why)) => {
                self.placed = Placement::Withheld(why);
                return Decision::Stop(why);
            }
            (_, Some(why)) => Placement::Withheld(why),
            (Placement::Sent, None) if has_news => Placement::Sent,
            (Placement::Sent, None) => return Decision::Nothing,
            (Placement::Held, None) if waits_for_signals && !has_news => return Decision::Nothing,
            (Placement::Held, None) if waits_for_signals => Placement::Held,
            (Placement::Held, None) => Placement::Sent,
            (Placement::Not | Placement::Withheld(_), None) if is_too_old => Placement::TooOld,
            (Placement::Not | Placement::Withheld(_), None) if waits_for_signals => Placement::Held,
            (Placement::Not | Placement::Withheld(_), None) => Placement::Sent,
        };
        if has_news || matches!(self.placed, Placement::Withheld(_)) {
            self.reopen();
        }
        self.place(next, context)
    }

    /// Lets what was settled be said anew. A wait for signals goes on.
    fn reopen(&mut self) {
        self.settled = self.settled.take().filter(|_| self.placed == Placement::Held);
    }

    /// Places the Purchase, and settles its pixel and what it is about.
    fn place(&mut self, next: Placement, context: PurchaseContext<'_>) -> Decision {
        let Some(paid) = &self.paid else { return Decision::Nothing };
        self.pixel = self.named_pixel(context.order_pixel).unwrap_or(context.default_pixel).clone();
        let event = Box::new(self.purchase(paid, context));
        let data = event.custom_data.clone();
        let (from_ms, decision) = match next {
            // While it waits for signals, contents may still come; when the wait is over it leaves.
            Placement::Held => {
                let is_waiting = self.placed == Placement::Held;
                let known_ms = self.settled.as_ref().filter(|_| is_waiting).map(|settled| settled.from_ms);
                let until_ms = known_ms.unwrap_or(context.now_ms.saturating_add(context.join_wait_ms));
                (until_ms, Decision::Hold(event, until_ms))
            }
            Placement::Withheld(why) => (0, Decision::Withhold(event, why)),
            Placement::TooOld => (0, Decision::TooOld(event)),
            Placement::Not | Placement::Sent => (0, Decision::Send(event)),
        };
        self.placed = next;
        self.settled = Some(FixedContents { from_ms, data });
        decision
    }

    /// The pixel that those name who may: a report, then the order's ID, then a proven contact, then
    /// the owner, whose page may report to it.
    fn named_pixel<'a>(&'a self, of_id: Option<&'a PixelId>) -> Option<&'a PixelId> {
        let of_report = self.paid.as_ref().and_then(|paid| paid.pixel.as_ref());
        let owner = self.owner.as_ref().filter(|owner| !self.is_foreign(owner));
        let of_owner = owner.and_then(|owner| owner.pixel.as_ref());
        of_report.or(of_id).or(self.proven_pixel.as_ref()).or(of_owner)
    }

    /// The Purchase as it would be sent, if the order is paid.
    pub(super) fn purchase(&self, paid: &Payment, context: PurchaseContext<'_>) -> Event {
        // The payment's customer wins, key by key; the browser adds what it lacks.
        let mut user_data = paid.user_data.clone();
        let mut page = paid.page.clone();
        let mut limited_data_use = paid.consent.limited_data_use;
        if let Some(owner) = self.heard_owner() {
            user_data.fill_blanks(&owner.user_data);
            limited_data_use = limited_data_use.or(owner.consent.limited_data_use);
            page.fill_blanks(&owner.page);
        }
        let time_s = paid.at_s.min(paid.seen_at_s);
        // The thank-you page can be the first that names the click, and comes after the payment.
        user_data.date_click(time_s);
        Event {
            pixel: self.pixel.clone(),
            name: EventName::purchase(),
            id: EventId::of_purchase(&self.id),
            time_s,
            action_source: paid.action_source,
            page,
            user_data,
            custom_data: self.custom_data(paid, context.now_ms),
            limited_data_use,
            opt_out: self.ads_use() == AdsUse::Measurement,
        }
    }

    /// What the Purchase is about. Contents from the proof or the browser count. If neither names
    /// contents, those of the catalogue count.
    fn custom_data(&self, paid: &Payment, now_ms: i64) -> CustomData {
        if let Some(settled) = self.settled.as_ref().filter(|settled| settled.from_ms <= now_ms) {
            return settled.data.clone();
        }
        let mut data = paid.custom_data.clone();
        if let Some(owner) = self.heard_owner() {
            data.fill_blanks(&owner.custom_data);
        }
        data.fill_contents(&paid.listed);
        data.value = Some(paid.money);
        data.order_id = Some(self.id.clone());
        data.drop_foreign_prices();
        data
    }

    /// Why the Purchase must not be sent, if it was not sent yet; `None` when it may be sent.
    pub fn must_not_leave(&self) -> Option<WithholdReason> {
        if self.is_fully_refunded() {
            return Some(WithholdReason::RefundedBeforeSent);
        }
        self.consent_refused()
    }

    /// What the page should fire at `now_s` (Unix seconds). `None` unless the order is paid, Meta would
    /// still merge the two copies, the Purchase is allowed for more than measurement and not withheld, and
    /// no page has fired it yet.
    pub fn browser_event(&self, now_s: i64) -> Option<CustomData> {
        let paid = self.paid.as_ref()?;
        let open = !self.is_fired()
            && self.must_not_leave().is_none()
            && self.ads_use() == AdsUse::Full
            && matches!(self.placed, Placement::Held | Placement::Sent)
            && now_s.saturating_sub(paid.seen_at_s) < DEDUPLICATION_WINDOW_S;
        open.then(|| self.custom_data(paid, now_s.saturating_mul(1000)))
    }
}
