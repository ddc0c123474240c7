//! Payment providers: where their webhooks arrive, and what the gateway must know of them.
//! What a webhook says is the server's business. A further provider is one line here.

use tandem_proto::v1::Provider;

use crate::settings::Settings;
use tandem_settings::Networks;

/// A payment provider's webhooks.
#[derive(Debug)]
pub(crate) struct Route {
    /// Path, without a slash at its end.
    pub(crate) path: &'static str,
    /// Its number in the protocol.
    pub(crate) provider: i32,
    /// Headers, in lower case, that a genuine webhook has at most once: which of two counts
    /// is not the gateway's to choose.
    pub(crate) single_headers: &'static [&'static str],
    /// Networks that may send, where they are listed, and the setting that lists them.
    pub(crate) allowed: fn(&Settings) -> Option<&Networks>,
    /// Name of that setting.
    pub(crate) allowed_setting: &'static str,
}

/// All of them.
pub(crate) static ROUTES: &[Route] = &[Route {
    path: "/webhooks/cashfree",
    provider: Provider::Cashfree as i32,
    single_headers: &["x-webhook-signature", "x-webhook-timestamp"],
    allowed: |settings| settings.allowed.as_ref(),
    allowed_setting: "CASHFREE_ALLOWED_ADDRESSES",
}];
