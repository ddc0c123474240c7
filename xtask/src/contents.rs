//! How many bytes of a WebAssembly module are functions (by name), data, and the rest.

use std::collections::HashMap;

use anyhow::Context as _;
use wasmparser::{KnownCustom, Name, Parser, Payload, TypeRef};

/// Number of functions with a row of their own: the largest.
const LISTED: usize = 12;

/// Rows of a table: a part of the module, and its bytes. `wasm` must have a name section.
pub(crate) fn rows(wasm: &[u8]) -> anyhow::Result<Vec<(String, usize)>> {
    let mut names = HashMap::new();
    let (mut imports, mut bodies, mut data_bytes) = (0, Vec::new(), 0);
    let mut stripped_bytes = wasm.len();
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.context("reading the WebAssembly module")? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    imports += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(body.range().len()),
            Payload::DataSection(section) => data_bytes += section.range().len(),
            Payload::CustomSection(section) => {
                stripped_bytes -= section.range().len();
                if let KnownCustom::Name(section) = section.as_known() {
                    for part in section {
                        if let Name::Function(functions) = part? {
                            for function in functions {
                                let function = function?;
                                names.insert(function.index, function.name.to_owned());
                            }
                        }
                    }
                }
            }
            _ => {}
        }
    }
    let mut functions: Vec<(String, usize)> = (imports..)
        .zip(&bodies)
        .map(|(index, bytes)| {
            (names.get(&index).map_or_else(|| format!("function {index}"), |name| plain(name)), *bytes)
        })
        .collect();
    functions.sort_by(|(_, a), (_, b)| b.cmp(a));
    let code_bytes: usize = bodies.iter().sum();
    let others = functions.split_off(LISTED.min(functions.len()));
    let mut rows = functions;
    rows.push((format!("{} smaller functions", others.len()), others.iter().map(|(_, bytes)| bytes).sum()));
    rows.push(("texts and tables".to_owned(), data_bytes));
    rows.push(("types, imports, exports".to_owned(), stripped_bytes.saturating_sub(code_bytes + data_bytes)));
    Ok(rows)
}

/// A function's name without its hash.
fn plain(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module with one function, named `f`, and a byte of data.
    const MODULE: &[u8] = b"\0asm\x01\0\0\0\
        \x01\x04\x01\x60\0\0\
        \x03\x02\x01\0\
        \x05\x03\x01\0\x01\
        \x0a\x04\x01\x02\0\x0b\
        \x0b\x07\x01\0\x41\0\x0b\x01x\
        \0\x0b\x04name\x01\x04\x01\0\x01f";

    #[test]
    fn functions_and_data_are_counted_by_name() {
        let rows = rows(MODULE).unwrap();
        assert_eq!(rows[0], ("f".to_owned(), 2));
        assert_eq!(rows[1], ("0 smaller functions".to_owned(), 0));
        assert_eq!(rows[2].1, 7);
        assert!(super::rows(b"no module").is_err());
    }
}
