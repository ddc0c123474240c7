//! The package's second WebAssembly module: core's normaliser. A page loads it only when a call must be stored.

use std::path::Path;

use crate::command::step;
use crate::webassembly::{bind, compile};

/// Stem of its files: `tandem_normaliser.js`, `tandem_normaliser_bg.wasm`.
pub(crate) const STEM: &str = "tandem_normaliser";

pub(crate) fn add(out: &Path, has_names: bool) -> anyhow::Result<()> {
    step("browser package: normaliser", || {
        compile("tandem-normaliser")?;
        bind(STEM, out, has_names)
    })
}
