//! The catalogue's file (`TANDEM_CATALOG`). It is read at the start and at every SIGHUP. If a new
//! file cannot be used, the old catalogue stays.

mod read;
mod value;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tandem_core::cashfree::OrderTags;
use tandem_core::catalogue::{Catalogue, Origin};
use tandem_core::currency::Currency;
use tandem_core::custom_data::CustomData;
use tandem_core::money::Money;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Largest file that is read, bytes.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Why a catalogue cannot be used. The text is one line: the file, the line in it, what is wrong
/// and what is expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct CatalogueError {
    /// `file:line`, or the file alone where there is no line to name.
    place: String,
    what: String,
}

/// The catalogue in use, and its file.
#[derive(Debug)]
pub struct CatalogueFile {
    path: PathBuf,
    currency: Currency,
    current: RwLock<Arc<Catalogue>>,
}

impl CatalogueFile {
    /// Reads and checks a file. `currency`: assumed for prices that name none.
    ///
    /// # Errors
    /// When the file cannot be read or used.
    pub fn open(path: impl Into<PathBuf>, currency: Currency) -> Result<Self, CatalogueError> {
        let path = path.into();
        let catalogue = load(&path, currency)?;
        Ok(Self { path, currency, current: RwLock::new(Arc::new(catalogue)) })
    }

    /// Reads the file again. Purchases that were placed before keep their contents.
    ///
    /// # Errors
    /// When the file cannot be read or used; then the old catalogue stays.
    pub fn reload(&self) -> Result<(), CatalogueError> {
        let catalogue = Arc::new(load(&self.path, self.currency)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = catalogue;
        Ok(())
    }

    /// Reads the file again and logs the result in one line.
    pub fn reload_and_log(&self) {
        match self.reload() {
            Ok(()) => {
                let (products, bundles) = self.current().size();
                tracing::info!(products, bundles, "reloaded the catalogue");
            }
            Err(error) => {
                tracing::error!(%error, "the new catalogue cannot be used; the old one stays");
            }
        }
    }

    /// What was bought for `paid`, found by the order's tags or the price.
    pub fn look_up(&self, paid: Money, tags: Option<&OrderTags>) -> (Origin, CustomData) {
        self.current().look_up(paid, |name| tags?.get(name))
    }

    pub fn current(&self) -> Arc<Catalogue> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Reads the catalogue again at every SIGHUP, until `stop`. Without a catalogue the signal does
/// nothing, so that a closed terminal does not end the server.
pub async fn reload_on_hangup(catalogue: Option<Arc<CatalogueFile>>, stop: CancellationToken) {
    let mut hangups = match signal(SignalKind::hangup()) {
        Ok(hangups) => hangups,
        Err(error) => {
            tracing::error!(%error, "cannot install the SIGHUP handler; restart to load a changed catalogue");
            return;
        }
    };
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            heard = hangups.recv() => if heard.is_none() { return },
        }
        let Some(file) = catalogue.clone() else {
            tracing::info!("SIGHUP ignored: no catalogue is configured");
            continue;
        };
        // Reading a file blocks.
        if tokio::task::spawn_blocking(move || file.reload_and_log()).await.is_err() {
            tracing::error!("reloading the catalogue panicked; the old one stays");
        }
    }
}

fn load(path: &Path, currency: Currency) -> Result<Catalogue, CatalogueError> {
    let name = path.display().to_string();
    let error = |what: String| CatalogueError { place: name.clone(), what };
    let unreadable = |cause: std::io::Error| error(format!("cannot be read: {cause}"));
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > FILE_BYTES_MAX {
        return Err(error(format!("is larger than {FILE_BYTES_MAX} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    read::read(&name, &text, currency)
}

#[cfg(test)]
mod tests;
