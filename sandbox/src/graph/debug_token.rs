//! `GET /graph/{version}/debug_token?input_token=…`: what Meta knows about a token. The control API sets the token's
//! scopes and expiry, and the clock of the answers' `Date`.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use http::header::DATE;
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::clock::{http_date, now_ms};
use crate::graph::reply::GraphError;
use crate::graph::request::{self, EventsRequest};
use crate::state::Sandbox;

/// Describes the token that the caller uses. Any other token is reported as not valid.
pub(super) async fn debug_token(
    State(sandbox): State<Sandbox>,
    Path(version): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let at_ms = now_ms();
    let mut response = match facts(&sandbox, &version, query.as_deref(), &headers, at_ms) {
        Ok(data) => Json(json!({ "data": data })).into_response(),
        Err(error) => error.into_response(),
    };
    let date = http_date(at_ms + sandbox.live().clock_offset_s * 1000);
    if let Ok(date) = HeaderValue::from_str(&date) {
        response.headers_mut().insert(DATE, date);
    }
    response
}

fn facts(
    sandbox: &Sandbox,
    version: &str,
    query: Option<&str>,
    headers: &HeaderMap,
    at_ms: i64,
) -> Result<Value, GraphError> {
    let live = sandbox.live();
    request::check_version(version)?;
    let request = EventsRequest::read(headers, query, &[]);
    let token = request.check_token(&live, at_ms)?;
    request.check_proof(sandbox.settings.app_secret.as_deref(), token)?;
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let asked = pairs.find(|(name, _)| name == "input_token").map(|(_, value)| value.into_owned());
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else {
        return Err(GraphError::bad_request("The parameter input_token is required."));
    };
    if !live.knows_token(&asked) {
        let error = json!({ "code": 190, "message": "Invalid OAuth access token.", "subcode": 0 });
        return Ok(json!({ "is_valid": false, "scopes": [], "error": error }));
    }
    let granular: Vec<Value> = live.token_scopes.iter().map(|scope| json!({ "scope": scope })).collect();
    Ok(json!({
        "app_id": "100000000000001",
        "application": "Sandbox",
        "type": "SYSTEM_USER",
        "user_id": "100000000000002",
        "is_valid": true,
        "issued_at": at_ms / 1000 - 3600,
        "expires_at": live.token_expires_at,
        "data_access_expires_at": 0,
        "scopes": live.token_scopes,
        "granular_scopes": granular,
    }))
}
