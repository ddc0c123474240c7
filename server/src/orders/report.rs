//! A merchant report: one of the shop's services says that an order was paid, through any provider
//! or at the counter.

use tandem_core::code;
use tandem_core::custom_data::CustomData;
use tandem_core::event::{ActionSource, AdsConsent};
use tandem_core::id::{OrderId, PixelId};
use tandem_core::money::Money;
use tandem_core::order::{Contact, Order, Payment, PaymentOutcome, PaymentSource, PurchaseState};
use tandem_core::user_data::UserData;

use super::service::{OrderError, Orders};
use super::step::{ChangeOutcome, Step};
use crate::outbox::{Ask, StepAnswer, StoreError};

#[derive(Debug)]
pub struct MerchantReport {
    pub order: OrderId,
    /// The pixel, where the report names one.
    pub pixel: Option<PixelId>,
    /// What was paid.
    pub money: Money,
    /// Where it was paid.
    pub action_source: ActionSource,
    /// Who paid, on which page, and for what.
    pub contact: Contact,
}

/// Answer to a report.
#[derive(Debug)]
pub struct ReportAnswer {
    /// The state of the order.
    pub state: PurchaseState,
    /// Whether the payment was known before.
    pub duplicate: bool,
    /// What a page should fire now. `None`: no page must fire.
    pub page_copy: Option<CustomData>,
    /// Comes with `page_copy`: proves that a later confirmation is that page's.
    pub confirm_key: String,
    /// Stable code of why the Purchase is withheld; empty if it is not.
    pub suppressed_reason: &'static str,
}

impl Orders {
    /// Stores a report. A second report of the same amount is a duplicate.
    ///
    /// # Errors
    /// [`OrderError::AmountConflict`] when the order is known to be paid with another amount,
    /// [`OrderError::Store`] when the store refuses it. Nothing was changed then.
    pub async fn report(&self, report: MerchantReport) -> Result<ReportAnswer, OrderError> {
        let MerchantReport { order, pixel, money, action_source, contact } = report;
        // The contact carries the browser's identifiers. The proof says who paid, and where. Nothing of it stays of a
        // person who refuses.
        let (user_data, page) = match contact.consent.ads {
            AdsConsent::Denied => Default::default(),
            _ => (without_browser(contact.user_data.clone()), contact.page.clone()),
        };
        let paid = Payment {
            payment_id: None,
            account: None,
            pixel: pixel.clone(),
            money,
            at_s: contact.at_s,
            seen_at_s: self.clock.now_s(),
            source: PaymentSource::Report,
            action_source,
            user_data,
            custom_data: contact.custom_data.clone(),
            listed: self.catalogue_data(&order, money, None),
            page,
            consent: contact.consent,
        };
        let salt = self.settings.confirm_keys.browser_salt();
        let change = move |order: &mut Order| {
            let outcome = order.pay(paid.clone());
            if !matches!(outcome, PaymentOutcome::Conflict { .. }) {
                order.add_contact(&contact, &salt);
            }
            ChangeOutcome::answered(StepAnswer::Payment(outcome), Ask::Never)
        };
        let updated = self.step(Step::on(order), Box::new(change)).await?;
        let updated = updated.ok_or_else(|| StoreError::Unavailable("the report was not stored".into()))?;
        let duplicate = match updated.answer {
            StepAnswer::Payment(PaymentOutcome::Conflict { known }) => {
                return Err(OrderError::AmountConflict { known, given: money });
            }
            answer => answer == StepAnswer::Payment(PaymentOutcome::Duplicate),
        };
        let order = updated.order;
        let is_zero = updated.answer == StepAnswer::Payment(PaymentOutcome::Zero);
        let copy = match pixel.as_ref().unwrap_or(order.pixel()) {
            _ if is_zero => Err(code::ZERO_AMOUNT),
            pixel => self.rules.page_copy(&order, pixel, self.clock.now_s()),
        };
        Ok(ReportAnswer {
            state: order.state(),
            duplicate,
            confirm_key: self.settings.confirm_keys.key_with(copy.as_ref().ok(), &order),
            suppressed_reason: copy.as_ref().err().copied().unwrap_or_default(),
            page_copy: copy.ok(),
        })
    }
}

fn without_browser(mut user_data: UserData) -> UserData {
    user_data.fbp = None;
    user_data.fbc = None;
    user_data.client_ip_address = None;
    user_data.client_user_agent = None;
    user_data
}
