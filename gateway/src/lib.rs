//! The public HTTP front for payment webhooks.
//!
//! It moves bytes: a webhook's raw body and headers go to the server's `VerifyWebhook`
//! as they came, and the server's verdict becomes an HTTP status. It holds no payment
//! secret and no state, reads no JSON, and never answers 200 before the server said that
//! the outcome is durable.
//!
//! | module | holds |
//! |---|---|
//! | [`settings`] | what the settings mean |
//! | `server` | the connection to the server |
//! | `serve` | connections: their number, their timeouts, the graceful stop |
//! | `providers` | payment providers: their paths and header names |
//! | `routes` | which path does what |
//! | `receive` | one webhook: source, body, headers |
//! | `admission` | how many webhooks are in work, and who is turned away |
//! | `forward` | the call to the server, and what its answer means |
//! | `answer` | the HTTP answers |
//! | `readiness` | `/readyz` |

mod admission;
mod answer;
mod forward;
mod limits;
mod providers;
mod readiness;
mod receive;
mod routes;
mod serve;
mod server;
pub mod settings;

use std::sync::Arc;

use tokio::net::TcpListener;

pub use limits::Limits;
use settings::Settings;

/// Serves on `listener` until `shutdown` resolves, then finishes what is open for as
/// long as [`Limits::drain`] allows.
pub async fn run(
    listener: TcpListener,
    settings: Settings,
    limits: Limits,
    shutdown: impl Future<Output = ()> + Send,
) {
    let gateway = Arc::new(forward::Gateway::new(settings, limits));
    serve::serve(listener, routes::router(gateway, providers::ROUTES), limits, shutdown).await;
}
