//! An SBOM per program: CycloneDX 1.6 as JSON, from `Cargo.lock` and what cargo resolves. It has no date and no random
//! number, so that the same sources give the same file.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::command::cargo;
use crate::files::{root, target};
use crate::wasm_target;

/// Where the SBOMs go, in the build folder.
const FOLDER: &str = "supply-chain";

/// A package that is shipped.
pub(super) struct Shipped {
    pub(super) package: &'static str,
    /// Its program. `None`: WebAssembly for the page.
    pub(super) program: Option<&'static str>,
}

pub(super) fn write(shipped: &[Shipped]) -> anyhow::Result<()> {
    let folder = target().join(FOLDER);
    std::fs::create_dir_all(&folder)?;
    let digests = digests(&std::fs::read_to_string(root().join("Cargo.lock"))?);
    for Shipped { package, program } in shipped {
        let sbom = of(package, &metadata(program.is_none())?, &digests)?;
        let path = folder.join(format!("{package}.cdx.json"));
        std::fs::write(&path, serde_json::to_string_pretty(&sbom)? + "\n")?;
        let crates = sbom["components"].as_array().map_or(0, Vec::len);
        eprintln!("    {}: {crates} crates", path.display());
    }
    Ok(())
}

/// What cargo resolves for every platform, or for the browser.
fn metadata(is_for_browser: bool) -> anyhow::Result<Value> {
    let mut ask = cargo("metadata");
    ask.args(["--format-version", "1"]);
    if is_for_browser {
        ask.args(["--filter-platform", wasm_target::TARGET]);
    }
    let output = ask.stderr(Stdio::inherit()).output().context("starting cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata ended with {}", output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The digest of each crate's archive, by name and version.
fn digests(lock: &str) -> BTreeMap<(String, String), String> {
    let value = |block: &str, name: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \""))?;
        Some(line.trim_end_matches('"').to_owned())
    };
    let blocks = lock.split("[[package]]").skip(1);
    blocks
        .filter_map(|block| {
            Some(((value(block, "name")?, value(block, "version")?), value(block, "checksum")?))
        })
        .collect()
}

fn text<'a>(value: &'a Value, name: &str) -> anyhow::Result<&'a str> {
    value[name].as_str().with_context(|| format!("cargo metadata has no {name}"))
}

fn list<'a>(value: &'a Value, name: &str) -> anyhow::Result<&'a Vec<Value>> {
    value[name].as_array().with_context(|| format!("cargo metadata has no {name}"))
}

/// The package and everything it is built from. What only tests need stays out.
fn of(
    package: &str,
    metadata: &Value,
    digests: &BTreeMap<(String, String), String>,
) -> anyhow::Result<Value> {
    let mut packages = BTreeMap::new();
    for package in list(metadata, "packages")? {
        packages.insert(text(package, "id")?, package);
    }
    let mut needs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for node in list(&metadata["resolve"], "nodes")? {
        let mut built_from = BTreeSet::new();
        for dependency in list(node, "deps")? {
            if list(dependency, "dep_kinds")?.iter().any(|kind| kind["kind"] != "dev") {
                built_from.insert(text(dependency, "pkg")?);
            }
        }
        needs.insert(text(node, "id")?, built_from);
    }
    let (own, _) = packages
        .iter()
        .find(|(_, found)| found["name"] == package)
        .with_context(|| format!("the workspace has no package {package}"))?;
    let (mut found, mut open) = (BTreeSet::from([*own]), vec![*own]);
    while let Some(id) = open.pop() {
        open.extend(needs.get(id).into_iter().flatten().filter(|need| found.insert(need)));
    }
    let purl = |id: &str| -> anyhow::Result<String> {
        let package = packages.get(id).with_context(|| format!("cargo metadata lacks {id}"))?;
        Ok(format!("pkg:cargo/{}@{}", text(package, "name")?, text(package, "version")?))
    };
    let (mut components, mut dependencies) = (Vec::new(), Vec::new());
    for id in &found {
        let mut from = Vec::new();
        for need in needs.get(id).into_iter().flatten() {
            from.push(purl(need)?);
        }
        dependencies.push(json!({ "ref": purl(id)?, "dependsOn": from }));
        if id != own {
            components.push(component(packages[id], &purl(id)?, "library", digests)?);
        }
    }
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": component(packages[own], &purl(own)?, "application", digests)? },
        "components": components,
        "dependencies": dependencies,
    }))
}

fn component(
    package: &Value,
    purl: &str,
    kind: &str,
    digests: &BTreeMap<(String, String), String>,
) -> anyhow::Result<Value> {
    let (name, version) = (text(package, "name")?, text(package, "version")?);
    let mut component =
        json!({ "type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl });
    if let Some(licence) = package["license"].as_str() {
        // Older crates write a slash where SPDX has OR.
        component["licenses"] = json!([{ "expression": licence.replace('/', " OR ") }]);
    }
    let digest = digests.get(&(name.to_owned(), version.to_owned()));
    ensure!(digest.is_some() || package["source"].is_null(), "Cargo.lock has no digest of {name} {version}");
    if let Some(digest) = digest {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": digest }]);
    }
    Ok(component)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry\"\n\
        checksum = \"aa\"\n\n[[package]]\nname = \"own\"\nversion = \"0.1.0\"\n";

    fn world(source: Option<&str>) -> Value {
        let package = |name: &str, version: &str, source: Option<&str>| {
            json!({
                "id": name, "name": name, "version": version, "license": "MIT/Apache-2.0", "source": source,
            })
        };
        let need = |name: &str, kind: Value| json!({ "pkg": name, "dep_kinds": [{ "kind": kind }] });
        json!({
            "packages": [
                package("own", "0.1.0", None), package("a", "1.0.0", source), package("test", "1.0.0", source),
            ],
            "resolve": { "nodes": [
                { "id": "own", "deps": [need("a", Value::Null), need("test", json!("dev"))] },
                { "id": "a", "deps": [] },
                { "id": "test", "deps": [] },
            ] },
        })
    }

    #[test]
    fn an_sbom_names_what_is_linked_with_its_digest_and_nothing_else() {
        let sbom = of("own", &world(Some("registry")), &digests(LOCK)).unwrap();
        assert_eq!(sbom["components"].as_array().unwrap().len(), 1);
        let component = &sbom["components"][0];
        assert_eq!(component["purl"], "pkg:cargo/a@1.0.0");
        assert_eq!(component["hashes"][0]["content"], "aa");
        assert_eq!(component["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(sbom["metadata"]["component"]["name"], "own");
        let own =
            sbom["dependencies"].as_array().unwrap().iter().find(|node| node["ref"] == "pkg:cargo/own@0.1.0");
        assert_eq!(own.unwrap()["dependsOn"], json!(["pkg:cargo/a@1.0.0"]));
    }

    #[test]
    fn a_fetched_crate_without_a_digest_is_an_error() {
        assert!(of("own", &world(Some("registry")), &BTreeMap::new()).is_err());
        assert!(of("other", &world(None), &digests(LOCK)).is_err());
    }
}
