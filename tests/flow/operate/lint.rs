//! `tandem lint` on files and on served pages.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use tandem_tests::process::{Ended, Process};
use tandem_tests::{World, binaries};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

async fn lint(folder: &Path, arguments: &[&str]) -> anyhow::Result<Ended> {
    let arguments: Vec<&str> = std::iter::once("lint").chain(arguments.iter().copied()).collect();
    Process::run(&binaries::program("tandem")?, folder, &BTreeMap::new(), &arguments).await
}

/// The findings of `--json`, each with code, line and column.
fn findings(out: &str) -> anyhow::Result<Vec<(String, u64, u64)>> {
    out.lines()
        .map(|line| {
            let finding: serde_json::Value = serde_json::from_str(line)?;
            let number = |field: &str| finding[field].as_u64().context(field.to_owned());
            let code = finding["code"].as_str().context("code")?;
            Ok((code.to_owned(), number("line")?, number("column")?))
        })
        .collect()
}

#[tokio::test]
async fn findings_are_printed_like_a_compilers_and_end_with_exit_code_1() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let page = folder.path().join("thanks.html");
    std::fs::write(
        &page,
        "<p>धन्यवाद</p>\n<script>\n  window.fbq && fbq('track', 'Purchase', {}, { eventID: orderId });\n</script>\n",
    )?;
    let path = page.to_string_lossy().into_owned();

    let found = lint(folder.path(), &[&path]).await?;
    assert_eq!(found.code, Some(1), "{}", found.log);
    assert!(found.out.starts_with(&format!("{path}:3:17: error[purchase_without_value]: ")), "{}", found.out);
    let caret = found.out.lines().nth(3).unwrap();
    let line = found.out.lines().nth(2).unwrap();
    assert_eq!(caret.find('^'), line.find("fbq('track'"), "{}", found.out);
    assert!(found.out.contains("= why: ") && found.out.contains("= help: "), "{}", found.out);
    assert!(found.out.ends_with("2 errors and 0 warnings in 1 of 1 file\n"), "{}", found.out);
    assert!(!found.out.contains('\u{1b}'), "no colours in a pipe: {}", found.out);

    let json = lint(folder.path(), &[&path, "--json"]).await?;
    assert_eq!(json.code, Some(1), "{}", json.log);
    let codes = findings(&json.out)?;
    let expected = [("purchase_without_value".to_owned(), 3, 17), ("purchase_id".to_owned(), 3, 57)];
    assert_eq!(codes, expected);

    let allowed = lint(folder.path(), &[&path, "--allow", "purchase_id,purchase_without_value"]).await?;
    assert_eq!((allowed.code, allowed.out.as_str()), (Some(0), "no findings in 1 file\n"));
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_read_ends_with_exit_code_2_and_says_what_to_do() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let empty = folder.path().to_string_lossy().into_owned();
    let nobody = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    for (arguments, said) in [
        (vec![empty.as_str()], "contains no page"),
        (vec!["absent.html"], "cannot read absent.html"),
        (vec![], "PATH|URL"),
        (vec!["a.html", "--allow", "no_such_code"], "there is no such code"),
        (vec![&*format!("http://{nobody}/")], "no page from"),
    ] {
        let ended = lint(folder.path(), &arguments).await?;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}{}", ended.out, ended.log);
        assert!(ended.log.contains(said) && !ended.log.contains("panicked"), "{arguments:?}: {}", ended.log);
        assert!(ended.out.is_empty(), "{}", ended.out);
    }
    Ok(())
}

/// Answers requests until the test ends: a page with a policy in its header, a script, and 404 for everything else.
async fn serve(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream));
    }
}

async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let (status, kind, body) = match path {
        "/shop/" => (
            "200 OK",
            "text/html",
            "<!doctype html>\n<script src=\"/js/shop.js\"></script>\n\
             <script src=\"https://other.example/x.js\"></script>\n<script src=absent.js></script>",
        ),
        "/js/shop.js" => ("200 OK", "text/javascript", "// one\nfbq('trackSingle', '1', 'PageView');"),
        "/one" | "/two" => (
            "200 OK",
            "text/html",
            if path == "/one" {
                "<script>window.fbq = 0; fbq('init', '111')</script>"
            } else {
                "<script>window.fbq = 0; fbq('init', '222')</script>"
            },
        ),
        "/moved" => ("302 Found", "text/plain", ""),
        _ => ("404 Not Found", "text/plain", "no"),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nlocation: /shop/\r\ncontent-security-policy: default-src 'self'; \
         connect-src *; img-src *\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

#[tokio::test]
async fn addresses_of_one_host_are_one_shop() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let server = tokio::spawn(serve(listener));
    let (one, two) = (format!("{origin}/one"), format!("{origin}/two"));
    let found =
        lint(folder.path(), &[&one, &two, "--json", "--allow", "warnings,csp_script_src,csp_img_src"])
            .await?;
    assert_eq!(findings(&found.out)?, [("other_pixel".to_owned(), 1, 37)], "{}{}", found.out, found.log);
    assert!(found.out.contains("/two"), "{}", found.out);
    server.abort();
    Ok(())
}

#[tokio::test]
async fn an_address_is_fetched_with_its_own_scripts_and_its_policy() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    let server = tokio::spawn(serve(listener));

    let found = lint(folder.path(), &[&format!("{origin}/moved"), "--json"]).await?;
    assert_eq!(found.code, Some(1), "{}", found.log);
    let mut codes = findings(&found.out)?;
    codes.sort();
    let expected = [("csp_script_src", 1, 1), ("track_single", 2, 1), ("unguarded_fbq", 2, 1)];
    let expected: Vec<_> = expected.iter().map(|(code, line, at)| ((*code).to_owned(), *line, *at)).collect();
    assert_eq!(codes, expected, "{}", found.out);
    assert!(found.out.contains(&format!("{origin}/js/shop.js")), "{}", found.out);
    assert!(found.out.contains(&format!("{origin}/shop/ (header Content-Security-Policy)")), "{}", found.out);

    let refused = lint(folder.path(), &[&format!("{origin}/none")]).await?;
    assert_eq!(refused.code, Some(2), "{}", refused.out);
    assert!(refused.log.contains("404"), "{}", refused.log);
    server.abort();
    Ok(())
}

#[tokio::test]
async fn the_demo_shop_has_nothing_to_mend() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let shop = format!("{}/shop/", world.sandbox.url);
    let found = lint(&world.log_dir(), &[&shop]).await?;
    assert_eq!(found.code, Some(0), "{}{}", found.out, found.log);
    assert!(!found.out.contains("in 1 file"), "the page's scripts must be checked too: {}", found.out);
    Ok(())
}
