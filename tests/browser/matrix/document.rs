//! `docs/browser-matrix.md`: the table for readers, written from the same rows.

use anyhow::ensure;
use tandem_tests::binaries;

use super::table::{PAGES, ROWS};

/// Everything around the table.
const BEFORE: &str = "# What becomes of a lead when something fails

Tried in Chromium and in Firefox ESR on three pages (PAGES) by `cargo test -p tandem-tests --test browser matrix`, which
prints the table with what it saw. In every case the form does its work, nothing is thrown into the page, and no second
copy arrives on either side.

| fault | `pixel` in the result | `queued` | copies that arrive | why |
|---|---|---|---|---|
";

const AFTER: &str = "
\"One ID\" is the ID that the call returned: the pixel and the server report it, and Meta counts one event. The faults are made as
they happen: requests are refused in the browser, as an ad blocker does; the browser is taken offline; the server is killed; the private
window and the switched-off storage are the browser's own settings.

## A strict Content Security Policy

Nothing but what a shop with Tandem needs; `https://track.shop.example` is the Tandem server:

```
default-src 'none'; style-src 'self'; font-src 'self'; form-action 'self';
script-src 'self' 'wasm-unsafe-eval' https://connect.facebook.net;
img-src 'self' https://www.facebook.com;
connect-src 'self' https://track.shop.example
```

Inline scripts need their hash or a nonce besides. Meta's library reports an event that is too long for an image's address by a form in a
frame: `frame-src https://www.facebook.com` and the same in `form-action` let it. Where `'wasm-unsafe-eval'` is missing, Tandem works without
WebAssembly.
";

/// Set to write the file instead of comparing it.
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
