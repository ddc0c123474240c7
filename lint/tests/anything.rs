//! The linter reads any bytes in time, and never panics.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use tandem_lint::{Code, Finding, Shop, Style, check, render, summary};

/// How long the worst page may take, in a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn checked(name: &str, text: String) -> Vec<Finding> {
    let start = Instant::now();
    let mut shop = Shop::default();
    match name {
        "page.html" => drop(shop.add_page(name, text)),
        _ => drop(shop.add_script(name, text)),
    }
    shop.add_policy(0, "default-src 'self', img-src *;;script-src ':*//*:".to_owned());
    let findings = check(&shop, &[]);
    let shown = render(&shop, &findings, Style::Coloured) + &summary(&shop, &findings);
    assert!(shown.len() < 1 << 20);
    assert!(start.elapsed() < PATIENCE, "{name} took {:?}", start.elapsed());
    findings
}

/// Pieces that pages are made of, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<script>"),
        Just("</script>"),
        Just("<script type=module src='a.js'>"),
        Just("<noscript>"),
        Just("<!--"),
        Just("-->"),
        Just("<a onclick=\"fbq(&quot;"),
        Just("<meta http-equiv=content-security-policy content='"),
        Just("fbq('track','Purchase',{value:'₹'+x,currency:'INR',"),
        Just("fbq('init','1',{em:a})"),
        Just("eventID:"),
        Just("`${"),
        Just("}`"),
        Just("{{ a }}"),
        Just("{%"),
        Just("<?= "),
        Just("{{#if a}}"),
        Just("{{else}}"),
        Just("{{ a | money }}"),
        Just("@json("),
        Just("@else"),
        Just("addEventListener('scroll',()=>"),
        Just("<head>"),
        Just("<body><p>"),
        Just("data-pixel-id=1>"),
        Just("'purchase_'+id"),
        Just("\\n"),
        Just("\\u0026"),
        Just("&amp;amp;"),
        Just("("),
        Just(")"),
        Just("{"),
        Just("}"),
        Just("["),
        Just(";"),
        Just(","),
        Just("if(window.fbq)"),
        Just("try{"),
        Just("}catch(e){"),
        Just("राम"),
        Just("\u{feff}"),
        Just("\0"),
        Just("\r\n"),
        Just("tandem.captureLead("),
        Just("EAAbcdefghijklmnopqrstuvwxyz0123456789"),
        Just("=>"),
        Just("\""),
        Just("'"),
        Just("/"),
        Just("await "),
        Just("tandem-lint: allow("),
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for name in ["page.html", "script.js", "script.tsx"] {
            checked(name, text.clone());
        }
    }

    #[test]
    fn any_pieces_of_pages_are_read(text in pieces()) {
        for name in ["page.html", "script.js", "script.ts"] {
            checked(name, text.clone());
        }
    }
}

/// Deep nesting can overflow a parser's stack. The linter parses nesting below its limit, and refuses deeper nesting.
#[test]
fn no_nesting_exhausts_the_stack() {
    let units = [
        ("(", ")"),
        ("[", "]"),
        ("{", "}"),
        ("!", ""),
        ("typeof ", ""),
        ("a=>", ""),
        ("a?b:", ""),
        ("a+", ""),
        ("a**", ""),
        ("a=", ""),
        ("if(a)", ""),
        ("if(a){}else ", ""),
        ("x:", ""),
        ("new ", ""),
        ("`${", "}`"),
        ("function f(){", "}"),
        ("a(", ")"),
        ("a.b(", ")"),
        ("({a:", "})"),
        ("<a>", "</a>"),
        ("await ", ""),
        ("for(;;)", ""),
        ("a&&", ""),
        ("class A extends ", ""),
        ("async()=>", ""),
        ("var[", "]"),
        ("a?.b?.", "c"),
    ];
    for (open, close) in units {
        for depth in [990, 9_900, 100_000] {
            let script = format!("{}a{}", open.repeat(depth), close.repeat(depth));
            let findings = checked("script.js", script.clone());
            if depth == 100_000 {
                assert!(!findings.is_empty(), "{open}");
            }
        }
    }
    let deep = checked("script.js", "[".repeat(100_000));
    assert_eq!(deep[0].code, Code::ScriptUnreadable);
}

/// Each page has a quarter of a megabyte. The time must not grow with the square of the length.
#[test]
fn large_pages_end_in_time() {
    let units = [
        "fbq('track','Lead');",
        "<script>fbq('track','Lead')</script>",
        "{{ ",
        "{{ {% %} ",
        "{{#if a}}",
        "{% if a %}{% else %}",
        "@json(",
        "addEventListener('scroll',function(){fbq('track','Lead')});",
        "addEventListener('scroll',f);function f(){if(a)f();fbq('track','Lead')}",
        "if(a){fbq('track','PageView')}",
        "&amp;amp;",
        "<a b='&amp;amp;'>",
        "fbq('init','1');",
        "tandem.captureLead({});fbq('track','Lead',{},{eventID:x});",
        "<script src=a.js></script>",
        "if(a){fbq('init','1')}else{fbq('init','2')}",
        "EAA",
        "'\\\\u0026 a';",
        "\n",
        "<",
        "'",
    ];
    for unit in units {
        let text = unit.repeat((1 << 18) / unit.len());
        checked("page.html", format!("<script>{text}"));
        checked("page.html", text.clone());
        checked("script.js", text);
    }
}
