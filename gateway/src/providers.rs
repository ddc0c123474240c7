//! Payment providers: where their webhooks arrive, and what the gateway must know about them.
//! Only the server reads what a webhook says. A new provider needs one more entry here.

use tandem_proto::v1::Provider;

use crate::settings::Settings;
use tandem_settings::Networks;

/// A payment provider's webhooks.
#[derive(Debug)]
pub(crate) struct Route {
    /// Path, without a trailing slash.
    pub(crate) path: &'static str,
    /// The provider's number in the protocol.
    pub(crate) provider: i32,
    /// Headers, in lower case, that a valid webhook has at most once. The gateway cannot know which
    /// of two values counts.
    pub(crate) single_headers: &'static [&'static str],
    /// The networks that may send webhooks. `None`: any.
    pub(crate) allowed: fn(&Settings) -> Option<&Networks>,
    /// Name of the setting with these networks.
    pub(crate) allowed_setting: &'static str,
}

pub(crate) static ROUTES: &[Route] = &[Route {
    path: "/webhooks/cashfree",
    provider: Provider::Cashfree as i32,
    single_headers: &[
        "x-webhook-signature",
        "x-webhook-timestamp",
        "x-cashfree-signature",
        "x-cashfree-timestamp",
    ],
    allowed: |settings| settings.allowed.as_ref(),
    allowed_setting: "CASHFREE_ALLOWED_ADDRESSES",
}];
