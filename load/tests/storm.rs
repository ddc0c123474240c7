//! A small storm. `cargo xtask storm` runs a large one.

use std::time::Duration;

use tandem_load::storm::{self, Options};

#[tokio::test]
async fn after_a_storm_what_was_paid_has_arrived_once_each() -> anyhow::Result<()> {
    let options = Options {
        orders: 300,
        rate: None,
        seed: 2026,
        outage: Duration::from_secs(2),
        // Retries after 1.2, 6 and 18 s. On a slow machine the outages are further apart.
        compression: 100,
        p99_ms_max: None,
    };
    let report = storm::run(options).await?;
    eprint!("{report}");
    assert!(report.is_clean(), "the payments and the Purchases differ:\n{report}");
    Ok(())
}
