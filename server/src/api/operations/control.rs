//! `PauseDelivery` and `ResumeDelivery`.

use tandem_core::field_code::FieldCode;
use tandem_core::id::PixelId;
use tandem_proto::v1;

use super::service::Operations;
use crate::api::Reject;

impl Operations {
    pub(super) async fn pause(
        &self,
        request: v1::PauseDeliveryRequest,
    ) -> Result<v1::PauseDeliveryResponse, Reject> {
        self.set_paused(&request.pixel_id, true).await.map(|pixels| v1::PauseDeliveryResponse { pixels })
    }

    pub(super) async fn resume(
        &self,
        request: v1::ResumeDeliveryRequest,
    ) -> Result<v1::ResumeDeliveryResponse, Reject> {
        self.set_paused(&request.pixel_id, false).await.map(|pixels| v1::ResumeDeliveryResponse { pixels })
    }

    async fn set_paused(&self, pixel_id: &str, paused: bool) -> Result<u32, Reject> {
        let chosen: Vec<PixelId> = self
            .delivery
            .pixels()
            .filter(|id| pixel_id.is_empty() || id.as_str() == pixel_id)
            .cloned()
            .collect();
        if chosen.is_empty() {
            return Err(Reject::field("pixel_id", FieldCode::PixelUnknown));
        }
        for pixel in &chosen {
            self.operators.set_paused(pixel.clone(), paused).await?;
            self.delivery.set_paused(pixel, paused);
            tracing::info!(pixel.id = pixel.as_str(), paused, "an operator paused or resumed delivery");
        }
        Ok(u32::try_from(chosen.len()).unwrap_or(u32::MAX))
    }
}
