//! What a careful reader says about single lines of pages, in each template engine's words.

use std::collections::BTreeSet;

use tandem_lint::{Shop, check};

/// Meta's base code in the head, as short as it can be.
const BASE: &str = "<script>!function(f){if(f.fbq)return;var n=f.fbq=function(){n.queue.push(arguments)};n.queue=[]}(window);\
    fbq('init','123456789012345');</script>\
    <noscript><img src=\"https://www.facebook.com/tr?id=123456789012345&ev=PageView&noscript=1\"></noscript>";

fn codes_of(pages: &[String]) -> Vec<BTreeSet<&'static str>> {
    let mut shop = Shop::default();
    for (i, page) in pages.iter().enumerate() {
        shop.add_page(i.to_string(), page.clone());
    }
    let findings = check(&shop, &[]);
    let of = |name: String| {
        findings.iter().filter(|finding| finding.file == name).map(|finding| finding.code.as_str()).collect()
    };
    (0..pages.len()).map(|i| of(i.to_string())).collect()
}

/// The codes found on a page with the pixel and these elements.
fn codes(elements: &str) -> BTreeSet<&'static str> {
    codes_of(&[format!("{BASE}{elements}")]).remove(0)
}

fn script(line: &str) -> BTreeSet<&'static str> {
    codes(&format!("<script>{line}</script>"))
}

/// The codes of an event with this value, as written.
fn value(written: &str) -> BTreeSet<&'static str> {
    script(&format!("fbq('track','AddToCart',{{value: {written}, currency:'INR'}},{{eventID: id}});"))
}

fn one(code: &'static str) -> BTreeSet<&'static str> {
    BTreeSet::from([code])
}

#[test]
fn money_as_people_read_it_is_no_number_quoted_or_not() {
    for written in [
        // Liquid
        "{{ cart.total_price | money }}",
        "'{{ cart.total_price | money }}'",
        "\"{{ cart.total_price | money_with_currency }}\"",
        "{{ cart.total_price | money_without_currency }}",
        "{{ cart.total_price | money | json }}",
        "'{{ cart.total_price | divided_by: 100 | money }}'",
        "'{{ cart.total_price | money | strip_html }}'",
        // Twig, Jinja
        "{{ total|number_format(2) }}",
        "{{ total|format_currency('INR') }}",
        "{{ total|intcomma }}",
        "'{{- total | currency -}}'",
        // PHP
        "<?= number_format($total, 2) ?>",
        "'<?php echo wc_price($order->get_total()); ?>'",
        "<?php echo esc_js( number_format( $order->get_total(), 2 ) ); ?>",
        "'<?= $order->get_formatted_order_total() ?>'",
        "'<?= number_format($total, 2, ',', '.') ?>'",
        "'<?= strip_tags(WC()->cart->get_cart_total()) ?>'",
        // Handlebars, Blade, EJS, ERB
        "{{money cart.total}}",
        "'{{{formatPrice cart.total}}}'",
        "'{!! money_format($total) !!}'",
        "<%= number_to_currency(@order.total) %>",
        "@json(number_format($total, 2))",
        "'@json(currency($total))'",
        "'<%- formatCurrency(total) %>'",
        "'<%= total.toLocaleString() %>'",
        "total.toLocaleString('en-IN', { maximumFractionDigits: 2 })",
        // Scripts
        "NaN",
        "-Infinity",
        "'NaN'",
        "'inf'",
        "'₹1,499'",
        "parseFloat('₹1499')",
        "parseFloat('1,499.00')",
        "+'1,499'",
        "Number('{{ cart.total_price | money }}')",
        "parseFloat('{{ cart.total_price | money }}')",
    ] {
        assert_eq!(value(written), one("value_not_a_number"), "{written}");
    }
}

#[test]
fn a_value_that_is_mended_or_plain_is_not_blamed() {
    for written in [
        "{{ cart.total_price }}",
        "{{ cart.total_price | divided_by: 100.0 }}",
        "'{{ cart.total_price | divided_by: 100.0 }}'",
        "'{{ cart.total_price | money_without_currency | replace: ',', '' }}'",
        "\"{{ cart.total_price | money_without_currency | replace: ',', '' }}\"",
        "{{ cart.total_price | money_without_currency | remove: ',' }}",
        "'{{ cart.total_price | money | remove: 'Rs. ' | remove: ',' }}'",
        "{{ total|number_format(2, '.', '') }}",
        "{{ total|round(2) }}",
        "{{ total | json }}",
        "{{{ total }}}",
        "{{cart.total}}",
        "<?= number_format($total, 2, '.', '') ?>",
        "<?= $order->get_total() ?>",
        "<?= (float) $total ?>",
        "<?php echo esc_js( $order->get_total() ); ?>",
        "<?= str_replace(',', '', number_format($total, 2)) ?>",
        "<?= round($order['total'], 2) ?>",
        "<%= order.total.toFixed(2) %>",
        "<%- total %>",
        "{!! $total !!}",
        "@json($total)",
        "@json($order->total / 100)",
        "+price",
        "parseFloat(price)",
        "parseFloat('1499 INR')",
        "Number(total.replace(/,/g, ''))",
        "price.toLocaleString('en').replace(/,/g, '')",
        "'1499.00'",
        "1e3",
        "Number('1e3')",
        "total.toLocaleString('en-US', { useGrouping: false })",
    ] {
        assert_eq!(value(written), BTreeSet::new(), "{written}");
    }
}

#[test]
fn lists_as_text_name_no_product() {
    for written in [
        "content_ids: '[\"deck\",\"sleeves\"]'",
        "content_ids: \"['deck']\"",
        "content_ids: 'deck,sleeves'",
        "content_ids: skus.join(',')",
        "content_ids: JSON.stringify(skus)",
        "content_ids: '{{ skus | json }}'",
        "content_ids: '<?= json_encode($skus) ?>'",
        "contents: '[{\"id\":\"deck\",\"quantity\":1}]'",
        "contents: JSON.stringify(lines)",
    ] {
        let line =
            format!("fbq('track','AddToCart',{{value: 5, currency:'INR', {written}}},{{eventID: id}});");
        assert_eq!(script(&line), one("list_as_text"), "{written}");
    }
    for written in [
        "content_ids: ['deck']",
        "content_ids: 'deck'",
        "content_ids: '{{ product.id }}'",
        "content_ids: {{ skus | json }}",
        "content_ids: <?= json_encode($skus) ?>",
        "content_ids: [{% for item in cart.items %}'{{ item.sku }}'{% unless forloop.last %},{% endunless %}{% endfor %}]",
        "contents: {{ lines | json }}",
    ] {
        let line =
            format!("fbq('track','AddToCart',{{value: 5, currency:'INR', {written}}},{{eventID: id}});");
        assert_eq!(script(&line), BTreeSet::new(), "{written}");
    }
}

#[test]
fn the_packages_calls_and_forms_are_read_as_the_pixels() {
    for line in [
        "tandem.track('AddToCart', { value: '{{ cart.total_price | money }}' });",
        "tandem.recordPurchase({ orderId, value: '₹1,499' });",
        "tandem.captureLead({ email, predictedLtv: NaN });",
        "tandem.track('AddToCart', { contents: [{ id: 'deck', itemPrice: '₹5' }] });",
    ] {
        assert_eq!(script(line), one("value_not_a_number"), "{line}");
    }
    assert_eq!(
        script("tandem.track('AddToCart', { contentIds: JSON.stringify(skus) });"),
        one("list_as_text")
    );
    assert_eq!(script("tandem.track('AddToCart', { value: 5, currency: 'rupees' });"), one("currency_code"));
    assert_eq!(
        codes("<form data-tandem=lead data-value='{{ p.price | money }}'></form>"),
        one("value_not_a_number")
    );
    assert_eq!(codes("<form data-tandem=lead data-currency='Rs.'></form>"), one("currency_code"));
    for right in [
        "<form data-tandem=lead data-value='{{ p.price | money | remove: \",\" }}' data-currency='{{ c }}'></form>",
        "<form data-tandem=lead data-value='1499.00' data-currency=INR></form>",
        "<form data-tandem=lead data-value></form><li data-value='₹5'></li>",
        "<script>tandem.track('AddToCart', { value: total.toFixed(2), contentIds: ['deck'] });</script>",
    ] {
        assert_eq!(codes(right), BTreeSet::new(), "{right}");
    }
}

#[test]
fn a_handler_that_runs_many_times_fires_many_times() {
    for line in [
        "addEventListener('scroll', function () { fbq('trackCustom', 'Read'); });",
        "window.addEventListener('scroll', () => { if (scrollY > 500) fbq('trackCustom', 'Read'); }, { passive: true });",
        "window.addEventListener('scroll', throttle(function () { fbq('trackCustom', 'Read'); }, 200));",
        "function read() { fbq('trackCustom', 'Read'); } window.addEventListener('scroll', read);",
        "window.addEventListener('scroll', read); const read = () => fbq('trackCustom', 'Read');",
        "function send() { fbq('trackCustom', 'Read'); } addEventListener('scroll', () => { if (scrollY > 9) send(); });",
        "addEventListener('scroll', () => { const pct = scrollY / innerHeight; if (pct > 0.5) { fbq('trackCustom', 'Read'); } });",
        "useEffect(() => { const f = () => { [25, 50].forEach((t) => { if (scrollY >= t) window.fbq('trackCustom', 'Read'); }); }; addEventListener('scroll', f); return () => removeEventListener('scroll', f); }, []);",
        "window.onscroll = function () { fbq('trackCustom', 'Read'); };",
        "$(window).scroll(function () { fbq('trackCustom', 'Read'); });",
        "$(window).on('scroll.read', function () { fbq('trackCustom', 'Read'); });",
        "$(document).on('mousemove', '.card', () => setTimeout(() => fbq('trackCustom', 'Read'), 10));",
        "video.addEventListener('timeupdate', () => { fbq('trackCustom', 'Watched'); });",
        "setInterval(function () { fbq('trackCustom', 'StillHere'); }, 5000);",
        "addEventListener('resize', () => { tandem.trackCustom('Resized'); });",
    ] {
        assert_eq!(script(line), one("fires_repeatedly"), "{line}");
    }
    assert_eq!(codes("<body onscroll=\"fbq('trackCustom','Read')\">"), one("fires_repeatedly"));
}

#[test]
fn a_handler_that_stops_itself_fires_once() {
    for line in [
        "addEventListener('scroll', () => { fbq('trackCustom', 'Read'); }, { once: true });",
        "let sent = false; addEventListener('scroll', () => { if (!sent && scrollY > 9) { sent = true; fbq('trackCustom', 'Read'); } });",
        "let sent = 0; addEventListener('scroll', () => { if (sent) return; sent = 1; fbq('trackCustom', 'Read'); });",
        "const sent = {}; addEventListener('scroll', () => { if (!sent[50]) { sent[50] = 1; fbq('trackCustom', 'Read'); } });",
        "const done = new Set(); addEventListener('scroll', () => { if (!done.has(5)) { done.add(5); fbq('trackCustom', 'Read'); } });",
        "let n = 0; addEventListener('scroll', () => { if (n < 1) { n++; fbq('trackCustom', 'Read'); } });",
        "function read() { window.removeEventListener('scroll', read); fbq('trackCustom', 'Read'); } addEventListener('scroll', read);",
        "let sent = false; function send() { sent = true; fbq('trackCustom', 'Read'); } addEventListener('scroll', () => { if (!sent) send(); });",
        "const fired = new Set(); function once(k, f) { if (fired.has(k)) return; fired.add(k); f(); } addEventListener('scroll', () => { if (scrollY > 50) once('s50', function () { fbq('trackCustom', 'Read'); }); });",
        "addEventListener('scroll', () => { const s = sessionStorage.getItem('r'); if (!s) { sessionStorage.setItem('r', 1); fbq('trackCustom', 'Read'); } });",
        "addEventListener('scroll', () => { if (!alreadyFired('r')) { fbq('trackCustom', 'Read'); } });",
        "const seen = useRef(new Set()); const f = () => { [25, 50].forEach((t) => { if (pct() >= t && !seen.current.has(t)) { fbq('trackCustom', 'Read'); seen.current.add(t); } }); }; addEventListener('scroll', f);",
        "$(window).one('scroll', function () { fbq('trackCustom', 'Read'); });",
        "const wait = setInterval(function () { if (window.fbq) { clearInterval(wait); fbq('trackCustom', 'Here'); } }, 100);",
        "addEventListener('click', () => { fbq('trackCustom', 'Clicked'); });",
        "addEventListener('scroll', () => { if (!sessionStorage.getItem('r')) { sessionStorage.setItem('r', 1); fbq('trackCustom', 'Read'); } });",
        "function read() { fbq('trackCustom', 'Read'); } addEventListener('scroll', () => { moved = true; }); read();",
    ] {
        assert_eq!(script(line), BTreeSet::new(), "{line}");
    }
}

#[test]
fn two_equal_events_of_one_page_count_twice() {
    let buy = "fbq('track','Purchase',{value:5,currency:'INR'},{eventID:'purchase_'+order.id});";
    let filled =
        "fbq('track','Purchase',{value:{{ t }},currency:'INR'},{eventID:'purchase_{{ order.id }}'});";
    for twice in [
        format!("<script>{buy}{buy}</script>"),
        format!("<script>{buy}</script><p></p><script>{buy}</script>"),
        format!("<script>{filled}{filled}</script>"),
        format!("<script>if (paid) {{ {buy} {buy} }}</script>"),
        format!("<script>{{% if paid %}}{filled} {filled}{{% endif %}}</script>"),
        "<script>fbq('track','PageView');fbq('track','PageView');</script>".to_owned(),
        "<script>fbq('track','Lead',{value:1,currency:'INR'},{eventID:a});fbq('track','Lead',{},{eventID:a});</script>".to_owned(),
    ] {
        assert_eq!(codes(&twice), one("fired_twice"), "{twice}");
    }
    for once in [
        format!("<script>if (a) {{ {buy} }} else {{ {buy} }}</script>"),
        format!("<script>if (a) {{ {buy} return_(); }} {buy}</script>"),
        format!("<script>{{% if a %}}{filled}{{% else %}}{filled}{{% endif %}}</script>"),
        format!("{{% if a %}}<script>{filled}</script>{{% else %}}<script>{filled}</script>{{% endif %}}"),
        format!("<script><?php if ($a): ?>{buy}<?php else: ?>{buy}<?php endif; ?></script>"),
        format!("<script>\n@if ($a)\n{buy}\n@else\n{buy}\n@endif\n</script>"),
        "<script>fbq('trackSingle','1','PageView');fbq('trackSingle','2','PageView'); // tandem-lint: allow(track_single)</script>".to_owned(),
        format!("<script>{{{{#if a}}}}{buy}{{{{else}}}}{buy}{{{{/if}}}}</script>"),
        "<script>a.onclick=()=>fbq('track','Contact',{},{eventID:x});b.onclick=()=>fbq('track','Contact',{},{eventID:x});</script>".to_owned(),
        "<script>fbq('track','Contact',{},{eventID:a()});fbq('track','Contact',{},{eventID:a()});</script>".to_owned(),
    ] {
        assert_eq!(codes(&once), BTreeSet::new(), "{once}");
    }
}

#[test]
fn a_pixel_that_waits_for_consent_needs_no_image() {
    let base =
        "!function(f){if(f.fbq)return;var n=f.fbq=function(){n.queue.push(arguments)};n.queue=[]}(window);";
    let init = "fbq('init','123456789012345');";
    for waiting in [
        format!("<script>{base}fbq('consent','revoke');{init}</script>"),
        format!("<script type=\"text/plain\">{base}{init}</script>"),
        format!("<script data-cookieconsent=\"marketing\">{base}{init}</script>"),
        format!("<script>function start() {{ {base}{init} }} banner.onAccept(start);</script>"),
        format!("<script>if (localStorage.consent === 'yes') {{ {base}{init} }}</script>"),
    ] {
        assert_eq!(codes_of(std::slice::from_ref(&waiting))[0], BTreeSet::new(), "{waiting}");
    }
    for at_once in [
        format!("<script>{base}{init}</script>"),
        format!("<script>(function () {{ {base}{init} }})();</script>"),
        format!("<script>try {{ {base}{init} }} catch (e) {{}}</script>"),
        format!(
            "<script>{base}if (c) {{ fbq('init','123456789012345',{{em:c}}) }} else {{ {init} }}</script>"
        ),
    ] {
        assert_eq!(codes_of(std::slice::from_ref(&at_once))[0], one("missing_noscript"), "{at_once}");
    }
}

#[test]
fn a_templates_condition_initialises_one_pixel() {
    let page = "<script>!function(f){var n=f.fbq=function(){}}(window);\
        {% if customer %}fbq('init','1',{em:'{{ customer.email }}'});{% else %}fbq('init','1');{% endif %}</script>\
        <noscript><img src='https://www.facebook.com/tr?id=1&ev=PageView'></noscript>";
    assert_eq!(codes_of(&[page.to_owned()])[0], BTreeSet::new());
}

#[test]
fn names_are_corrected_in_pages_and_forms() {
    for line in [
        "fbq('track','viewcontent',{},{eventID:x});",
        "fbq('track','Add To Cart',{},{eventID:x});",
        "fbq('track','add_to_cart',{},{eventID:x});",
        "fbq('trackCustom','initiate-checkout',{},{eventID:x});",
        "tandem.track('view content');",
        "tandem.trackCustom('ADD TO CART');",
    ] {
        assert_eq!(script(line), one("wrong_case"), "{line}");
    }
    assert_eq!(codes("<form data-tandem='complete registration'></form>"), one("wrong_case"));
    assert_eq!(codes("<form data-tandem='purchase'></form>"), one("refused_by_tandem"));
    for form in [
        "<form data-tandem=lead></form>",
        "<form data-tandem='Lead'></form>",
        "<form data-tandem=Contact></form>",
    ] {
        assert_eq!(codes(form), BTreeSet::new(), "{form}");
    }
    let mut shop = Shop::default();
    shop.add_page("a", format!("{BASE}<script>fbq('track','InitateCheckout',{{}},{{eventID:x}});</script>"));
    let findings = check(&shop, &[]);
    assert!(findings[0].help.contains("InitiateCheckout"), "{findings:?}");
}

#[test]
fn pages_of_one_shop_are_compared() {
    let page = |head: &str, body: &str| {
        format!("<!doctype html><html><head>{head}</head><body><h1>x</h1>{body}</body></html>")
    };
    let other = BASE.replace("123456789012345", "999999999999999");
    let tandem = "<script type=module src=/tandem/auto.js data-pixel-id=999999999999999></script>";

    let pages = [page(BASE, ""), page(BASE, ""), page(&other, "")];
    assert_eq!(codes_of(&pages), [BTreeSet::new(), BTreeSet::new(), one("other_pixel")]);
    let pages = [page(&other, ""), page(BASE, ""), page(BASE, "")];
    assert_eq!(codes_of(&pages), [one("other_pixel"), BTreeSet::new(), BTreeSet::new()]);
    let pages = [page(BASE, ""), page(BASE, ""), page(tandem, "")];
    assert_eq!(codes_of(&pages), [BTreeSet::new(), BTreeSet::new(), one("other_pixel")]);
    assert_eq!(codes_of(&[page(&format!("{BASE}{tandem}"), "")]), [one("several_pixels")]);

    let pages = [page(BASE, ""), page(BASE, ""), page("<title>x</title>", "")];
    assert_eq!(codes_of(&pages), [BTreeSet::new(), BTreeSet::new(), one("page_without_pixel")]);
    // What a page loads from elsewhere may bring the pixel, and a part of a page is no page.
    for unsure in [
        page("<script src='https://www.googletagmanager.com/gtm.js?id=G'></script>", ""),
        page("<script src='/assets/app.js'></script>", ""),
        page("{% include 'head' %}", ""),
        page("{{ content_for_header }}", ""),
        page("<?php wp_head(); ?>", ""),
        "<div>a part</div>".to_owned(),
    ] {
        assert_eq!(codes_of(&[page(BASE, ""), unsure.clone()])[1], BTreeSet::new(), "{unsure}");
    }
    assert_eq!(
        codes_of(&[page("", ""), page("", "")]),
        [BTreeSet::new(), BTreeSet::new()],
        "a shop without a pixel"
    );

    assert_eq!(codes_of(&[page("", BASE)]), [one("late_base_code")]);
    let first = format!("<html><head></head><body>{BASE}<h1>x</h1></body></html>");
    assert_eq!(codes_of(&[first]), [BTreeSet::new()], "nothing that visitors see comes before it");
}

#[test]
fn a_value_that_depends_on_itself_is_followed_to_an_end() {
    for line in [
        "function f(price) { var price = +price; fbq('track','AddToCart',{value:price,currency:'INR'},{eventID:x}); }",
        "var price = parseFloat(price); fbq('track','AddToCart',{value:price,currency:'INR'},{eventID:x});",
        "const a = parseFloat(b); const b = parseFloat(a); fbq('track','AddToCart',{value:a,currency:'INR'},{eventID:x});",
        "var v = Number(v); tandem.track('AddToCart',{value:v});",
        "var v = '' + v; tandem.track('AddToCart',{value:v});",
        "var ids = '' + ids; fbq('track','ViewContent',{content_ids:ids},{eventID:x});",
        "var id = `${id}`; fbq('track','Purchase',{value:1,currency:'INR'},{eventID:id});",
    ] {
        assert_eq!(script(line), BTreeSet::new(), "{line}");
    }
}

#[test]
fn an_interval_that_leaves_the_page_fires_once() {
    let paid = "fbq('track','Purchase',{value:v,currency:'INR'},{eventID:'purchase_'+order.id});";
    for away in ["location.href = '/thanks';", "window.location = '/thanks';", "location.replace('/thanks');"]
    {
        let line = format!("setInterval(() => {{ if (state.paid) {{ {paid} {away} }} }}, 1000);");
        assert_eq!(script(&line), BTreeSet::new(), "{line}");
    }
    let line = format!("setInterval(() => {{ {paid} text.replace('a', 'b'); }}, 1000);");
    assert_eq!(script(&line), one("fires_repeatedly"), "{line}");
}
