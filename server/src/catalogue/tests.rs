use super::*;
use tandem_core::custom_data::Content;

fn read(text: &str) -> Result<Catalogue, CatalogueError> {
    read::read("shop.toml", text, Currency::INR)
}

fn inr(text: &str) -> Money {
    Money::parse(text, Currency::INR).unwrap()
}

/// The example in `docs/catalogue.md`.
fn example() -> String {
    let page = include_str!("../../../docs/catalogue.md");
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    example.expect("the page has an example").to_owned()
}

#[test]
fn the_documented_example_means_what_it_says() {
    let catalogue = read(&example()).unwrap();
    assert_eq!(catalogue.size(), (3, 2));
    let bought = |money: Money| catalogue.look_up(money, |_| None);
    let (origin, deck) = bought(inr("1499.00"));
    assert_eq!((origin, deck.content_ids.as_slice()), (Origin::Price, ["dusk-deck".to_owned()].as_slice()));
    assert_eq!(deck.content_category.as_deref(), Some("Card decks"));
    for (price, pieces, each) in [("499.50", 1, "499.50"), ("999", 2, "499.50"), ("1197", 3, "399")] {
        let guide = Content { id: "guide".into(), quantity: pieces, item_price: Some(inr(each)) };
        assert_eq!(bought(inr(price)).1.contents, [guide], "{price}");
    }
    let dollars = Money::parse("25", Currency::parse("USD").unwrap()).unwrap();
    assert_eq!(bought(dollars).1.content_name.as_deref(), Some("Deck and guide"));
    assert_eq!(bought(inr("3999")).1.num_items, Some(4));
    assert_eq!(bought(inr("1")).0, Origin::Fallback);
    let (origin, tagged) =
        catalogue.look_up(inr("1499"), |name| (name == "content_ids").then_some("guide:2,poster"));
    assert_eq!((origin, tagged.num_items), (Origin::Tags, Some(3)));
}

#[test]
fn the_documented_defaults_are_the_defaults() {
    let tags = example().split("[tags]").nth(1).unwrap().to_owned();
    let spelt = read(&format!("[tags]{tags}")).unwrap();
    assert_eq!(spelt, read("").unwrap());
}

#[test]
fn prices_are_read_digit_by_digit() {
    // 0.29 and the large amount have no exact float.
    let catalogue = read(
        "[[products]]\nid = \"a\"\nprice = [0.29, 90_071_992_547_409.93, \"1.10\", 7]\n\
         [[products]]\nid = \"b\"\nprice = { JPY = 1500, KWD = 1.234 }",
    )
    .unwrap();
    for price in ["0.29", "90071992547409.93", "1.1", "7.00"] {
        assert_eq!(catalogue.look_up(inr(price), |_| None).0, Origin::Price, "{price}");
    }
    for (price, currency) in [("1500", "JPY"), ("1.234", "KWD")] {
        let money = Money::parse(price, Currency::parse(currency).unwrap()).unwrap();
        assert_eq!(catalogue.look_up(money, |_| None).1.content_ids, ["b"], "{currency}");
    }
}

#[test]
fn mistakes_name_their_line_and_what_is_expected() {
    let product = "[[products]]\nid = \"a\"\nprice = 5\n";
    for (text, line, hint) in [
        ("currency = \"INR\"\nprodcts = 1", 2, "\"prodcts\" is not a key of a catalogue"),
        ("\n\ncurrency = \"RUPEE\"", 3, "ISO 4217"),
        ("[[products]\nid = 1", 1, "not TOML"),
        ("[products]\nid = \"a\"", 1, "[[products]]"),
        ("products = [1]", 1, "[[products]]"),
        ("[[products]]\nprice = 5", 1, "needs id"),
        ("[[products]]\nid = 5", 2, "must be a text"),
        ("[[products]]\nid = \" \"", 2, "must not be empty"),
        ("[[products]]\nid = \"a\"\nprise = 5", 3, "it has id, price, name, category, max_quantity"),
        ("[[products]]\nid = \"a\"\nprice = \"1,499\"", 3, "decimal number such as 1499.00"),
        ("[[products]]\nid = \"a\"\nprice = -1", 3, "must not be negative"),
        ("[[products]]\nid = \"a\"\nprice = 1e3", 3, "decimal number"),
        ("[[products]]\nid = \"a\"\nprice = 1.005", 3, "more decimals than the currency (2)"),
        ("[[products]]\nid = \"a\"\nprice = inf", 3, "decimal number"),
        ("[[products]]\nid = \"a\"\nprice = 0x10", 3, "an amount such as 1499"),
        ("[[products]]\nid = \"a\"\nprice = true", 3, "an amount such as 1499"),
        ("[[products]]\nid = \"a\"\nprice = []", 3, "empty list"),
        ("[[products]]\nid = \"a\"\nprice = {}", 3, "name a currency"),
        ("[[products]]\nid = \"a\"\nprice = [\n  5,\n  0\n]", 5, "more than 0"),
        ("[[products]]\nid = \"a\"\nprice = { INR = 1,\n RUPEE = 2 }", 4, "\"RUPEE\" is not a currency"),
        ("[[products]]\nid = \"a\"\nmax_quantity = 101", 3, "from 1 to 100"),
        ("[[products]]\nid = \"a\"\nmax_quantity = 1.5", 3, "whole number"),
        (&format!("{product}{product}"), 5, "\"a\" is given twice"),
        (&format!("{product}[[products]]\nid = \"b\"\nprice = 5.00"), 6, "(see line 3)"),
        (&format!("{product}[[bundles]]\nitems = [\"b\"]\nprice = 1"), 5, "\"b\" is not the id"),
        (&format!("{product}[[bundles]]\nitems = [\"a\", \"a\"]\nprice = 1"), 5, "give it a quantity"),
        (&format!("{product}[[bundles]]\nitems = []\nprice = 1"), 5, "1 to 200 items"),
        (&format!("{product}[[bundles]]\nitems = \"a\"\nprice = 1"), 5, "must be a list"),
        (
            &format!("{product}[[bundles]]\nitems = [{{ id = \"a\", quantity = 0 }}]\nprice = 1"),
            5,
            "from 1 to",
        ),
        (&format!("{product}[[bundles]]\nitems = [\"a\"]"), 4, "a bundle needs price"),
        ("\n[fallback]", 2, "needs id, name or category"),
        ("fallback = 1", 1, "must be a table"),
        ("[tags]\ncart = 5", 2, "must be a text"),
        ("[tags]\nids = \"x\"", 2, "it has cart, name, category"),
    ] {
        let error = read(text).expect_err(text).to_string();
        assert!(error.starts_with(&format!("shop.toml:{line}: ")), "{text:?}: {error}");
        assert!(error.contains(hint), "{text:?}: {error}");
        assert!(!error.contains('\n'), "{error:?}");
    }
}

#[test]
fn a_broken_new_file_keeps_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.toml");
    let write = |text: &str| std::fs::write(&path, text).unwrap();
    write("[[products]]\nid = \"old\"\nprice = 5");
    let file = CatalogueFile::open(&path, Currency::INR).unwrap();
    let bought = || file.look_up(inr("5"), None).1.content_ids;
    write("[[products]]\nid = \"new\"\nprice = \"five\"");
    let error = file.reload().expect_err("five is no amount").to_string();
    assert!(error.contains("shop.toml:3: price"), "{error}");
    assert_eq!(bought(), ["old"]);
    write("[[products]]\nid = \"new\"\nprice = 5");
    file.reload().unwrap();
    assert_eq!(bought(), ["new"]);
    std::fs::remove_file(&path).unwrap();
    assert!(file.reload().expect_err("it is gone").to_string().contains("cannot be read"));
    assert_eq!(bought(), ["new"]);
}

proptest::proptest! {
    #[test]
    fn no_text_is_a_panic(text in "([\\[\\]a-z0-9=\"., {}:\n]|products|bundles|price|id|items){0,60}") {
        let _ = read(&text);
    }
}
