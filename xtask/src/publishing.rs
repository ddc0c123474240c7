//! `cargo xtask package`: whether the browser package could be published to npm as it is. Tools from npm check what a
//! bundler, Node.js and TypeScript would find in it. Nothing is published.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::command::{find, is_installed, run, step};
use crate::files::{Scratch, root};
use crate::{npm, package, skipped};

/// The folder of the checks: their lock file, and a program that uses every export.
const CHECKS: &str = "xtask/package-checks";

/// How TypeScript may look for the package's types: as bundlers do, and as both of Node.js's modes do.
const RESOLUTIONS: [(&str, &str); 3] =
    [("bundler", "es2022"), ("node16", "node16"), ("nodenext", "nodenext")];

/// Builds the release package, measures it and checks it.
pub(crate) fn run_all() -> anyhow::Result<()> {
    package::run(&package::Options { release: true, size: true })?;
    check()
}

/// Checks the release package that was built last. Without npm there is none.
pub(crate) fn check_built() -> anyhow::Result<()> {
    if is_installed("npm") { check() } else { skipped::skip("npm package", "npm is not installed") }
}

fn check() -> anyhow::Result<()> {
    let folder = package::folder();
    let tools = npm::installed(CHECKS)?;
    let manifest: Value = serde_json::from_slice(&std::fs::read(folder.join("package.json"))?)?;
    check_manifest(&manifest)?;
    let scratch = Scratch::new("npm-package")?;
    let tarball = step("npm package: pack", || pack(&folder, scratch.path()))?;
    step("npm package: publish --dry-run", || {
        // The next command that needs the registry is the real one, and so is its proof of where the package was built.
        run(npm_command()?.current_dir(&folder).args(["publish", "--dry-run", "--provenance=false"]))
    })?;
    step("npm package: publint", || {
        run(Command::new(tools.join("publint")).args(["run", "--strict"]).arg(&tarball))
    })?;
    step("npm package: are the types wrong", || {
        let mut attw = Command::new(tools.join("attw"));
        // The rest are no modules: pages to copy, and WebAssembly.
        attw.args(["--profile", "esm-only", "--entrypoints", ".", "forms", "auto", "auto.js"]);
        run(attw.current_dir(scratch.path()).arg("--").arg(&tarball))
    })?;
    step("npm package: types", || types(&tools, &tarball, scratch.path()))
}

fn npm_command() -> anyhow::Result<Command> {
    Ok(Command::new(find(&["npm"]).context("npm is missing: the checks need Node.js and npm")?))
}

/// The manifest repeats what the workspace's says, because npm cannot read that.
fn check_manifest(manifest: &Value) -> anyhow::Result<()> {
    let workspace = std::fs::read_to_string(root().join("Cargo.toml"))?;
    let of_workspace = |key: &str| {
        let line = workspace.lines().find_map(|line| line.strip_prefix(key)?.trim().strip_prefix('='));
        line.map(|value| value.trim().trim_matches('"').to_owned())
            .with_context(|| format!("Cargo.toml has no {key}"))
    };
    let (version, licence) = (of_workspace("version ")?, of_workspace("license ")?);
    let repository = format!("git+{}.git", of_workspace("repository ")?);
    for (what, found, wanted) in [
        ("version", &manifest["version"], version),
        ("license", &manifest["license"], licence),
        ("repository.url", &manifest["repository"]["url"], repository),
    ] {
        ensure!(
            found.as_str() == Some(&*wanted),
            "package.json: {what} is {found}, Cargo.toml says {wanted}"
        );
    }
    Ok(())
}

/// Makes the file that npm would upload, and checks that it has everything that the folder has.
fn pack(folder: &Path, into: &Path) -> anyhow::Result<PathBuf> {
    let mut npm = npm_command()?;
    npm.current_dir(folder).args(["pack", "--json", "--pack-destination"]).arg(into);
    let output = npm.output().context("npm pack")?;
    ensure!(output.status.success(), "npm pack: {}", String::from_utf8_lossy(&output.stderr));
    let packed: Value = serde_json::from_slice(&output.stdout).context("what npm pack says")?;
    let packed = packed.get(0).context("npm pack made no file")?;
    let files: Vec<&str> =
        packed["files"].as_array().into_iter().flatten().filter_map(|file| file["path"].as_str()).collect();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        ensure!(name.starts_with('.') || files.contains(&&*name), "{name} is not in `files` of package.json");
    }
    let name = packed["filename"].as_str().context("npm pack named no file")?;
    Ok(into.join(name))
}

/// Compiles a program that uses the package as a shop would have it from npm.
fn types(tools: &Path, tarball: &Path, scratch: &Path) -> anyhow::Result<()> {
    let installed = scratch.join("node_modules/tandem-web");
    std::fs::create_dir_all(&installed)?;
    run(Command::new("tar").arg("xzf").arg(tarball).args(["--strip-components=1", "-C"]).arg(&installed))?;
    let consumer = std::fs::read_to_string(root().join(CHECKS).join("consumer.ts"))?;
    for declarations in ["index.d.ts", "forms.d.ts"] {
        let declarations = std::fs::read_to_string(installed.join(declarations))?;
        for name in exported(&declarations) {
            ensure!(
                uses(&consumer, name),
                "{CHECKS}/consumer.ts does not use {name}, which the package exports"
            );
        }
    }
    std::fs::write(scratch.join("consumer.ts"), consumer)?;
    std::fs::write(scratch.join("package.json"), r#"{ "type": "module" }"#)?;
    for (resolution, module) in RESOLUTIONS {
        let mut tsc = Command::new(tools.join("tsc"));
        tsc.current_dir(scratch).args(["--strict", "--noEmit", "--target", "es2022", "--lib", "ES2022,DOM"]);
        tsc.args(["--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--types", ""]);
        tsc.args(["--moduleResolution", resolution, "--module", module]).arg("consumer.ts");
        run(&mut tsc).with_context(|| format!("moduleResolution {resolution}"))?;
    }
    Ok(())
}

/// The names that a file of declarations exports.
fn exported(declarations: &str) -> impl Iterator<Item = &str> {
    const KINDS: [&str; 6] =
        ["interface ", "type ", "declare class ", "declare function ", "declare const ", "enum "];
    declarations.lines().filter_map(|line| {
        let rest = line.strip_prefix("export ")?;
        let name = KINDS.iter().find_map(|kind| rest.strip_prefix(kind))?;
        name.split(|c: char| !c.is_alphanumeric()).next()
    })
}

/// Whether a program contains the name as a word outside of the import that brings it.
fn uses(program: &str, name: &str) -> bool {
    let body = program.rsplit_once("} from \"tandem-web\"").map_or(program, |(_, body)| body);
    let imported_as = program
        .split_once(&format!("type {name} as "))
        .map_or(name, |(_, rest)| rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or(name));
    body.split(|c: char| !c.is_alphanumeric()).any(|word| word == imported_as)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_exported_name_is_found_and_an_import_alone_is_no_use() {
        let declarations = "export interface Lead extends Common {}\nexport declare class Tandem {\n  grant(): void;\n\
                            export declare function watchForms(a: Tandem): void;\nimport type { Other } from \"x\";";
        assert_eq!(exported(declarations).collect::<Vec<_>>(), ["Lead", "Tandem", "watchForms"]);
        let program =
            "import { type Event as TandemEvent, type Lead } from \"tandem-web\";\nlet a: TandemEvent;";
        assert!(uses(program, "Event"));
        assert!(!uses(program, "Lead"));
    }
}
