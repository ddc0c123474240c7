//! Compiles a crate to WebAssembly and binds it to JavaScript in this process.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use wasm_bindgen_cli_support::Bindgen;

use crate::command::{cargo, run};
use crate::files::{root, target};
use crate::wasm_target::TARGET;

/// Compiles one of the package's crates to WebAssembly.
pub(crate) fn compile(name: &str) -> anyhow::Result<()> {
    let mut build = cargo("build");
    build.args(["--package", name, "--lib", "--target", TARGET, "--profile", "wasm"]);
    // Panic messages of the package must not contain paths of this machine.
    let cargo_home = std::env::home_dir().unwrap_or_default().join(".cargo");
    let cargo_home = std::env::var_os("CARGO_HOME").map_or(cargo_home, PathBuf::from);
    let flags: Vec<String> = [cargo_home.join("registry/src").as_path(), root()]
        .iter()
        .map(|folder| format!("'--remap-path-prefix={}='", folder.display()))
        // SHA-256 as a loop is slower, but has a third of the code.
        .chain(["'--cfg=sha2_backend_soft=\"compact\"'".to_owned()])
        .collect();
    build.arg("--config").arg(format!("target.{TARGET}.rustflags=[{}]", flags.join(",")));
    run(&mut build)
}

/// Binds a compiled crate to JavaScript: `{stem}.js` and `{stem}_bg.wasm` in `out`.
pub(crate) fn bind(stem: &str, out: &Path, has_names: bool) -> anyhow::Result<()> {
    let input = target().join(TARGET).join("wasm").join(format!("{stem}.wasm"));
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(&input)
        .out_name(stem)
        .web(true)
        .and_then(|bindgen| {
            bindgen
                .typescript(false)
                .omit_default_module_path(false)
                .remove_name_section(!has_names)
                .remove_producers_section(true)
                .generate(out)
        })
        .map_err(|error| anyhow!("binding {}: {error:#}", input.display()))
}
