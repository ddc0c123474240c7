//! `GetClock` and `ConfirmClock`.

use tandem_proto::v1;

use super::service::Operations;
use super::wire::timestamp;
use crate::api::Reject;
use crate::clock::Doubt;

impl Operations {
    pub(super) async fn clock(&self) -> Result<v1::GetClockResponse, Reject> {
        let figures = self.operators.time_figures().await?;
        let clock = self.insight.clock();
        let view = clock.trust_view();
        let (doubt, ahead_seconds) = match view.doubt {
            None => ("", 0),
            Some(Doubt::Jumped { by_ms }) => ("jumped", by_ms.div_euclid(1000)),
            Some(Doubt::Implausible { by_ms }) => ("implausible", by_ms.div_euclid(1000)),
            Some(Doubt::MetaDisagrees { ahead_s }) => ("meta_disagrees", ahead_s),
        };
        Ok(v1::GetClockResponse {
            server_time: Some(timestamp(clock.now_ms())),
            running_seconds: seconds(figures.running_ms),
            trusted: view.doubt.is_none(),
            doubt: doubt.to_owned(),
            ahead_seconds,
            steady_seconds: seconds(view.steady_for_ms),
            trusted_in_seconds: view.trusted_in_ms.map(seconds),
            waiting: if view.doubt.is_some() { figures.too_old } else { 0 },
        })
    }

    pub(super) async fn confirm_clock(&self) -> Result<v1::ConfirmClockResponse, Reject> {
        let clock = self.insight.clock();
        let was_trusted = clock.trusted().is_some();
        clock.confirm();
        // The write keeps the operator's word for the next start.
        self.operators.probe().await?;
        tracing::info!(was_trusted, "an operator confirmed the machine's time");
        Ok(v1::ConfirmClockResponse { server_time: Some(timestamp(clock.now_ms())), was_trusted })
    }
}

fn seconds(ms: i64) -> u64 {
    ms.max(0).unsigned_abs() / 1000
}
