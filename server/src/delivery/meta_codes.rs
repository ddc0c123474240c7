//! The Graph API's error numbers by name. Each one names its source.
//!
//! *Meta*: "Graph API, Handling Errors". *Meta, server events*: "Conversions API, Server
//! Event Parameters". *Integrations*: tables and tests of large public integrations, which
//! list what Meta's general page does not.

/// An unknown error, which may be temporary (Meta).
pub(super) const UNKNOWN: i64 = 1;
/// The service is down for now (Meta).
pub(super) const SERVICE_DOWN: i64 = 2;
/// A capability or permission is missing (Meta).
pub(super) const CAPABILITY_MISSING: i64 = 3;
/// The app's call limit is reached (Meta).
pub(super) const APP_CALL_LIMIT: i64 = 4;
/// A permission is missing or was taken away (Meta).
pub(super) const PERMISSION_DENIED: i64 = 10;
/// The user's call limit is reached (Meta).
pub(super) const USER_CALL_LIMIT: i64 = 17;
/// The page's call limit is reached (integrations).
pub(super) const PAGE_CALL_LIMIT: i64 = 32;
/// A parameter is invalid: the subcode says more (Meta).
pub(super) const INVALID_PARAMETER: i64 = 100;
pub(super) const SESSION_ENDED: i64 = 102;
/// Too many parameters for one call (integrations).
pub(super) const TOO_MANY_PARAMETERS: i64 = 105;
/// The access token has expired, was revoked or is wrong; subcodes 458–467 say why (Meta).
pub(super) const TOKEN: i64 = 190;
/// With [`TOKEN`]: the token has expired (Meta).
pub(super) const SUB_TOKEN_EXPIRED: i64 = 463;
/// First and last of the permission errors (Meta).
pub(super) const PERMISSIONS: std::ops::RangeInclusive<i64> = 200..=299;
/// The application's limit is reached (Meta).
pub(super) const APPLICATION_LIMIT: i64 = 341;
/// Blocked for a time because of a policy (Meta).
pub(super) const POLICY_BLOCK: i64 = 368;
/// The event was sent before (Meta).
pub(super) const DUPLICATE: i64 = 506;
/// A custom limit is reached (integrations).
pub(super) const CUSTOM_LIMIT: i64 = 613;
/// An object that the call names does not exist (integrations).
pub(super) const OBJECT_MISSING: i64 = 803;
/// The path of the call is unknown (integrations).
pub(super) const UNKNOWN_PATH: i64 = 2500;
/// The version of the API is no longer served (integrations).
pub(super) const VERSION_ENDED: i64 = 2635;
/// The dataset is not ready for uploads yet (integrations).
pub(super) const DATASET_NOT_READY: i64 = 21_009;
/// Limits of a business use case (integrations).
pub(super) const USE_CASE_LIMITS: std::ops::RangeInclusive<i64> = 80_000..=80_014;

/// With [`INVALID_PARAMETER`]: the object does not exist, or the token does not see it (Meta).
pub(super) const SUB_OBJECT_MISSING: i64 = 33;
/// With [`INVALID_PARAMETER`]: an event is not valid, and no field is named. Public reports give it for
/// click IDs (integrations).
pub(super) const SUB_INVALID_EVENT: i64 = 2_804_001;
/// With [`INVALID_PARAMETER`]: an event is older than 7 days (Meta, server events).
pub(super) const SUB_TOO_OLD: i64 = 2_804_003;
/// With [`INVALID_PARAMETER`]: these subcodes blame an event's content. Every other subcode may
/// blame the request (Meta's and integrations' lists).
pub(super) const SUB_EVENT_FAULTS: std::ops::RangeInclusive<i64> = 2_804_000..=2_804_999;
