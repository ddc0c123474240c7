use super::*;

static BUILT: Package = Package {
    folder: "0123456789abcdef",
    files: &[
        File {
            name: "index.js",
            etag: "aa",
            integrity: "sha384-index",
            plain: b"export const first = 1;",
            gzipped: b"gz",
        },
        File {
            name: "tandem_web_bg.wasm",
            etag: "bb",
            integrity: "sha384-wasm",
            plain: b"\0asm",
            gzipped: b"longer than the file",
        },
    ],
};
static NOT_BUILT_YET: Package = Package { folder: "", files: &[] };

fn get(path: &str, headers: &[(&'static str, &str)]) -> Response<Bytes> {
    ask(&BUILT, &Method::GET, path, headers)
}

fn ask(package: &Package, method: &Method, path: &str, headers: &[(&'static str, &str)]) -> Response<Bytes> {
    let header =
        |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), value.parse().unwrap());
    package.answer(method, path, &headers.iter().map(header).collect(), Some("track.shop.in")).0
}

fn field<'r>(answer: &'r Response<Bytes>, name: &str) -> &'r str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[test]
fn a_file_in_its_folder_is_kept_for_a_year_and_one_without_is_asked_for_again() {
    let versioned = get("0123456789abcdef/index.js", &[]);
    assert_eq!(field(&versioned, "cache-control"), "public, max-age=31536000, immutable");
    let latest = get("index.js", &[]);
    assert_eq!(field(&latest, "cache-control"), "no-cache");
    for answer in [&versioned, &latest] {
        assert_eq!(answer.status(), 200);
        assert_eq!(&answer.body()[..], b"export const first = 1;");
        assert_eq!(field(answer, "content-type"), "text/javascript; charset=utf-8");
        assert_eq!(field(answer, "x-content-type-options"), "nosniff");
        assert_eq!(field(answer, "access-control-allow-origin"), "*");
        assert_eq!(field(answer, "content-length"), "23");
        assert_eq!(field(answer, "vary"), "accept-encoding");
        assert_eq!(field(answer, "etag"), "\"aa\"");
    }
    assert_eq!(field(&get("tandem_web_bg.wasm", &[]), "content-type"), "application/wasm");
}

#[test]
fn the_compressed_copy_is_sent_where_it_is_accepted_and_smaller() {
    let gzip = [("accept-encoding", "gzip, br")];
    let script = get("index.js", &gzip);
    assert_eq!((field(&script, "content-encoding"), &script.body()[..]), ("gzip", b"gz".as_slice()));
    assert_eq!(field(&script, "etag"), "\"aa-gzip\"", "another representation");
    let wasm = get("tandem_web_bg.wasm", &gzip);
    assert_eq!((field(&wasm, "content-encoding"), &wasm.body()[..]), ("", b"\0asm".as_slice()));
}

#[test]
fn a_known_file_is_not_sent_again_and_head_sends_none() {
    let known = get("index.js", &[("if-none-match", "\"aa\"")]);
    assert_eq!((known.status().as_u16(), known.body().len()), (304, 0));
    assert_eq!(field(&known, "cache-control"), "no-cache");
    assert_eq!(get("index.js", &[("if-none-match", "\"bb\"")]).status(), 200);
    let other_encoding = [("if-none-match", "\"aa\""), ("accept-encoding", "gzip")];
    assert_eq!(get("index.js", &other_encoding).status(), 200);
    let head = ask(&BUILT, &Method::HEAD, "index.js", &[]);
    assert_eq!((field(&head, "content-length"), head.body().len()), ("23", 0));
}

#[test]
fn what_is_not_a_file_of_this_package_is_not_found_and_not_kept() {
    for path in [
        "none.js",
        "0123456789abcdef/",
        "0123456789abcdef/none.js",
        "fedcba9876543210/index.js",
        "0123456789abcdef/../index.js",
        "../index.js",
        "0123456789abcdef//index.js",
        "%69ndex.js",
    ] {
        let answer = get(path, &[]);
        assert_eq!((answer.status().as_u16(), field(&answer, "cache-control")), (404, "no-store"), "{path}");
    }
    let posted = ask(&BUILT, &Method::POST, "index.js", &[]);
    assert_eq!((posted.status().as_u16(), field(&posted, "allow")), (405, "GET, HEAD"));
    let nothing = ask(&NOT_BUILT_YET, &Method::GET, "index.js", &[]);
    assert_eq!(nothing.status(), 404);
    assert!(nothing.body().starts_with(b"This Tandem server was built without the browser package."));
}

#[test]
fn a_tag_of_another_package_is_told_from_nonsense() {
    for (path, is_old) in [
        ("fedcba9876543210/index.js", true),
        ("0123456789abcdef/none.js", false),
        ("a/b.js", false),
        ("index.js", false),
        ("", false),
    ] {
        assert_eq!(BUILT.is_of_another(path), is_old, "{path}");
    }
}

#[test]
fn only_paths_below_web_are_the_packages() {
    assert_eq!(inside("/web"), Some(""));
    assert_eq!(inside("/web/"), Some(""));
    assert_eq!(inside("/web/a/b.js"), Some("a/b.js"));
    for other in ["/website", "/", "/tandem.v1.TrackingService/CaptureLead", "web/"] {
        assert_eq!(inside(other), None, "{other}");
    }
}

#[test]
fn the_page_of_tags_names_the_package_with_its_digests() {
    let page = get("", &[]);
    let text = std::str::from_utf8(page.body()).unwrap();
    assert!(text.contains("src=\"https://track.shop.in/web/auto.js\""), "{text}");
    assert!(
        text.contains("\"https://track.shop.in/web/0123456789abcdef/index.js\": \"sha384-index\""),
        "{text}"
    );
    assert_eq!(field(&page, "cache-control"), "no-store");
}
