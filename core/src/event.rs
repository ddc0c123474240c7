//! The event as Tandem stores it: all data for Meta, and no raw personal data.

use serde::{Deserialize, Deserializer, Serialize};

use crate::custom_data::CustomData;
use crate::id::{EventId, EventName, PixelId};
use crate::page_url::PageUrl;
use crate::user_data::UserData;

/// Oldest `event_time` that Meta accepts, seconds before Meta receives the event (Meta, server
/// event parameters: 7 days).
pub const EVENT_AGE_MAX_S: i64 = 7 * 24 * 3600;
/// Part of those 7 days that is reserved for the delivery to Meta, seconds.
pub const EVENT_AGE_MARGIN_S: i64 = 15 * 60;
/// Time within which Meta counts the browser's and the server's copy as one event, seconds (Meta,
/// deduplication: 48 hours).
pub const DEDUPLICATION_WINDOW_S: i64 = 48 * 3600;

/// Where the action took place (Meta, server event parameters: `action_source`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionSource {
    /// On the shop's website.
    #[default]
    Website,
    /// By e-mail.
    Email,
    /// In a mobile app.
    App,
    /// By telephone.
    PhoneCall,
    /// In a chat.
    Chat,
    /// In a physical shop.
    PhysicalStore,
    /// Without a person's action, such as the renewal of a subscription.
    SystemGenerated,
    /// In a business messaging channel.
    BusinessMessaging,
    /// Anywhere else.
    Other,
}

impl ActionSource {
    /// All values with Meta's spelling.
    pub const ALL: [(Self, &'static str); 9] = [
        (Self::Website, "website"),
        (Self::Email, "email"),
        (Self::App, "app"),
        (Self::PhoneCall, "phone_call"),
        (Self::Chat, "chat"),
        (Self::PhysicalStore, "physical_store"),
        (Self::SystemGenerated, "system_generated"),
        (Self::BusinessMessaging, "business_messaging"),
        (Self::Other, "other"),
    ];

    /// Reads Meta's spelling, such as `website`; `None` for other texts.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, name)| *name == text).map(|(source, _)| source)
    }

    /// Meta's spelling, such as `website`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Website => "website",
            Self::Email => "email",
            Self::App => "app",
            Self::PhoneCall => "phone_call",
            Self::Chat => "chat",
            Self::PhysicalStore => "physical_store",
            Self::SystemGenerated => "system_generated",
            Self::BusinessMessaging => "business_messaging",
            Self::Other => "other",
        }
    }
}

/// Meta's limited data use: `data_processing_options: ["LDU"]` with these codes. Meta refuses a request with
/// others, so there is no value of others (Meta, data processing options).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "LimitedDataUseCodes")]
pub struct LimitedDataUse {
    country: i32,
    state: i32,
}

/// Country and state as anybody may have written them.
#[derive(Deserialize)]
struct LimitedDataUseCodes {
    country: i32,
    state: i32,
}

/// A code of limited data use that Meta does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LimitedDataUseError {
    /// The country.
    #[error("must be 1 (United States) or 0 (Meta decides by the address)")]
    Country,
    /// The state.
    #[error("must be one of Meta's codes, 1000 to 1013, or 0 (Meta decides by the address)")]
    State,
}

impl LimitedDataUse {
    /// Meta decides by the address whether the event is limited.
    pub const BY_ADDRESS: Self = Self { country: 0, state: 0 };

    /// Checks the codes. `country`: 1 is the United States, 0 lets Meta decide by the address. `state`: 1000
    /// (California) to 1013 (Rhode Island), 0 lets Meta decide by the address.
    pub fn new(country: i32, state: i32) -> Result<Self, LimitedDataUseError> {
        match (country, state) {
            (0 | 1, 0 | 1000..=1013) => Ok(Self { country, state }),
            (0 | 1, _) => Err(LimitedDataUseError::State),
            _ => Err(LimitedDataUseError::Country),
        }
    }

    /// Meta's code of the country.
    pub fn country(self) -> i32 {
        self.country
    }

    /// Meta's code of the state.
    pub fn state(self) -> i32 {
        self.state
    }
}

impl From<LimitedDataUseCodes> for LimitedDataUse {
    /// Earlier versions stored codes unchecked. The limitation stays, and Meta decides where it applies.
    fn from(stored: LimitedDataUseCodes) -> Self {
        Self::new(stored.country, stored.state).unwrap_or(Self::BY_ADDRESS)
    }
}

/// What a person said about advertising use. What follows from it, [`ConsentRule`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdsConsent {
    /// Nothing. Earlier versions stored apart whether something had to be said.
    #[default]
    #[serde(alias = "missing")]
    Unspecified,
    /// Allowed.
    Granted,
    /// Allowed for measurement alone: Meta may count the event and not optimise delivery with it.
    MeasureOnly,
    /// Refused.
    Denied,
}

impl AdsConsent {
    /// What a person can say, the strictest word first.
    pub const WORDS: [Self; 3] = [Self::Denied, Self::MeasureOnly, Self::Granted];

    /// The word for operators; empty when nothing was said.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "",
            Self::Granted => "granted",
            Self::MeasureOnly => "measure_only",
            Self::Denied => "denied",
        }
    }

    /// Whether the person chose.
    pub fn is_explicit(self) -> bool {
        self != Self::Unspecified
    }

    /// Takes a later word of the same person. Silence revises nothing.
    pub fn revise(&mut self, later: Self) {
        if later.is_explicit() {
            *self = later;
        }
    }
}

/// What silence means to the shop (`TANDEM_CONSENT_REQUIRED`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentRule {
    /// Who says nothing is taken to allow it.
    #[default]
    Assumed,
    /// Nothing goes to Meta unless the person allowed it.
    Required,
}

impl ConsentRule {
    /// What may be done with an event about which this was said. It is asked where an event is made and
    /// not where a request is read, because not every event comes from a request.
    pub fn allows(self, said: AdsConsent) -> AdsUse {
        match (said, self) {
            (AdsConsent::Granted, _) | (AdsConsent::Unspecified, Self::Assumed) => AdsUse::Full,
            (AdsConsent::MeasureOnly, _) => AdsUse::Measurement,
            (AdsConsent::Denied, _) | (AdsConsent::Unspecified, Self::Required) => AdsUse::Nothing,
        }
    }

    /// The rule of a shop that requires consent, or does not.
    pub fn of_setting(is_required: bool) -> Self {
        if is_required { Self::Required } else { Self::Assumed }
    }

    /// Whether it is the default.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What may be done with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdsUse {
    /// It goes to Meta, from the server and from the page.
    Full,
    /// It goes to Meta from the server alone, opted out of optimisation (Meta, server event
    /// parameters: `opt_out`). Meta's pixel has no such word, and Meta prefers the pixel's copy.
    Measurement,
    /// It is counted, and goes nowhere.
    Nothing,
}

/// What a person allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Consent {
    /// Advertising use. Earlier versions stored whether it was denied.
    #[serde(alias = "denied", deserialize_with = "consent_or_denied")]
    pub ads: AdsConsent,
    /// Limited data use was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limited_data_use: Option<LimitedDataUse>,
}

fn consent_or_denied<'de, D: Deserializer<'de>>(stored: D) -> Result<AdsConsent, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stored {
        IsDenied(bool),
        Ads(AdsConsent),
    }
    Ok(match Stored::deserialize(stored)? {
        Stored::IsDenied(true) => AdsConsent::Denied,
        Stored::IsDenied(false) => AdsConsent::Unspecified,
        Stored::Ads(ads) => ads,
    })
}

/// The page an event happened on. Both URLs are scrubbed of personal data and have no
/// fragment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Page {
    /// URL of the page.
    #[serde(deserialize_with = "PageUrl::read_stored", skip_serializing_if = "Option::is_none")]
    pub event_source_url: Option<PageUrl>,
    /// URL of the page before it (`document.referrer`).
    #[serde(deserialize_with = "PageUrl::read_stored", skip_serializing_if = "Option::is_none")]
    pub referrer_url: Option<PageUrl>,
}

impl Page {
    /// Fills what is blank here from `other`.
    pub(crate) fn fill_blanks(&mut self, other: &Self) {
        crate::user_data::fill(&mut self.event_source_url, other.event_source_url.as_ref());
        crate::user_data::fill(&mut self.referrer_url, other.referrer_url.as_ref());
    }
}

/// One event, ready to be stored and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Pixel (dataset) that the event is reported to.
    pub pixel: PixelId,
    /// Meta's standard event name or the shop's custom name.
    pub name: EventName,
    /// Event ID: the page's copy and the server's carry the same one.
    pub id: EventId,
    /// When the event happened (`event_time`), Unix seconds.
    pub time_s: i64,
    /// Where the action took place.
    pub action_source: ActionSource,
    /// The page on which it happened; both URLs may be absent.
    pub page: Page,
    /// Hashed match keys and the browser's identifiers.
    pub user_data: UserData,
    /// What the event is about.
    pub custom_data: CustomData,
    /// Meta's codes for limited data use, if the caller asked for it.
    pub limited_data_use: Option<LimitedDataUse>,
    /// Meta may count the event and not optimise delivery with it (`opt_out`). No page fires a copy.
    pub opt_out: bool,
}

/// Whether it is too late at `now_s` to send an event of `time_s`. Both are Unix seconds.
pub fn is_too_old(time_s: i64, now_s: i64) -> bool {
    time_s < oldest_time_s(now_s)
}

/// Oldest `event_time` that may still be sent at `now_s`. Both are Unix seconds.
pub fn oldest_time_s(now_s: i64) -> i64 {
    now_s.saturating_sub(EVENT_AGE_MAX_S - EVENT_AGE_MARGIN_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn action_sources_are_spelt_as_meta_spells_them() {
        for (source, name) in ActionSource::ALL {
            assert_eq!(source.as_str(), name);
            assert_eq!(ActionSource::parse(name), Some(source));
            assert_eq!(serde_json::to_string(&source).unwrap(), format!("\"{name}\""));
        }
        assert_eq!(ActionSource::parse("Website"), None);
    }

    #[test]
    fn limited_data_use_has_only_codes_that_meta_knows() {
        for (country, state) in [(0, 0), (1, 0), (1, 1000), (1, 1013), (0, 1005)] {
            let limits = LimitedDataUse::new(country, state).unwrap();
            assert_eq!((limits.country(), limits.state()), (country, state));
            let stored = serde_json::to_string(&limits).unwrap();
            assert_eq!(serde_json::from_str::<LimitedDataUse>(&stored).unwrap(), limits);
        }
        for (country, state, error) in [
            (2, 0, LimitedDataUseError::Country),
            (-1, 1000, LimitedDataUseError::Country),
            (1, 999, LimitedDataUseError::State),
            (1, 1014, LimitedDataUseError::State),
            (0, i32::MIN, LimitedDataUseError::State),
        ] {
            assert_eq!(LimitedDataUse::new(country, state), Err(error));
            let stored = format!("{{\"country\":{country},\"state\":{state}}}");
            let read: LimitedDataUse = serde_json::from_str(&stored).unwrap();
            assert_eq!(read, LimitedDataUse::BY_ADDRESS, "an order of an earlier version stays readable");
        }
    }

    #[test]
    fn silence_means_what_the_shop_says_and_a_word_what_it_says() {
        use AdsConsent::{Denied, Granted, MeasureOnly, Unspecified};
        for (said, assumed, required) in [
            (Unspecified, AdsUse::Full, AdsUse::Nothing),
            (Granted, AdsUse::Full, AdsUse::Full),
            (MeasureOnly, AdsUse::Measurement, AdsUse::Measurement),
            (Denied, AdsUse::Nothing, AdsUse::Nothing),
        ] {
            assert_eq!(ConsentRule::Assumed.allows(said), assumed, "{said:?}");
            assert_eq!(ConsentRule::Required.allows(said), required, "{said:?}");
        }
        let of_the_version_before: AdsConsent = serde_json::from_str("\"missing\"").unwrap();
        assert_eq!(of_the_version_before, Unspecified);
    }

    #[test]
    fn the_margin_is_taken_off_the_seven_days() {
        let now = 1_800_000_000;
        assert!(!is_too_old(now - EVENT_AGE_MAX_S + EVENT_AGE_MARGIN_S, now));
        assert!(is_too_old(now - EVENT_AGE_MAX_S + EVENT_AGE_MARGIN_S - 1, now));
        assert!(!is_too_old(now + 60, now));
    }
}
