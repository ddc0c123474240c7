//! What a path asks for. Who may call, how often, how much at once, and under which name a call is counted all follow
//! from it.

use tandem_proto::v1::tracking_service_paths::{
    CAPTURE_LEAD, CONFIRM_BROWSER_EVENTS, RECORD_PURCHASE, TRACK_EVENT, VERIFY_WEBHOOK,
};

/// Start of the paths of `TrackingService`.
const TRACKING: &str = "/tandem.v1.TrackingService/";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// A method of `TrackingService` that pages may call, with its name.
    Page(&'static str),
    /// `RecordPurchase`: of a stranger a claim, which may wait for a proof.
    Purchase,
    /// `VerifyWebhook`.
    Webhook,
    /// A method of `TrackingService` that is not named here.
    Unlisted,
    /// `OperationsService`.
    Operations,
    /// `Health/Check`, which load balancers and orchestrators ask.
    Check,
    /// `Health/Watch`, a stream without an end.
    Watch,
    /// Reflection, and whatever else there is or is not.
    Other,
}

impl Route {
    pub(super) fn of(path: &str) -> Self {
        match path {
            CAPTURE_LEAD => Self::Page("CaptureLead"),
            TRACK_EVENT => Self::Page("TrackEvent"),
            CONFIRM_BROWSER_EVENTS => Self::Page("ConfirmBrowserEvents"),
            RECORD_PURCHASE => Self::Purchase,
            VERIFY_WEBHOOK => Self::Webhook,
            "/grpc.health.v1.Health/Check" => Self::Check,
            "/grpc.health.v1.Health/Watch" => Self::Watch,
            path if path.starts_with(TRACKING) => Self::Unlisted,
            path if path.starts_with("/tandem.v1.OperationsService/") => Self::Operations,
            _ => Self::Other,
        }
    }

    /// Whether strangers may call. What is not named here is for internal callers.
    pub(super) fn is_public(self) -> bool {
        matches!(self, Self::Page(_) | Self::Purchase | Self::Check | Self::Watch)
    }

    /// Whether the path belongs to one of Tandem's own services. Their calls are short, so that an open one keeps its
    /// connection busy.
    pub(super) fn is_ours(self) -> bool {
        matches!(self, Self::Page(_) | Self::Purchase | Self::Webhook | Self::Unlisted | Self::Operations)
    }

    /// The method under which an answer of `TrackingService` is counted. `None`: another service.
    pub(super) fn counted_as(self) -> Option<&'static str> {
        match self {
            Self::Page(name) => Some(name),
            Self::Purchase => Some("RecordPurchase"),
            Self::Webhook => Some("VerifyWebhook"),
            Self::Unlisted => Some("unknown"),
            Self::Operations | Self::Check | Self::Watch | Self::Other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_is_for_internal_callers() {
        for public in
            [CAPTURE_LEAD, RECORD_PURCHASE, "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"]
        {
            assert!(Route::of(public).is_public(), "{public}");
        }
        for internal in [
            VERIFY_WEBHOOK,
            "/tandem.v1.TrackingService/Added",
            "/tandem.v1.OperationsService/ListEvents",
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
            "/grpc.health.v1.Health/Added",
            "/",
        ] {
            assert!(!Route::of(internal).is_public(), "{internal}");
        }
    }
}
