//! The public HTTP front for payment webhooks.
//!
//! It forwards a webhook's raw body and headers unchanged to the server's `VerifyWebhook`, and
//! turns the server's verdict into an HTTP status. It has no payment secret and no state, reads
//! no JSON, and answers 200 only after the server has said that the outcome is durable.
//!
//! | module | contains |
//! |---|---|
//! | [`settings`] | the gateway's settings |
//! | `server` | the connection to the server |
//! | `serve` | connections: their number, their time limits, the graceful stop |
//! | `providers` | payment providers: their paths and header names |
//! | `routes` | the paths and their handlers |
//! | `receive` | one webhook: source, body, headers |
//! | `admission` | the limits on webhooks, large bodies and calls in work |
//! | `forward` | the call to the server, and the answer that follows from it |
//! | `answer` | the HTTP answers |
//! | `readiness` | `/readyz` |
//! | `metrics` | `/metrics` |

mod admission;
mod answer;
mod forward;
mod limits;
mod metrics;
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

/// Serves on `listener` until `shutdown` resolves. Then finishes open requests, for at most
/// [`Limits::drain`].
pub async fn run(
    listener: TcpListener,
    settings: Settings,
    limits: Limits,
    shutdown: impl Future<Output = ()> + Send,
) {
    let gateway = Arc::new(forward::Gateway::new(settings, limits));
    serve::serve(listener, routes::router(gateway, providers::ROUTES), limits, shutdown).await;
}
