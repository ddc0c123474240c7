//! Makes `--target wasm32-unknown-unknown` work for the active toolchain, also where rustup cannot download.
//!
//! It tries these ways in order, until a small library compiles and links:
//! 1. nothing, if the target works already;
//! 2. `rustup target add`;
//! 3. an archive that `TANDEM_WASM32_STD` names, checked against `<archive>.sha256`;
//! 4. the standard library built from Debian's `rust-src` package of the same release.
//!
//! `TANDEM_WASM32_SKIP` (for example `rustup,archive`) skips ways, to test the others.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};

use crate::command::{ProgramOutput, capture, is_installed};
use crate::files::{Scratch, check_sha256, target};

mod debian;
mod standard_library;
mod toolchain;

pub(crate) use toolchain::TARGET;
use toolchain::Toolchain;

/// The path of an archive with the target's `lib` folder.
const ARCHIVE_VARIABLE: &str = "TANDEM_WASM32_STD";

/// Names of the ways to skip.
const SKIP_VARIABLE: &str = "TANDEM_WASM32_SKIP";

/// One way to get the target. Returns a text that says what it did.
type Way = fn(&Toolchain) -> anyhow::Result<String>;

/// Ways to get the target, by the names that [`SKIP_VARIABLE`] takes.
const WAYS: [(&str, Way); 3] = [("rustup", by_rustup), ("archive", from_archive), ("debian", from_debian)];

/// Makes sure that the target works. Prints nothing if it works already.
pub(crate) fn ensure_usable() -> anyhow::Result<()> {
    let toolchain = Toolchain::active()?;
    make_usable(&toolchain)?;
    forget_stale(&toolchain)
}

/// Removes builds against another standard library than the installed one. cargo compares only the compiler's version,
/// and would link libraries that do not fit.
fn forget_stale(toolchain: &Toolchain) -> anyhow::Result<()> {
    let mut identity = String::new();
    for entry in std::fs::read_dir(toolchain.target_folder().join("lib"))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("libstd-") && name.ends_with(".rlib") {
            let about = entry.metadata()?;
            identity = format!("{name} {} {:?}", about.len(), about.modified()?);
        }
    }
    let compiled = target().join(TARGET);
    let stamp = compiled.join("standard-library");
    if std::fs::read_to_string(&stamp).is_ok_and(|known| known == identity) {
        return Ok(());
    }
    remove(&compiled).with_context(|| format!("removing {}", compiled.display()))?;
    std::fs::create_dir_all(&compiled)?;
    std::fs::write(&stamp, identity)?;
    Ok(())
}

fn make_usable(toolchain: &Toolchain) -> anyhow::Result<()> {
    let Err(why) = probe(toolchain) else { return Ok(()) };
    eprintln!("==> getting {TARGET} for rustc {}", toolchain.release);
    // One run at a time for each toolchain. The system releases the lock when the process ends.
    let lock = File::create(toolchain.rustlib().join(format!(".tandem-{TARGET}.lock")))
        .with_context(|| format!("{} must be writable", toolchain.rustlib().display()))?;
    lock.lock()?;
    if probe(toolchain).is_ok() {
        return Ok(()); // another run made it work meanwhile
    }
    let aside = Aside::take(toolchain)?;
    let skipped = std::env::var(SKIP_VARIABLE).unwrap_or_default();
    let mut tried = vec![format!("as installed: {why:#}")];
    for (name, way) in WAYS {
        if skipped.split(',').any(|skip| skip.trim() == name) {
            tried.push(format!("{name}: skipped by {SKIP_VARIABLE}"));
            continue;
        }
        match way(toolchain).and_then(|how| probe(toolchain).map(|()| how)) {
            Ok(how) => {
                eprintln!("    {TARGET}: {how}");
                aside.discard();
                return Ok(());
            }
            Err(error) => {
                let error = format!("{name}: {error:#}");
                eprintln!("    {error}");
                tried.push(error);
            }
        }
    }
    drop(aside);
    bail!("no way to {TARGET} for rustc {} worked:\n  - {}", toolchain.release, tried.join("\n  - "))
}

/// Compiles and links a small library that needs `alloc`, formatting, panics and LTO.
fn probe(toolchain: &Toolchain) -> anyhow::Result<()> {
    const SOURCE: &str = "#[unsafe(no_mangle)] pub extern \"C\" fn probe(n: usize) -> usize { \
        format!(\"{:?}\", vec![n; n]).len() }";
    let scratch = Scratch::new("probe")?;
    std::fs::write(scratch.path().join("probe.rs"), SOURCE)?;
    let mut rustc = toolchain.rustc();
    rustc.current_dir(scratch.path()).args(["--edition", "2024", "--target", TARGET]);
    rustc.args(["--crate-type", "cdylib", "-C", "lto=thin", "-C", "panic=abort"]);
    rustc.args(["-o", "probe.wasm", "probe.rs"]);
    let output = capture(&mut rustc, Duration::from_secs(120))?;
    ensure!(output.is_success, "{}", output.error_line());
    let wasm = std::fs::read(scratch.path().join("probe.wasm"))?;
    ensure!(wasm.starts_with(b"\0asm"), "the linker's output is not WebAssembly");
    Ok(())
}

fn by_rustup(toolchain: &Toolchain) -> anyhow::Result<String> {
    ensure!(is_installed("rustup"), "not installed");
    let rustup = |verb: &str| -> anyhow::Result<ProgramOutput> {
        let mut command = Command::new("rustup");
        command.args(["target", verb, "--toolchain", &toolchain.name(), TARGET]);
        capture(&mut command, Duration::from_secs(90))
    };
    let mut output = rustup("add")?;
    if output.is_success && probe(toolchain).is_err() {
        // rustup has a record of the target, but files of it are missing. rustup removes a record only if every file
        // in it exists.
        complete(toolchain)?;
        let removed = rustup("remove")?;
        ensure!(
            removed.is_success,
            "rustup has a record of the target, but cannot remove it: {}",
            removed.error_line()
        );
        output = rustup("add")?;
    }
    ensure!(output.is_success, "{}", output.error_line());
    Ok("installed by rustup".to_owned())
}

/// Creates an empty file for each missing file of rustup's record.
fn complete(toolchain: &Toolchain) -> anyhow::Result<()> {
    let record = toolchain.rustlib().join(format!("manifest-rust-std-{TARGET}"));
    for line in std::fs::read_to_string(&record).unwrap_or_default().lines() {
        let Some(file) = line.strip_prefix("file:") else { continue };
        let file = toolchain.sysroot.join(file);
        if file.starts_with(toolchain.target_folder()) && !file.exists() {
            std::fs::create_dir_all(file.parent().unwrap_or(&file))?;
            File::create(&file)?;
        }
    }
    Ok(())
}

fn from_archive(toolchain: &Toolchain) -> anyhow::Result<String> {
    let Some(archive) = std::env::var_os(ARCHIVE_VARIABLE).map(PathBuf::from) else {
        bail!("{ARCHIVE_VARIABLE} is not set");
    };
    let mut sum_file = archive.clone().into_os_string();
    sum_file.push(".sha256");
    let wanted = std::fs::read_to_string(&sum_file)
        .with_context(|| format!("reading the checksum {}", Path::new(&sum_file).display()))?;
    check_sha256(&archive, wanted.split_whitespace().next().unwrap_or_default())?;
    let scratch = Scratch::new("archive")?;
    let mut tar = Command::new("tar");
    tar.arg("-C").arg(scratch.path()).args(["--no-same-owner", "-xf"]).arg(&archive);
    let output = capture(&mut tar, Duration::from_secs(300))?;
    ensure!(output.is_success, "unpacking {}: {}", archive.display(), output.error_line());
    let lib = ["lib", &format!("{TARGET}/lib"), &format!("lib/rustlib/{TARGET}/lib")]
        .map(|inside| scratch.path().join(inside))
        .into_iter()
        .find(|lib| has_std(lib));
    let lib = lib.ok_or_else(|| anyhow!("{} contains no lib/libstd-*.rlib", archive.display()))?;
    install(toolchain, &lib)?;
    Ok(format!("unpacked from {}", archive.display()))
}

fn from_debian(toolchain: &Toolchain) -> anyhow::Result<String> {
    let scratch = Scratch::new("rust-src")?;
    let (package, origin) = debian::rust_src(&toolchain.release, scratch.path())?;
    eprintln!("    building the standard library from {origin} (about half a minute)");
    let lib = standard_library::build(toolchain, &package, scratch.path())?;
    install(toolchain, &lib)?;
    Ok(format!("built from {origin}"))
}

fn has_std(lib: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(lib) else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.starts_with("libstd-") && name.ends_with(".rlib")
    })
}

/// Installs the libraries in `lib` into the toolchain, in one step.
fn install(toolchain: &Toolchain, lib: &Path) -> anyhow::Result<()> {
    let stage = toolchain.rustlib().join(format!(".tandem-{TARGET}.new"));
    let place = toolchain.target_folder();
    let copy = || -> anyhow::Result<()> {
        remove(&stage)?;
        std::fs::create_dir_all(stage.join("lib"))?;
        for entry in std::fs::read_dir(lib)? {
            let from = entry?.path();
            if let (Some("rlib"), Some(name)) = (from.extension().and_then(|e| e.to_str()), from.file_name())
            {
                std::fs::copy(&from, stage.join("lib").join(name))?;
            }
        }
        remove(&place)?;
        std::fs::rename(&stage, &place)?;
        Ok(())
    };
    copy().with_context(|| format!("installing into {}", place.display()))?;
    if let Err(error) = probe(toolchain) {
        remove(&place)?;
        return Err(error.context("installed, but a small library still does not compile"));
    }
    Ok(())
}

fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// An unusable target folder that is moved aside: two versions of a library in one folder break the build. If no way
/// works, the folder is moved back.
#[derive(Debug)]
struct Aside {
    place: PathBuf,
    aside: Option<PathBuf>,
}

impl Aside {
    fn take(toolchain: &Toolchain) -> anyhow::Result<Self> {
        let place = toolchain.target_folder();
        if !place.exists() {
            return Ok(Self { place, aside: None });
        }
        let aside = toolchain.rustlib().join(format!(".tandem-{TARGET}.old"));
        remove(&aside)?;
        std::fs::rename(&place, &aside).with_context(|| format!("moving {} aside", place.display()))?;
        Ok(Self { place, aside: Some(aside) })
    }

    fn discard(mut self) {
        if let Some(aside) = self.aside.take()
            && let Err(error) = remove(&aside)
        {
            eprintln!("    {} could not be removed: {error}", aside.display());
        }
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if let Some(aside) = &self.aside
            && !self.place.exists()
            && let Err(error) = std::fs::rename(aside, &self.place)
        {
            eprintln!("    {} could not be put back: {error}", aside.display());
        }
    }
}
