//! Page × fault × browser: leaves a lead on every page under every fault of the table.

mod cell;
mod document;
mod table;

use std::time::Instant;

use anyhow::ensure;
use tandem_tests::browser::{Browser, Profile};

use cell::Stage;
use table::{PAGES, ROWS, Row};

#[tokio::test]
async fn in_chromium_every_fault_ends_as_the_table_says() -> anyhow::Result<()> {
    play_all(Browser::Chromium).await
}

#[tokio::test]
async fn in_firefox_every_fault_ends_as_the_table_says() -> anyhow::Result<()> {
    play_all(Browser::Firefox).await
}

/// Plays all rows, so that one failure does not hide others. Prints each result.
async fn play_all(browser: Browser) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut stage = Stage::new().await?;
    let mut failures = Vec::new();
    let mut printed = Vec::new();
    let mut name = String::new();
    for profile in [Profile::Usual, Profile::NoStorage, Profile::Private] {
        let session = stage.session(browser, profile).await?;
        name = cell::name_of(&session).await?;
        for row in ROWS.iter().filter(|row| row.profile() == profile) {
            let mut cells = Vec::new();
            for (page, path) in PAGES {
                let outcome = stage.play(&session, row, path).await;
                cells.push(if outcome.is_ok() { row.copies.text() } else { "FAILED" });
                if let Err(error) = outcome {
                    failures.push(format!("{}, {page}: {error:#}", row.name));
                }
            }
            printed.push(line(row, &cells));
        }
    }
    let heads = PAGES.map(|(page, _)| format!("{page:12}")).join(" | ");
    eprintln!("{name}, {} s\n{:30} | {heads} | the page is told", began.elapsed().as_secs(), "fault");
    eprintln!("{}", printed.join("\n"));
    ensure!(failures.is_empty(), "{} of the cells failed:\n{}", failures.len(), failures.join("\n"));
    Ok(())
}

fn line(row: &Row, cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:12}")).collect();
    let queued = if row.queued { ", queued" } else { "" };
    format!("{:30} | {} | {}{queued}", row.name, cells.join(" | "), row.told)
}
