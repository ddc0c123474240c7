//! What a shop's developer copies out of the documents does what they say. Each fenced block of HTML or JavaScript has
//! a row in [`BLOCKS`], and each use has a test that runs all of its rows.

mod forms;
mod scripts;

use std::path::Path;

use anyhow::{Context as _, bail};
use tandem_tests::{PIXEL_ID, World, binaries};

/// What a block is run as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// A page with a form. `drops`: a value that Tandem cannot use is left out of the lead.
    Form { drops: bool },
    /// A script of a page that has `tandem`. [`scripts::run`] knows what each does.
    Script(&'static str),
}

/// A document, a heading, the number of the block under it, and its use.
const BLOCKS: &[(&str, &str, usize, Use)] = &[
    (SHOP, "A form, without code", 0, Use::Form { drops: true }),
    (SHOP, "A form, in a page with its own script", 0, Use::Form { drops: true }),
    (SHOP, "A form, in a page with its own script", 1, Use::Form { drops: false }),
    (SHOP, "A purchase", 0, Use::Script("checkout")),
    (SHOP, "A purchase", 1, Use::Script("purchase")),
    (SHOP, "Single-page shops", 0, Use::Script("routes")),
    (SHOP, "Forms", 0, Use::Script("after")),
    (SHOP, "When something is wrong", 0, Use::Script("mistake")),
];

const SHOP: &str = "docs/shop.md";
/// The documents whose blocks are run.
const DOCUMENTS: [&str; 3] = [SHOP, "docs/recipes/README.md", "web-client/js/README.md"];

/// A fenced block: the heading above it, its number under that heading, and its text.
#[derive(Debug)]
struct Block {
    heading: String,
    number: usize,
    text: String,
}

/// The blocks of HTML, JavaScript and PHP in a document.
fn blocks(path: &str) -> anyhow::Result<Vec<Block>> {
    let file = binaries::workspace_root().join(path);
    let text = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let (mut heading, mut found, mut open) = (String::new(), Vec::<Block>::new(), None::<Option<String>>);
    for line in text.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => {
                open = Some(["html", "js", "ts", "tsx", "php"].contains(&language).then(String::new));
            }
            (Some(block), Some(_)) => {
                if let Some(text) = block.take() {
                    let number = found.iter().filter(|block| block.heading == heading).count();
                    found.push(Block { heading: heading.clone(), number, text });
                }
                open = None;
            }
            (Some(Some(text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (Some(None), None) => {}
            (None, None) => {
                if line.starts_with('#') {
                    heading = line.trim_start_matches('#').trim().to_owned();
                }
            }
        }
    }
    Ok(found)
}

/// A block's text.
fn block(document: &str, heading: &str, number: usize) -> anyhow::Result<String> {
    let found =
        blocks(document)?.into_iter().find(|block| block.heading == heading && block.number == number);
    let found = found.with_context(|| format!("{document} has no block {number} under \"{heading}\""))?;
    Ok(found.text)
}

/// The page that a block or a recipe is put into, with this world's addresses in place of a shop's.
pub(crate) fn page(world: &World, body: &str) -> String {
    let body = addressed(world, body);
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Shop</title></head><body>{body}</body></html>"
    )
}

/// A shop's addresses replaced by this world's. The package comes from the shop's pages, which replace Meta's library in it.
pub(crate) fn addressed(world: &World, text: &str) -> String {
    let text = text.replace("https://track.shop.example/web/", "/tandem/");
    text.replace("https://track.shop.example", &world.grpc).replace("123456789012345", PIXEL_ID)
}

#[test]
fn every_block_of_the_documents_is_run() -> anyhow::Result<()> {
    for document in DOCUMENTS {
        for Block { heading, number, .. } in blocks(document)? {
            let has_use =
                BLOCKS.iter().any(|row| (row.0, row.1, row.2) == (document, heading.as_str(), number));
            if !has_use {
                bail!(
                    "{document}: block {number} under \"{heading}\" has no row in BLOCKS, so nothing runs it"
                );
            }
        }
    }
    for (document, heading, number, _) in BLOCKS {
        block(document, heading, *number)?;
        assert!(Path::new(document).extension().is_some());
    }
    Ok(())
}
