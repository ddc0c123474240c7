//! How Tandem delays a page while it loads.

use serde_json::json;
use tandem_tests::browser::{Session, Shop};

use crate::world_with_shop;

/// Number of loads. Other tests on a busy machine delay some of them. A long task of the package itself would be in
/// every one.
const LOADS: usize = 5;

/// Tasks over 50 ms that the browser saw since the page's start (W3C Long Tasks).
const LONG_TASKS: &str = "
    return await new Promise((resolve) => {
        new PerformanceObserver((list, observer) => {
            observer.disconnect();
            resolve(list.getEntries().map(({ duration, startTime }) => [startTime, duration]));
        }).observe({ type: 'longtask', buffered: true });
        // The browser reports nothing if there was no long task.
        setTimeout(resolve, 200, []);
    });";

#[tokio::test]
async fn no_task_is_long_while_the_package_loads() -> anyhow::Result<()> {
    let (world, session) = (world_with_shop().await?, Session::start().await?);
    let shop = Shop::new(&session, &world.sandbox.url);
    let mut seen = Vec::new();
    for _ in 0..LOADS {
        shop.open("/examples/web-plain/").await?;
        shop.tracked().await?;
        seen.push(session.run(LONG_TASKS, vec![]).await?);
    }
    let without = seen.iter().filter(|tasks| **tasks == json!([])).count();
    assert!(without > 0, "every load had long tasks, [start, duration] in ms: {seen:?}");

    // Checks that the browser does report long tasks.
    let block = "await new Promise((next) => { setTimeout(next, 50); });
        const until = performance.now() + 120; while (performance.now() < until);
        await new Promise((next) => { setTimeout(next, 50); });";
    let told = session.run(&format!("{block}{LONG_TASKS}"), vec![]).await?;
    let longest =
        told.as_array().into_iter().flatten().filter_map(|task| task[1].as_f64()).fold(0.0, f64::max);
    assert!(longest > 100.0, "the browser did not report a task of 120 ms: {told}");
    Ok(())
}
