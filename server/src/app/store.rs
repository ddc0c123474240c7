//! Opens the store at the start, and adapts it to the settings.

use std::io::Write as _;
use std::path::Path;

use tandem_core::code;
use tandem_core::id::PixelId;
use tandem_core::order::Environment;
use tandem_settings::INTERNAL_TOKEN_FILE;

use super::error::StartError;
use crate::clock::Clock;
use crate::config::{SecretSource, Settings};
use crate::outbox::embedded::Embedded;
use crate::outbox::{Outbox, StoreError};
use crate::private;

pub(super) fn open(settings: &Settings, clock: &Clock) -> Result<Outbox, StartError> {
    Ok(Outbox::new(Embedded::open(&settings.data_dir, clock.clone())?))
}

/// Assigns events that waited for a pixel to `first`, the first configured pixel.
pub(super) async fn adopt(outbox: &Outbox, first: &PixelId) -> Result<(), StoreError> {
    let adopted = outbox.operators.adopt_unassigned(first.clone()).await?;
    if adopted > 0 {
        tracing::info!(
            events = adopted,
            pixel.id = first.as_str(),
            "events that waited for a pixel are assigned to it"
        );
    }
    Ok(())
}

/// Holds what waits and speaks of another environment's money. It leaves when that environment is
/// set again.
pub(super) async fn hold_other_environments(
    outbox: &Outbox,
    environment: Environment,
) -> Result<(), StoreError> {
    let held = outbox.queue.hold_other_environments(environment).await?;
    if held > 0 {
        let code = code::OTHER_ENVIRONMENT;
        tracing::warn!(events = held, code, "Purchases of the other CASHFREE_ENVIRONMENT are held");
    }
    Ok(())
}

/// Releases events that were held one by one for this reason, once the settings give no reason any
/// more. Those of another environment's money stay held.
pub(super) async fn release(
    outbox: &Outbox,
    code: &'static str,
    environment: Environment,
) -> Result<(), StoreError> {
    let released = outbox.queue.release_held(code, environment).await?;
    if released > 0 {
        tracing::info!(events = released, code, "held events are released");
    }
    Ok(())
}

/// Returns the token in the data directory. Creates a random one if it is missing, readable by its
/// owner alone.
pub(super) fn own_token(data_dir: &Path) -> Result<SecretSource, StartError> {
    let path = data_dir.join(INTERNAL_TOKEN_FILE);
    if !std::fs::read_to_string(&path).is_ok_and(|text| !text.trim().is_empty()) {
        let token = hex::encode(rand::random::<[u8; 32]>());
        let written = private::file(&path, true)
            .and_then(|mut file| writeln!(file, "{token}").and_then(|()| file.sync_all()));
        written.map_err(|error| StartError::Token(path.clone(), error))?;
    }
    Ok(SecretSource::file(path))
}
