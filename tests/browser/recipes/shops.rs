//! The recipes for tag managers and shop systems.

use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tandem_proto::v1::EventState;
use tandem_tests::browser::{Session, ShopPages};
use tandem_tests::{PIXEL_ID, World, binaries, skip};

use super::recipe;
use crate::docs::{addressed, page};
use crate::{pixel_event, wait_until_deduplicated, world_with_shop};

/// Waits for one event of this name at the server, and for its copy from the pixel.
async fn on_both_sides(world: &World, name: &str) -> anyhow::Result<Value> {
    let pixel = pixel_event(world, name).await?;
    wait_until_deduplicated(world, name, pixel["eid"].as_str().unwrap_or_default()).await?;
    Ok(pixel)
}

#[tokio::test]
async fn tags_of_google_tag_manager_load_tandem_once_and_report_events() -> anyhow::Result<()> {
    let (world, session) = (world_with_shop().await?, Session::start().await?);
    let shop = ShopPages::start(&world.sandbox.url).await?;
    let (load, event) = (recipe("google-tag-manager.html")?, recipe("google-tag-manager-event.html")?);
    for modern in ["=>", "const ", "let ", "`", "async ", "class "] {
        let code: String = [&load, &event].iter().flat_map(|text| text.split("*/").skip(1)).collect();
        ensure!(!code.contains(modern), "the container's editor refuses {modern}");
    }
    // The container puts values in place of variables, and makes each script anew, because innerHTML does not run it.
    let event = event.split_once("*/").map_or("", |(_, code)| code);
    let event = event.replace("{{Item ID}}", "\"deck\"").replace("{{Item Value}}", "1499");
    shop.put("/", page(&world, "<p>A shop</p>"));
    session.page.goto(&shop.url).await?;
    let container = "
        const tag = (html) => {
            const place = document.createElement('div');
            place.innerHTML = html;
            for (const found of place.querySelectorAll('script')) {
                const script = document.createElement('script');
                script.text = found.text;
                document.body.append(script);
            }
        };
        const [load, event] = given;
        tag(load); tag(load); tag(event);
        return document.querySelectorAll('script[src$=\"auto.js\"]').length;";
    let event = format!("<script>{event}");
    let loaded = session.run(container, vec![json!(addressed(&world, &load)), json!(event)]).await?;
    assert_eq!(loaded, 1, "one connection");
    let view = on_both_sides(&world, "ViewContent").await?;
    assert_eq!((&view["cd"]["value"], &view["id"]), (&json!("1499"), &json!(PIXEL_ID)));
    Ok(())
}

/// Shopify's sandbox of a custom pixel, by <https://shopify.dev/docs/api/web-pixels-api>: a frame that may run scripts
/// and has no origin, with `analytics.subscribe`. The page around it publishes events.
const SHOPIFY: &str = "<script>
    const subscribers = {};
    const analytics = { subscribe: (name, run) => { (subscribers[name] ??= []).push(run); } };
    addEventListener('message', ({ data }) => (subscribers[data.name] ?? []).forEach((run) => run(data)));
</script>";

#[tokio::test]
async fn shopifys_custom_pixel_fires_under_the_servers_id_and_only_what_is_paid_at_once() -> anyhow::Result<()>
{
    let (world, session) = (world_with_shop().await?, Session::start().await?);
    let shop = ShopPages::start(&world.sandbox.url).await?;
    let code = recipe("shopify-custom-pixel.js")?
        .replace("https://connect.facebook.net/en_US/fbevents.js", "/fbevents.js");
    shop.put("/pixel.html", page(&world, &format!("{SHOPIFY}<script>{code}</script>")));
    shop.put(
        "/",
        page(&world, "<iframe sandbox=\"allow-scripts allow-forms\" src=\"/pixel.html\"></iframe>"),
    );
    session.page.goto(&shop.url).await?;
    let publish = "
        const frame = document.querySelector('iframe').contentWindow;
        const money = { amount: 1499, currencyCode: 'INR' };
        const checkout = (id, type) => ({
            token: 'abc', currencyCode: 'INR', totalPrice: money, order: { id }, lineItems: [{ quantity: 1, variant: { id: '43' } }],
            transactions: [{ amount: money, gateway: 'x', paymentMethod: { name: 'x', type } }],
        });
        for (const [id, type] of [['gid://shopify/Order/4501', 'paymentOnDelivery'], ['gid://shopify/Order/4502', 'creditCard']]) {
            frame.postMessage({ name: 'checkout_completed', id: 'e', data: { checkout: checkout(id, type) } }, '*');
        }";
    session.run(publish, vec![]).await?;
    let purchase = pixel_event(&world, "Purchase").await?;
    assert_eq!(
        (&purchase["eid"], &purchase["cd"]["currency"]),
        (&json!("purchase_4502"), &json!("INR")),
        "{purchase}"
    );
    world.pay_order("4502", "1499.00", &tandem_tests::Person::unique()).await?;
    wait_until_deduplicated(&world, "Purchase", "purchase_4502").await?;
    Ok(())
}

/// What the plugin's hook prints for this shop. `None`: there is no PHP.
fn woocommerce(endpoint: &str, token: &str, hook: &str, order: &str) -> anyhow::Result<Option<String>> {
    let root = binaries::workspace_root();
    let output = Command::new("php")
        .arg(root.join("tests/scripts/woocommerce/page.php"))
        .arg(root.join("docs/recipes/woocommerce.php"))
        .args([endpoint.trim_end_matches('/'), hook, order])
        .env("PIXEL_ID", PIXEL_ID)
        .env("TANDEM_INTERNAL_TOKEN", token)
        .env("BILLING_EMAIL", "asha@shop.example")
        .output();
    let output = match output {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let (said, failed) =
        (String::from_utf8(output.stdout)?, String::from_utf8_lossy(&output.stderr).into_owned());
    ensure!(output.status.success() && failed.is_empty(), "{hook}: {failed}{said}");
    Ok(Some(said))
}

#[tokio::test]
async fn the_plugin_for_woocommerce_reports_a_view_a_checkout_and_a_purchase() -> anyhow::Result<()> {
    let (world, session) = (world_with_shop().await?, Session::start().await?);
    let shop = ShopPages::start(&world.sandbox.url).await?;
    let Some(head) = woocommerce(&world.grpc, "", "wp_head", "")? else {
        skip("recipes::shops::woocommerce", "PHP is missing (Debian: apt-get install php-cli)");
        return Ok(());
    };
    for (path, hook) in [
        ("/product", "woocommerce_after_single_product"),
        ("/pay", "before_woocommerce_pay"),
        ("/thanks", "woocommerce_thankyou"),
    ] {
        let body = woocommerce(&world.grpc, "", hook, "4711")?.unwrap_or_default();
        ensure!(body.matches("</script>").count() == 1, "{hook}: {body}");
        shop.put(path, page(&world, &format!("{head}{body}")));
    }
    session.page.goto(&format!("{}/product", shop.url)).await?;
    let view = on_both_sides(&world, "ViewContent").await?;
    assert_eq!(view["cd"]["content_name"], "A \"deck\" </script>");
    session.page.goto(&format!("{}/pay", shop.url)).await?;
    on_both_sides(&world, "InitiateCheckout").await?;
    world.pay_order("4711", "1499.00", &tandem_tests::Person::unique()).await?;
    session.page.goto(&format!("{}/thanks", shop.url)).await?;
    let purchase = on_both_sides(&world, "Purchase").await?;
    assert_eq!(purchase["eid"], "purchase_4711");
    Ok(())
}

#[tokio::test]
async fn the_plugin_for_woocommerce_reports_a_payment_and_tries_again() -> anyhow::Result<()> {
    let (mut world, token) = (world_with_shop().await?, tandem_tests::INTERNAL_TOKEN);
    let hook = "woocommerce_payment_complete";
    let Some(said) = woocommerce(&world.grpc, token, hook, "4712")? else {
        skip("recipes::shops::woocommerce", "PHP is missing (Debian: apt-get install php-cli)");
        return Ok(());
    };
    assert_eq!(said, "");
    let purchase = world.wait_for_server_event("Purchase", "purchase_4712").await?;
    assert_eq!((purchase.value_minor(), purchase.match_key("em").len()), (149_900, 64));

    assert!(
        woocommerce(&world.grpc, "not-the-token-0123456789abcdef", hook, "4713")?
            .unwrap_or_default()
            .contains("HTTP 401")
    );
    world.kill_server();
    let again = woocommerce(&world.grpc, token, hook, "4714")?.unwrap_or_default();
    assert_eq!(again, "again in 60 s: tandem_report_payment\n");
    Ok(())
}

/// The parts of Next.js that the component uses.
const NEXT: &str = "import { useSyncExternalStore } from \"react\";
const subscribe = (changed: () => void) => { addEventListener(\"next:route\", changed); return () => removeEventListener(\"next:route\", changed); };
export function usePathname(): string { return useSyncExternalStore(subscribe, () => location.pathname); }
";
const NEXT_PAGE: &str = "import { createRoot } from \"react-dom/client\";
import { TandemPages, report } from \"./recipe\";
createRoot(document.getElementById(\"root\")!).render(<TandemPages />);
Object.assign(window, { report, go(path: string) { history.pushState({}, \"\", path); dispatchEvent(new Event(\"next:route\")); } });
";

#[tokio::test]
async fn the_component_for_nextjs_has_right_types_and_reports_each_route() -> anyhow::Result<()> {
    let (world, session) = (crate::examples::world_with_examples().await?, Session::start().await?);
    let react = binaries::workspace_root().join("examples/web-react");
    // Modules are found in the folders above a file, so this stands beside the React example's.
    let folder = tempfile::Builder::new().prefix(".recipe-").tempdir_in(&react)?;
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
    put("recipe.tsx", &addressed(&world, &recipe("nextjs-tandem.tsx")?))?;
    put("navigation.ts", NEXT)?;
    put("page.tsx", NEXT_PAGE)?;
    let configuration = json!({
        "extends": "../tsconfig.json", "include": ["*"],
        "compilerOptions": { "noEmit": true, "paths": { "next/navigation": ["./navigation.ts"] } },
    });
    put("tsconfig.json", &configuration.to_string())?;
    let run = |program: &str, arguments: &[&str]| -> anyhow::Result<()> {
        let output = Command::new(react.join("node_modules/.bin").join(program))
            .current_dir(folder.path())
            .args(arguments)
            .output();
        let output = output.with_context(|| format!("{program}: run `cargo xtask web-examples`"))?;
        let said = [output.stdout, output.stderr].concat();
        ensure!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&said));
        Ok(())
    };
    run("tsc", &["--project", "."])?;
    run(
        "esbuild",
        &[
            "page.tsx",
            "--bundle",
            "--format=esm",
            "--jsx=automatic",
            "--outfile=page.js",
            "--alias:next/navigation=./navigation.ts",
            "--define:process.env.NODE_ENV=\"production\"",
            "--log-level=warning",
        ],
    )?;
    let shop = ShopPages::start(&world.sandbox.url).await?;
    shop.put("/page.js", std::fs::read_to_string(folder.path().join("page.js"))?);
    shop.put("/", page(&world, "<div id=\"root\"></div><script type=\"module\" src=\"/page.js\"></script>"));
    session.page.goto(&shop.url).await?;
    world
        .eventually("the pixel's first page view", async || {
            Ok(world
                .sandbox
                .pixel_events()
                .await?
                .iter()
                .any(|event| event["ev"] == "PageView")
                .then_some(()))
        })
        .await?;
    let seen = session.run("go('/bowl'); const view = await report((tandem) => tandem.track('ViewContent', { contentIds: ['bowl'] }));
        go('/cart'); return view.pixel;", vec![]).await?;
    assert_eq!(seen, "fired");
    on_both_sides(&world, "ViewContent").await?;
    world
        .eventually("a page view of each route", async || {
            let (server, pixel) =
                (world.sandbox.server_events("PageView").await?, world.sandbox.pixel_events().await?);
            let views = pixel.iter().filter(|event| event["ev"] == "PageView").skip(1);
            let known =
                views.filter(|view| server.iter().any(|event| event.event_id() == view["eid"])).count();
            Ok((known == 2 && server.len() == 2).then_some(()))
        })
        .await?;
    assert_eq!(world.events("PageView", EventState::Unspecified).await?.len(), 2);
    Ok(())
}
