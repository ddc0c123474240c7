//! tmp
use tandem_tests::browser::Session;
#[tokio::test]
async fn smoke() -> anyhow::Result<()> {
    let t = std::time::Instant::now();
    let s = Session::start().await?;
    eprintln!("started {:?}", t.elapsed());
    s.page.goto("data:text/html,<h1 id=a>hello</h1>").await?;
    eprintln!("{}", s.describe().await);
    eprintln!(
        "{:?}",
        s.run("await new Promise(r => setTimeout(r, 50)); return 1 + given[0]", vec![serde_json::json!(4)])
            .await
    );
    eprintln!("{:?}", s.run("throw new Error('x')", vec![]).await);
    s.screenshot(std::path::Path::new("/tmp/smoke.png")).await?;
    eprintln!("done {:?}", t.elapsed());
    Ok(())
}
