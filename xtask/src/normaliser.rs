//! The package's second WebAssembly module: core's normaliser, which a page loads only when a call
//! must be put into storage.

use std::path::Path;

use crate::command::step;
use crate::webassembly::{bind, compile};

/// Stem of its files: `tandem_normaliser.js`, `tandem_normaliser_bg.wasm`.
pub(crate) const STEM: &str = "tandem_normaliser";

/// Compiles and binds the module into the package in `out`.
pub(crate) fn add(out: &Path, has_names: bool) -> anyhow::Result<()> {
    step("browser package: normaliser", || {
        compile("tandem-normaliser")?;
        bind(STEM, out, has_names)
    })
}
