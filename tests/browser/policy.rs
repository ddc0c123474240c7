//! The Content Security Policy that the documents give: there is one, pages work under it, and `tandem lint` accepts it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use axum::Router;
use axum::response::Html;
use axum::routing::get;
use serde_json::json;
use tandem_tests::browser::{Session, Shop};
use tandem_tests::http::client;
use tandem_tests::process::Process;
use tandem_tests::{PIXEL_ID, Person, binaries, documents};

use crate::{wait_until_deduplicated, world_with_shop};

/// Records what the policy refuses. It is a file of the shop's own, and so allowed.
const WATCHER: &str = "window.refused = [];
addEventListener('securitypolicyviolation', ({ blockedURI, effectiveDirective }) => refused.push(`${effectiveDirective} ${blockedURI}`));";

/// A page with the tag of the documents. `head` comes first.
fn page(head: &str, tag: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n{head}\n<title>Shop</title>\n{tag}\n</head>\n<body></body>\n</html>\n"
    )
}

#[tokio::test]
async fn lead_and_pixel_work_under_the_documents_policy() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let meta = world.sandbox.url.trim_end_matches('/');
    let policy = documents::policy_at(&world.grpc, meta)?;
    let tag = documents::serving_block("html")?
        .replace(documents::TANDEM, &world.grpc)
        .replace("data-currency", &format!("data-pixel-script=\"{meta}/fbevents.js\" data-currency"));
    assert!(tag.contains(PIXEL_ID) && tag.contains(&world.grpc), "{tag}");
    let shown = page("<script src=\"/watcher.js\"></script>", &tag);
    let policy_header = [("content-security-policy", policy)];
    let router = Router::new()
        .route("/", get(async || (policy_header, Html(shown))))
        .route("/watcher.js", get(async || ([("content-type", "text/javascript")], WATCHER)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let server = tokio::spawn(async move { axum::serve(listener, router).await });

    session.page.goto(&url).await?;
    let script = "
        for (let looks = 0; looks < 400 && !window.tandem?.captureLead; looks++) await new Promise((go) => { setTimeout(go, 25); });
        const lead = await window.tandem.captureLead(given[0]);
        const compiled = performance.getEntriesByType('resource').some(({ name }) => name.endsWith('.wasm'));
        let inline = 'ran';
        const script = document.createElement('script');
        script.textContent = 'window.ran = 1';
        document.head.append(script);
        await new Promise((go) => { setTimeout(go, 100); });
        return { lead, compiled, ran: window.ran ?? 0, refused };";
    let who = json!({ "email": person.email, "phone": person.phone });
    let seen = session.run(script, vec![who]).await?;
    server.abort();
    assert_eq!(seen["lead"]["pixel"], "fired", "{seen}");
    assert_eq!(
        (&seen["compiled"], &seen["ran"]),
        (&json!(true), &json!(0)),
        "the policy is in force: {seen}"
    );
    // The inline script above, and nothing of Tandem's or the pixel's.
    assert_eq!(seen["refused"], json!(["script-src-elem inline"]), "{seen}");
    wait_until_deduplicated(&world, "Lead", seen["lead"]["eventId"].as_str().unwrap_or_default()).await
}

#[tokio::test]
async fn the_demo_shop_sends_the_documents_policy_and_takes_a_lead_under_it() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    let answer = client().get(format!("{}/shop/", world.sandbox.url)).send().await?;
    let policy = answer.headers().get("content-security-policy").context("a policy")?.to_str()?.to_owned();
    for directive in documents::policy()?.split("; ") {
        let sources = directive.replace(documents::TANDEM, &world.grpc);
        for source in sources.split(' ') {
            assert!(policy.contains(source), "{source} is not in {policy}");
        }
    }
    let shop = Shop::new(&session, &world.sandbox.url);
    shop.open("/shop/").await?;
    shop.submit_lead(&person).await?;
    let lead = shop.lead_done().await?;
    assert_eq!((lead.pixel.as_str(), lead.queued), ("fired", false), "{lead:?}");
    wait_until_deduplicated(&world, "Lead", &lead.event_id).await
}

#[tokio::test]
async fn tandem_lint_finds_nothing_in_a_page_with_the_documents_policy_and_something_without_a_source_of_it()
-> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let policy = documents::policy()?;
    let mut found = Vec::new();
    for missing in
        ["", "'wasm-unsafe-eval'", documents::LIBRARY, "https://*.facebook.com", "connect-src 'self'"]
    {
        let policy = if missing.is_empty() { policy.clone() } else { policy.replacen(missing, "", 1) };
        let policy = format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">");
        let file = folder.path().join("page.html");
        std::fs::write(&file, page(&policy, &documents::serving_block("html")?))?;
        let arguments = ["lint", "."];
        let ended =
            Process::run(&binaries::program("tandem")?, folder.path(), &BTreeMap::new(), &arguments).await?;
        found.push((missing, ended.code, ended.out));
    }
    let (_, code, out) = &found[0];
    assert_eq!(*code, Some(0), "{out}");
    for (missing, code, out) in &found[1..] {
        assert!(*code == Some(1) && out.contains("csp_"), "without {missing}: {out}");
    }
    Ok(())
}

/// Every line of the documents and examples that gives a policy for Meta's library gives the same.
#[test]
fn all_documents_give_the_same_policy() -> anyhow::Result<()> {
    let (root, policy) = (binaries::workspace_root(), documents::policy()?);
    let mut given = 0;
    for folder in ["docs", "examples", "web-client/js", "sandbox", "README.md", "web-client/README.md"] {
        for file in texts(&root.join(folder))? {
            let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            for line in
                text.lines().filter(|line| line.contains("script-src ") || line.contains("connect-src "))
            {
                let is_ours = line.contains("facebook") || line.contains("track.shop.example");
                let place = format!("{}: {line}", file.display());
                assert!(
                    !is_ours || line.contains(&policy),
                    "another policy than that of docs/serving.md: {place}"
                );
                given += usize::from(is_ours);
            }
        }
    }
    assert!(given >= 2, "shop.md and serving.md give it");
    Ok(())
}

/// The Markdown and HTML files at a path.
fn texts(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        let is_text = path.extension().is_some_and(|kind| kind == "md" || kind == "html");
        if path.is_dir() && !path.ends_with("node_modules") {
            found.extend(texts(&path)?);
        } else if is_text {
            found.push(path);
        }
    }
    Ok(found)
}
