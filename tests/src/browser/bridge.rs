//! WebDriver for Firefox: an HTTP server that passes the suites' commands to Marionette. Marionette has WebDriver's
//! commands and errors under other names. The bridge replaces geckodriver, which Debian does not package.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::marionette::{Answer, Marionette};

/// Longest command that the bridge reads, in bytes.
const COMMAND_MAX_BYTES: usize = 4 << 20;

type Shared = Arc<Mutex<Marionette>>;

/// The running server. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct Bridge {
    /// Address for a WebDriver client.
    pub(super) url: String,
    server: JoinHandle<()>,
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Bridge {
    /// Serves WebDriver on a free port.
    pub(super) async fn start(marionette: Marionette) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new().fallback(take).with_state(Arc::new(Mutex::new(marionette)));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("the bridge to Firefox ended: {error}");
            }
        });
        Ok(Self { url, server })
    }
}

async fn take(State(marionette): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, COMMAND_MAX_BYTES).await.unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_else(|_| json!({}));
    let Some(command) = command(&parts.method, parts.uri.path(), body) else {
        return refused(
            &json!({ "error": "unknown command", "message": parts.uri.path(), "stacktrace": "" }),
        );
    };
    let mut marionette = marionette.lock().await;
    match carry_out(&mut marionette, &command).await {
        Ok(Ok(value)) => answered(&value),
        Ok(Err(error)) => refused(&error),
        Err(error) => {
            refused(&json!({ "error": "unknown error", "message": format!("{error:#}"), "stacktrace": "" }))
        }
    }
}

/// A WebDriver command, translated for Marionette.
#[derive(Debug, PartialEq)]
struct Command {
    name: &'static str,
    parameters: Value,
    /// Whether the command runs with the browser's own rights instead of the page's.
    privileged: bool,
}

/// Translates method, path and body of a WebDriver command.
fn command(method: &Method, path: &str, body: Value) -> Option<Command> {
    let path: Vec<&str> = path.trim_matches('/').split('/').collect();
    let posted = method == Method::POST;
    let plain = |name, parameters| Some(Command { name, parameters, privileged: false });
    let nothing = || json!({});
    let rest = match path.as_slice() {
        ["session"] if posted => {
            return plain("WebDriver:NewSession", body["capabilities"]["alwaysMatch"].clone());
        }
        ["session", _] if method == Method::DELETE => return plain("WebDriver:DeleteSession", nothing()),
        ["session", _, rest @ ..] => rest,
        _ => return None,
    };
    match (method.as_str(), rest) {
        ("GET", ["url"]) => plain("WebDriver:GetCurrentURL", nothing()),
        ("POST", ["url"]) => plain("WebDriver:Navigate", body),
        ("POST", ["back"]) => plain("WebDriver:Back", nothing()),
        ("POST", ["refresh"]) => plain("WebDriver:Refresh", nothing()),
        ("GET", ["window"]) => plain("WebDriver:GetWindowHandle", nothing()),
        ("GET", ["window", "handles"]) => plain("WebDriver:GetWindowHandles", nothing()),
        ("POST", ["window"]) => plain("WebDriver:SwitchToWindow", body),
        ("POST", ["window", "new"]) => plain("WebDriver:NewWindow", body),
        ("DELETE", ["window"]) => plain("WebDriver:CloseWindow", nothing()),
        ("POST", ["window", "rect"]) => plain("WebDriver:SetWindowRect", body),
        ("GET", ["screenshot"]) => plain("WebDriver:TakeScreenshot", json!({ "full": false })),
        ("DELETE", ["cookie"]) => plain("WebDriver:DeleteAllCookies", nothing()),
        ("POST", ["element"]) => plain("WebDriver:FindElement", body),
        ("POST", ["element", id, "click"]) => plain("WebDriver:ElementClick", json!({ "id": id })),
        ("POST", ["element", id, "clear"]) => plain("WebDriver:ElementClear", json!({ "id": id })),
        ("POST", ["element", id, "value"]) => {
            plain("WebDriver:ElementSendKeys", json!({ "id": id, "text": body["text"] }))
        }
        ("GET", ["element", id, "property", name]) => {
            plain("WebDriver:GetElementProperty", json!({ "id": id, "name": name }))
        }
        ("POST", ["execute", "sync"]) => plain("WebDriver:ExecuteScript", body),
        ("POST", ["execute", "async"]) => plain("WebDriver:ExecuteAsyncScript", body),
        // This suite's own command, for actions that no page may do, such as going offline.
        ("POST", ["moz", "privileged"]) => {
            Some(Command { name: "WebDriver:ExecuteScript", parameters: body, privileged: true })
        }
        _ => None,
    }
}

async fn carry_out(marionette: &mut Marionette, command: &Command) -> anyhow::Result<Answer> {
    let context = |value: &str| json!({ "value": value });
    if !command.privileged {
        return marionette.call(command.name, &command.parameters).await;
    }
    if let Err(error) = marionette.call("Marionette:SetContext", &context("chrome")).await? {
        return Ok(Err(error));
    }
    let answer = marionette.call(command.name, &command.parameters).await;
    marionette.call("Marionette:SetContext", &context("content")).await?.ok();
    answer
}

fn answered(value: &Value) -> Response {
    // Marionette wraps single values itself. It returns objects and lists without a wrapper.
    let wrapped = value.as_object().filter(|object| object.len() == 1).and_then(|object| object.get("value"));
    axum::Json(json!({ "value": wrapped.unwrap_or(value) })).into_response()
}

/// WebDriver's status for an error. Clients read the error's name, so any error status is enough.
fn refused(error: &Value) -> Response {
    let status = match error["error"].as_str() {
        Some("no such element" | "no such window" | "unknown command" | "stale element reference") => {
            StatusCode::NOT_FOUND
        }
        Some("invalid argument" | "element click intercepted" | "element not interactable") => {
            StatusCode::BAD_REQUEST
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, axum::Json(json!({ "value": error }))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_names_its_element_and_keeps_what_is_typed() {
        let body = json!({ "text": "asha@example.com", "value": ["a"] });
        let typed = command(&Method::POST, "/session/1/element/e-7/value", body);
        let expected = json!({ "id": "e-7", "text": "asha@example.com" });
        let expected = Command { name: "WebDriver:ElementSendKeys", parameters: expected, privileged: false };
        assert_eq!(typed, Some(expected));
    }

    #[test]
    fn an_unknown_command_is_none_of_marionettes() {
        assert_eq!(command(&Method::POST, "/session/1/appium/fling", json!({})), None);
        assert_eq!(command(&Method::GET, "/status", json!({})), None);
    }
}
