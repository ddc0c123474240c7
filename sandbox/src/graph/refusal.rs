//! Why an event is refused, in Meta's numbers and words.

/// Meta's subcodes of error 100 that this fake uses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Subcode {
    /// The event is not valid; Meta names no field. Public reports give it for click IDs.
    InvalidEvent = 2_804_001,
    /// `event_time` is more than seven days ago.
    EventTooOld = 2_804_003,
    /// `event_time` is in the future.
    EventInFuture = 2_804_004,
    /// A Purchase without value or currency.
    PurchaseWithoutValue = 2_804_009,
    /// Any other unusable parameter; the text names its place.
    Parameter = 2_804_019,
    /// A value without its currency.
    ValueWithoutCurrency = 2_804_023,
    /// `lead_id` is not one of Meta's.
    LeadId = 2_804_036,
    /// The match keys can never identify a person.
    ThinUserData = 2_804_050,
}

impl Subcode {
    /// Meta's title of the error, for people.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::InvalidEvent => "Invalid Event",
            Self::EventTooOld => "Event Timestamp Too Old",
            Self::EventInFuture => "Event Timestamp in the Future",
            Self::PurchaseWithoutValue => "Missing Value or Currency for Purchase Event",
            Self::Parameter => "Server Side API Parameter Error",
            Self::ValueWithoutCurrency => "Missing Currency",
            Self::LeadId => "Invalid Lead ID",
            Self::ThinUserData => "Not Enough Customer Information",
        }
    }
}

/// Why an event is refused.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) subcode: Subcode,
    /// Place inside the event, e.g. `user_data.em`.
    pub(super) path: String,
    pub(super) reason: String,
}

impl Refusal {
    pub(super) fn new(subcode: Subcode, path: &str, reason: impl Into<String>) -> Self {
        Self { subcode, path: path.to_owned(), reason: reason.into() }
    }

    pub(super) fn parameter(path: &str, reason: impl Into<String>) -> Self {
        Self::new(Subcode::Parameter, path, reason)
    }
}
