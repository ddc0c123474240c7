//! Invented people. Every test has its own, so that no test finds another test's data.

use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};
use tandem_proto::v1::User;

/// SHA-256 of a text in lower-case hex, as Meta requires (Meta, "Customer Information Parameters").
#[must_use]
pub fn sha256_hex(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// A person who leaves a lead and buys.
#[derive(Debug, Clone)]
pub struct Person {
    /// E-mail address as the person types it.
    pub email: String,
    /// Ten-digit Indian mobile number as the person types it.
    pub phone: String,
    pub first_name: String,
    pub last_name: String,
}

impl Person {
    /// A new person. No other test has the same one.
    #[must_use]
    pub fn unique() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let mark = uuid::Uuid::new_v4().simple().to_string();
        // 98 and eight digits form a valid mobile number that is not a known dummy.
        let digits = u64::from_str_radix(&mark[..8], 16).unwrap_or_default() % 90_000_000 + 10_000_000;
        Self {
            email: format!("Asha.{mark}+{number}@Example.com"),
            phone: format!("98{digits}"),
            first_name: format!("Ottilie{}", letters(&mark[..6])),
            last_name: format!("Quisenberry{}", letters(&mark[6..12])),
        }
    }

    /// The phone number as Meta requires it: calling code and digits.
    #[must_use]
    pub fn phone_international(&self) -> String {
        format!("91{}", self.phone)
    }

    /// SHA-256 of the normalised e-mail address.
    #[must_use]
    pub fn email_hash(&self) -> String {
        sha256_hex(&self.email.to_lowercase())
    }

    /// SHA-256 of the normalised phone number.
    #[must_use]
    pub fn phone_hash(&self) -> String {
        sha256_hex(&self.phone_international())
    }

    /// SHA-256 of the normalised given name.
    #[must_use]
    pub fn first_name_hash(&self) -> String {
        sha256_hex(&self.first_name.to_lowercase())
    }

    /// SHA-256 of the normalised family name.
    #[must_use]
    pub fn last_name_hash(&self) -> String {
        sha256_hex(&self.last_name.to_lowercase())
    }

    /// Given and family name, as a payment provider keeps them.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
    }

    /// The person as a `User` message.
    #[must_use]
    pub fn user(&self) -> User {
        User {
            email: Some(self.email.clone()),
            phone: Some(self.phone.clone()),
            first_name: Some(self.first_name.clone()),
            last_name: Some(self.last_name.clone()),
            ..User::default()
        }
    }
}

/// Replaces the digits of a hex text by letters, because names contain no digits.
fn letters(hex: &str) -> String {
    hex.chars().map(|c| if c.is_ascii_digit() { char::from(c as u8 - b'0' + b'g') } else { c }).collect()
}
