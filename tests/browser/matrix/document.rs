//! Writes `docs/browser-matrix.md` from the rows of the table.

use anyhow::ensure;
use tandem_tests::binaries;

use super::purchase_table::PURCHASES;
use super::table::{PAGES, ROWS};

/// The text around the tables.
const BEFORE: &str = "# What becomes of a lead or a purchase when something fails

`cargo test -p tandem-tests --test browser matrix` tries these cases in Chromium and in Firefox ESR on three pages (PAGES),
and prints the table with what it saw. In every case the form works, the page sees no exception, and no side sends a
second copy.

## Leads

| fault | `pixel` in the result | `queued` | copies that arrive | why |
|---|---|---|---|---|
";

const BETWEEN: &str = "
## Purchases

The buyer comes back from the payment provider to the shop's thank-you page. The pages, the faults and the browsers are the same.

| payment, buyer, fault | `pixel` in the first result | `queued` | copies that arrive | pixel, as reported to the server | why |
|---|---|---|---|---|---|
";

const AFTER: &str = "
A second tab is a real one, of the same browser. \"One ID\" is the ID that the call returned. The pixel and the server report it, and Meta counts one event. The faults are real:
requests are refused in the browser, as an ad blocker does it; the browser is taken offline; the server is killed; the private
window and the disabled storage are the browser's own settings.

## A strict Content Security Policy

The policy is that of [serving.md](serving.md), with `style-src` for the pages' own styles, and hashes for their inline scripts. Without
`'wasm-unsafe-eval'`, Tandem works without WebAssembly.
";

/// If this variable is set, the test writes the file instead of comparing it.
const WRITE: &str = "TANDEM_WRITE_DOCS";

fn document() -> String {
    let pages = PAGES.map(|(page, _)| page).join(", ");
    let mut text = BEFORE.replace("PAGES", &pages);
    for row in &ROWS {
        let queued = if row.queued { "yes" } else { "no" };
        text.push_str(&format!(
            "| {} | `{}` | {queued} | {} | {} |\n",
            row.name,
            row.told,
            row.copies.text(),
            row.because
        ));
    }
    text.push_str(BETWEEN);
    for row in &PURCHASES {
        let queued = if row.queued { "yes" } else { "no" };
        let reported = if row.reported.is_empty() { "-".to_owned() } else { format!("`{}`", row.reported) };
        text.push_str(&format!(
            "| {} | `{}` | {queued} | {} | {reported} | {} |\n",
            row.name,
            row.told,
            row.copies_text(),
            row.because
        ));
    }
    text + AFTER
}

#[test]
fn the_document_says_what_the_table_says() -> anyhow::Result<()> {
    let file = binaries::workspace_root().join("docs/browser-matrix.md");
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&file, document())?;
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    ensure!(written == document(), "{} is old: run this test once with {WRITE}=1", file.display());
    Ok(())
}
