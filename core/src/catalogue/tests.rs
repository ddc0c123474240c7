use super::*;
use crate::currency::Currency;
use crate::money::{MinorUnits, Money};
use proptest::prelude::*;

fn inr(text: &str) -> Money {
    Money::parse(text, Currency::INR).unwrap()
}

fn usd(text: &str) -> Money {
    Money::parse(text, Currency::parse("USD").unwrap()).unwrap()
}

fn product(id: &str, prices: &[Money]) -> Product {
    Product {
        id: id.into(),
        name: Some(format!("The {id}")),
        category: Some("Goods".into()),
        prices: prices.iter().enumerate().map(|(mark, money)| Price { money: *money, mark }).collect(),
        pieces_max: 1,
    }
}

fn shop() -> Catalogue {
    let bundle = Bundle {
        name: Some("Starter set".into()),
        category: None,
        items: vec![("deck".into(), 1), ("guide".into(), 2)],
        prices: vec![Price { money: inr("2199"), mark: 90 }],
    };
    let fallback = Fallback { id: Some("other".into()), name: None, category: Some("Rest".into()) };
    let products = vec![
        Product { pieces_max: 3, ..product("deck", &[inr("1499"), usd("19.00")]) },
        product("guide", &[inr("499.50")]),
    ];
    Catalogue::new(products, vec![bundle], Some(fallback), TagNames::default()).unwrap()
}

fn line(id: &str, quantity: u32, item_price: Option<Money>) -> crate::custom_data::Content {
    crate::custom_data::Content { id: id.into(), quantity, item_price }
}

/// [`Catalogue::look_up`] with tags as pairs.
fn look_up(paid: Money, tags: &[(&str, &str)]) -> (Origin, crate::custom_data::CustomData) {
    shop().look_up(paid, |name| tags.iter().find(|(known, _)| *known == name).map(|(_, value)| *value))
}

#[test]
fn a_price_names_its_product() {
    let (origin, bought) = look_up(inr("1499.00"), &[]);
    assert_eq!(origin, Origin::Price);
    assert_eq!(bought.contents, [line("deck", 1, Some(inr("1499")))]);
    assert_eq!(bought.content_ids, ["deck"]);
    assert_eq!((bought.content_type.as_deref(), bought.num_items), (Some("product"), Some(1)));
    assert_eq!(bought.content_name.as_deref(), Some("The deck"));
    assert_eq!(bought.content_category.as_deref(), Some("Goods"));
    assert_eq!(bought.value, None, "the catalogue does not set the value");
}

#[test]
fn each_currency_has_prices_of_its_own() {
    assert_eq!(look_up(usd("19"), &[]).1.contents, [line("deck", 1, Some(usd("19")))]);
    assert_eq!(look_up(usd("1499"), &[]).0, Origin::Fallback);
}

#[test]
fn multiples_count_pieces_as_far_as_allowed() {
    let (origin, bought) = look_up(inr("4497"), &[]);
    assert_eq!((origin, bought.num_items), (Origin::Price, Some(3)));
    assert_eq!(bought.contents, [line("deck", 3, Some(inr("1499")))]);
    assert_eq!(look_up(inr("5996"), &[]).0, Origin::Fallback, "a multiple of four pieces does not count");
    assert_eq!(look_up(inr("999"), &[]).0, Origin::Fallback, "multiples of the guide do not count");
}

#[test]
fn a_bundle_is_its_parts() {
    let (origin, bought) = look_up(inr("2199"), &[]);
    assert_eq!(origin, Origin::Price);
    assert_eq!(bought.contents, [line("deck", 1, None), line("guide", 2, None)]);
    assert_eq!(bought.content_ids, ["deck", "guide"]);
    assert_eq!((bought.num_items, bought.content_name.as_deref()), (Some(3), Some("Starter set")));
}

#[test]
fn an_unknown_price_is_the_fallback_or_nothing() {
    let (origin, bought) = look_up(inr("7"), &[]);
    assert_eq!(origin, Origin::Fallback);
    assert_eq!(bought.contents, [line("other", 1, Some(inr("7")))]);
    assert_eq!(bought.content_category.as_deref(), Some("Rest"));
    let (origin, bought) = Catalogue::default().look_up(inr("7"), |_| None);
    assert_eq!((origin, bought.is_empty()), (Origin::Nothing, true));
}

#[test]
fn cart_tags_win_over_the_price() {
    let tags = [("cart", "guide:2,poster"), ("utm", "diwali")];
    let (origin, bought) = look_up(inr("1499"), &tags);
    assert_eq!(origin, Origin::Tags);
    assert_eq!(bought.contents, [line("guide", 2, Some(inr("499.50"))), line("poster", 1, None)]);
    assert_eq!((bought.num_items, bought.content_name), (Some(3), None), "two products share no name");
    let (_, bought) = look_up(inr("1499"), &[("content_ids", "guide")]);
    assert_eq!(bought.content_name.as_deref(), Some("The guide"));
}

#[test]
fn an_unreadable_cart_leaves_the_price_and_labels_stand_alone() {
    let tags =
        [("cart", "deck:0"), ("content_name", " Write to asha@example.com "), ("content_category", "")];
    let (origin, bought) = look_up(inr("1499"), &tags);
    assert_eq!(origin, Origin::Price);
    assert_eq!(bought.content_name.as_deref(), Some("Write to (removed)"));
    assert_eq!(bought.content_category.as_deref(), Some("Goods"));
}

#[test]
fn of_several_prices_nobody_knows_which_was_paid() {
    let goods = vec![product("deck", &[inr("1499"), inr("999")])];
    let catalogue = Catalogue::new(goods, Vec::new(), None, TagNames::default()).unwrap();
    let (_, bought) = catalogue.look_up(inr("1899"), |name| (name == "cart").then_some("deck:2"));
    assert_eq!(bought.contents, [line("deck", 2, None)]);
}

#[test]
fn a_price_means_one_thing() {
    let error = |products: Vec<Product>| {
        Catalogue::new(products, Vec::new(), None, TagNames::default()).expect_err("it contradicts itself")
    };
    let same = error(vec![product("a", &[inr("5")]), product("b", &[inr("6"), inr("5.00")])]);
    assert_eq!((same.mark, same.first), (1, Some(0)));
    assert_eq!(same.kind, PriceErrorKind::SamePrice(inr("5")));
    let thrice = |id: &str, price: &str| Product { pieces_max: 3, ..product(id, &[inr(price)]) };
    let met = error(vec![thrice("a", "20"), thrice("b", "30")]);
    assert_eq!(met.kind, PriceErrorKind::SameMultiple(inr("60")));
    assert_eq!(error(vec![product("a", &[inr("0.00")])]).kind, PriceErrorKind::Nothing);
    let many: Vec<Money> = (1..=2000).map(|n| inr(&format!("{}", n * 1_000_000 + 7))).collect();
    let many = Product { pieces_max: PIECES_MAX, ..product("a", &many) };
    assert_eq!(error(vec![many]).kind, PriceErrorKind::TooMany);
}

#[test]
fn a_price_of_its_own_wins_over_a_multiple() {
    let goods = vec![Product { pieces_max: 4, ..product("a", &[inr("20")]) }, product("b", &[inr("60")])];
    let catalogue = Catalogue::new(goods, Vec::new(), None, TagNames::default()).unwrap();
    assert_eq!(catalogue.look_up(inr("60"), |_| None).1.content_ids, ["b"]);
    assert_eq!(catalogue.look_up(inr("80"), |_| None).1.num_items, Some(4));
}

proptest! {
    /// For any catalogue, price and tags, the parts of an answer agree. Tags win over the price,
    /// and the price wins over the fallback.
    #[test]
    fn an_answer_never_contradicts_itself(
        prices in prop::collection::btree_set(1_u64..400, 0..12),
        pieces_max in 1_u32..5,
        has_fallback in any::<bool>(),
        paid in 1_u64..1000,
        cart in prop_oneof![Just(None), "[a-p:,0-9 ]{0,12}".prop_map(Some), "p[0-9](:[1-9])?".prop_map(Some)],
    ) {
        let money = |minor: u64| Money { amount: MinorUnits::new(minor).unwrap(), currency: Currency::INR };
        let goods: Vec<Product> = prices.iter().enumerate()
            .map(|(n, minor)| Product { pieces_max, ..product(&format!("p{n}"), &[money(*minor)]) })
            .collect();
        let fallback = has_fallback.then(|| Fallback { id: Some("other".into()), ..Fallback::default() });
        let Ok(catalogue) = Catalogue::new(goods, Vec::new(), fallback, TagNames::default()) else {
            // The prices differ, so only multiples can be equal.
            prop_assert!(pieces_max > 1);
            return Ok(());
        };
        let (origin, bought) = catalogue.look_up(money(paid), |name| cart.as_deref().filter(|_| name == "cart"));
        prop_assert_eq!(bought.contents.iter().map(|line| &line.id).collect::<Vec<_>>(),
                        bought.content_ids.iter().collect::<Vec<_>>());
        let pieces: u32 = bought.contents.iter().map(|line| line.quantity).sum();
        prop_assert_eq!(bought.num_items.unwrap_or(0), pieces);
        prop_assert!(bought.contents.iter().all(|line| line.quantity > 0 && !line.id.is_empty()));
        let readable = cart.as_deref().is_some_and(|cart| super::cart::read(cart).is_some());
        match origin {
            Origin::Tags => prop_assert!(readable),
            Origin::Price => {
                prop_assert!(!readable && bought.contents.len() == 1);
                let line = &bought.contents[0];
                let each = line.item_price.unwrap().amount.get();
                prop_assert_eq!(each * u64::from(line.quantity), paid, "all pieces together cost the paid money");
                prop_assert!(line.quantity <= pieces_max && prices.contains(&each));
            }
            Origin::Fallback => prop_assert!(!readable && has_fallback && !prices.contains(&paid)),
            Origin::Nothing => prop_assert!(!readable && !has_fallback && !prices.contains(&paid)),
        }
    }
}
