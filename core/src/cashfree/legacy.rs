//! The oldest notification: an HTML form with the signature in one of its fields.
//!
//! The signature covers the seven decoded values joined without a separator. So the same
//! signed text can be split into different fields (`orderId=KB1`, `orderAmount=1499` or
//! `orderId=KB11`, `orderAmount=499`). A verified notification is therefore no proof of
//! payment. It is only a reason to ask the Orders API.

use super::error::MessageError;
use super::event_key::join;
use super::extract::Extract;
use super::fields::{self, CashfreeId};
use super::signature::{SecretIndex, SignatureError, decode, matching_secret};
use crate::currency::Currency;
use crate::id::OrderId;
use crate::money::Money;

/// Webhook type of legacy notifications. They have no type of their own.
pub const LEGACY_KIND: &str = "LEGACY_NOTIFICATION";

/// Names of the signed fields, in the order of the signed text.
const SIGNED: [&str; 7] =
    ["orderId", "orderAmount", "referenceId", "txStatus", "paymentMode", "txMsg", "txTime"];
/// Longest form that is read, bytes.
const FORM_BYTES_MAX: usize = 64 * 1024;
/// Most fields that are read.
const FIELDS_MAX: usize = 64;

/// A legacy notification that is decoded but not verified. `Debug` shows no values.
pub struct LegacyForm {
    signed: [String; SIGNED.len()],
    signature: String,
}

impl core::fmt::Debug for LegacyForm {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("LegacyForm { .. }")
    }
}

/// Content of a verified legacy notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegacyNotice {
    /// The shop's order ID, byte for byte.
    pub order_id: OrderId,
    /// Cashfree's ID of the payment.
    pub payment_id: CashfreeId,
    /// `SUCCESS`, `FAILED`, `PENDING`, `CANCELLED`, `FLAGGED`, `USER_DROPPED`, or another.
    pub status: String,
    /// Amount of the payment, in the currency that the caller assumed; the form names none.
    pub money: Money,
    /// When the transaction took place, Unix seconds. A time without offset is read as Indian
    /// time.
    pub paid_at_s: Option<i64>,
}

impl LegacyNotice {
    /// Deduplication key: repeated deliveries have the same key. The caller puts the account in
    /// front of it.
    pub fn event_key(&self) -> String {
        join(&[
            Some("LEGACY"),
            Some(self.order_id.as_str()),
            Some(self.payment_id.as_str()),
            Some(&self.status),
        ])
    }

    /// The part of the notification that may be stored.
    pub fn extract(&self) -> Extract {
        Extract {
            webhook_type: LEGACY_KIND.to_owned(),
            order_id: Some(self.order_id.clone()),
            payment_id: Some(self.payment_id.clone()),
            status: Some(self.status.clone()),
            money: Some(self.money),
            at_s: self.paid_at_s,
            ..Extract::default()
        }
    }
}

impl LegacyForm {
    /// Decodes `application/x-www-form-urlencoded`. `+` is a space. A `+` in the signature is
    /// encoded as `%2B`.
    ///
    /// # Errors
    /// [`MessageError::NotAForm`] when the body is not such a form, or a signed field is missing
    /// or repeated.
    pub fn parse(body: &[u8]) -> Result<Self, MessageError> {
        if body.len() > FORM_BYTES_MAX {
            return Err(MessageError::TooComplex);
        }
        let mut signed: [Option<String>; SIGNED.len()] = Default::default();
        let mut signature = None;
        for (count, pair) in body.split(|b| *b == b'&').enumerate() {
            if count >= FIELDS_MAX {
                return Err(MessageError::TooComplex);
            }
            let (name, value) = match pair.iter().position(|b| *b == b'=') {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &pair[pair.len()..]),
            };
            let name = decode_form(name).ok_or(MessageError::NotAForm)?;
            let slot = match SIGNED.iter().position(|known| *known == name) {
                Some(index) => &mut signed[index],
                None if name == "signature" => &mut signature,
                None => continue,
            };
            if slot.replace(decode_form(value).ok_or(MessageError::NotAForm)?).is_some() {
                return Err(MessageError::NotAForm);
            }
        }
        let mut values: [String; SIGNED.len()] = Default::default();
        for (value, slot) in values.iter_mut().zip(signed) {
            *value = slot.ok_or(MessageError::NotAForm)?;
        }
        Ok(Self { signed: values, signature: signature.ok_or(MessageError::NotAForm)? })
    }

    /// Verifies the signature: base64 of HMAC-SHA256 over the seven decoded values.
    ///
    /// # Errors
    /// [`SignatureError::Malformed`] when the signature is not 44 characters of base64,
    /// [`SignatureError::Mismatch`] when no secret gives it, and [`SignatureError::NoSecret`]
    /// when `secrets` holds no non-empty secret.
    pub fn verify(&self, secrets: &[impl AsRef<[u8]>]) -> Result<SecretIndex, SignatureError> {
        let given = decode(self.signature.trim_matches(|c: char| c.is_ascii_whitespace()))?;
        let parts = self.signed.each_ref().map(String::as_bytes);
        matching_secret(secrets, &parts, &given)
    }

    /// Reads the fields. `currency`: the currency of the amount, because the form names none.
    ///
    /// # Errors
    /// The [`MessageError`] of the first field that cannot be used: order ID, payment ID, status or
    /// amount.
    pub fn read(&self, currency: Currency) -> Result<LegacyNotice, MessageError> {
        let [order_id, amount, payment_id, status, _mode, _message, time] = &self.signed;
        let order_id = fields::order_id_text(Some(order_id))?;
        let payment_id = CashfreeId::parse(payment_id).ok_or(MessageError::BadPaymentId)?;
        let status = fields::status_text(Some(status)).ok_or(MessageError::BadStatus)?;
        let money = fields::money_text(amount, true, currency)?;
        let paid_at_s = fields::indian_time_s(time);
        Ok(LegacyNotice { order_id, payment_id, status, money, paid_at_s })
    }
}

/// Decodes one name or value: `+` is a space and `%XX` a byte. `None` for a broken escape or
/// bytes that are not UTF-8.
fn decode_form(text: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex_digit(*rest.next()?)? << 4 | hex_digit(*rest.next()?)?,
            other => *other,
        });
    }
    String::from_utf8(bytes).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "orderId=KB-2001&orderAmount=499.00&referenceId=8801234&txStatus=SUCCESS&paymentMode=UPI\
        &txMsg=00%3A%3ATransaction+ok&txTime=2025-11-24+11%3A05%3A09\
        &signature=t7VrS6mXSfMUhvSNMXSLX9DyqLuY6urWdrTQh2DyILM%3D";
    const SECRET: &str = "legacy_secret_77";

    fn form(body: &str) -> LegacyForm {
        LegacyForm::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn the_published_vector_verifies_and_reads() {
        let form = form(BODY);
        assert_eq!(form.verify(&["other", SECRET]), Ok(1));
        let notice = form.read(Currency::INR).unwrap();
        assert_eq!(notice.order_id.as_str(), "KB-2001");
        assert_eq!(notice.payment_id.as_str(), "8801234");
        assert_eq!(notice.status, "SUCCESS");
        assert_eq!(notice.money.amount.get(), 49_900);
        // 2025-11-24T11:05:09+05:30
        assert_eq!(notice.paid_at_s, Some(1_763_962_509));
    }

    #[test]
    fn a_changed_amount_needs_its_own_signature() {
        let changed = BODY.replace("499.00", "499.0");
        assert_eq!(form(&changed).verify(&[SECRET]), Err(SignatureError::Mismatch));
        let resigned = changed.replace(
            "t7VrS6mXSfMUhvSNMXSLX9DyqLuY6urWdrTQh2DyILM%3D",
            "Tt1SvoLuXVtuGBX9pweARofQkGrffDwxx5O5iIDooO0%3D",
        );
        assert_eq!(form(&resigned).verify(&[SECRET]), Ok(0));
    }

    /// This is why a verified form is no proof of payment.
    #[test]
    fn trap_38_the_same_signature_fits_a_recut_message() {
        let recut = BODY.replace("KB-2001&orderAmount=499.00", "KB-20014&orderAmount=99.00");
        assert_eq!(form(&recut).verify(&[SECRET]), Ok(0));
        assert_ne!(form(&recut).read(Currency::INR).unwrap(), form(BODY).read(Currency::INR).unwrap());
    }

    #[test]
    fn repeats_have_one_key_and_another_cut_has_another() {
        let key = |body: &str| form(body).read(Currency::INR).unwrap().event_key();
        assert_eq!(key(BODY), "LEGACY|KB-2001|8801234|SUCCESS");
        assert_eq!(key(&BODY.replace("UPI", "CARD")), key(BODY));
        assert_ne!(key(&BODY.replace("KB-2001&orderAmount=499", "KB-20014&orderAmount=99")), key(BODY));
        let extract = form(BODY).read(Currency::INR).unwrap().extract();
        assert_eq!(extract.order_id.as_ref().map(OrderId::as_str), Some("KB-2001"));
        assert_eq!(extract.money.map(|money| money.to_string()).as_deref(), Some("499.00 INR"));
    }

    #[test]
    fn broken_forms_are_refused() {
        for bad in [
            "",
            "{}",
            "orderId=1",
            &BODY.replace("%3D", "%3"),
            &BODY.replace("%3D", "%zz"),
            &BODY.replace("KB-2001", "%ff"),
            &format!("{BODY}&orderId=KB-2002"),
            &BODY.replace("&signature", "&sig"),
        ] {
            assert_eq!(LegacyForm::parse(bad.as_bytes()).err(), Some(MessageError::NotAForm), "{bad}");
        }
        let flood = "a=1&".repeat(100);
        assert_eq!(LegacyForm::parse(flood.as_bytes()).err(), Some(MessageError::TooComplex));
    }

    #[test]
    fn debug_shows_no_value() {
        assert_eq!(format!("{:?}", form(BODY)), "LegacyForm { .. }");
    }
}
