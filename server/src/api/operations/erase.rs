//! `ErasePerson`. Raw values are hashed here; the store looks for the digests.

use tandem_core::field_code::FieldCode;
use tandem_core::hash::Sha256Hex;
use tandem_core::normalise::MatchKey;
use tandem_core::personal::Raw;
use tandem_proto::v1;

use super::service::Operations;
use crate::api::Reject;
use crate::outbox::{Erased, Erasure};

impl Operations {
    pub(super) async fn erase(
        &self,
        request: v1::ErasePersonRequest,
    ) -> Result<v1::ErasePersonResponse, Reject> {
        let given = [
            (MatchKey::Email, request.email),
            (MatchKey::Phone, request.phone),
            (MatchKey::ExternalId, request.external_id),
        ];
        let values: Vec<(MatchKey, Raw)> =
            given.into_iter().filter_map(|(key, value)| Some((key, Raw::new(value?)))).collect();
        let (user_data, errors) = self.decoder.match_keys(self.insight.now_ms()).read(values);
        if let Some((key, error)) = errors.into_iter().next() {
            return Err(Reject::field(key.field().trim_start_matches("user."), error.into()));
        }
        let digests: Vec<Sha256Hex> = user_data.hashed().map(|(_, digest)| digest).collect();
        if digests.is_empty() {
            let text = "Give an e-mail address, a phone number or an external ID.";
            return Err(Reject::field_with("email", FieldCode::Required, text));
        }
        if request.dry_run {
            let found = self.events.erase(digests, Erasure::Count).await?;
            return Ok(answer(found));
        }
        // Events that wait in memory go back to the store, where erasure finds them.
        self.delivery.put_back().await;
        let erased = self.events.erase(digests, Erasure::Erase).await?;
        tracing::info!(events = erased.events, orders = erased.orders, "a person was erased");
        if erased.leaves_traces {
            tracing::warn!("the store's files may still hold traces of the erased person");
        }
        Ok(answer(erased))
    }
}

fn answer(erased: Erased) -> v1::ErasePersonResponse {
    let Erased { events, orders, leaves_traces } = erased;
    v1::ErasePersonResponse { events, orders, leaves_traces }
}
