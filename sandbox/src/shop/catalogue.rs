//! What the shop sells. Prices are whole rupees.

#[derive(Clone, Copy, Debug)]
pub(super) struct Product {
    /// Meta's content ID.
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) tagline: &'static str,
    pub(super) price_rupees: u64,
    /// One paragraph on the product page.
    pub(super) story: &'static str,
    pub(super) facts: &'static [&'static str],
    pub(super) illustration: &'static str,
    /// Background behind the illustration.
    pub(super) tone: &'static str,
}

/// Largest quantity of one product in one order.
pub(super) const QUANTITY_MAX: u64 = 9;

/// Everything in the shop. The front page shows the first product.
pub(super) const PRODUCTS: [Product; 3] = [
    Product {
        id: "deck",
        name: "The Dusk Deck",
        tagline: "52 cards for the last hour of the day",
        price_rupees: 1499,
        story: "Draw one card when the lamps come on. Each asks a single question, small enough to answer before \
                the tea goes cold, and leaves you a little lighter than it found you. No app, no streaks, no score.",
        facts: &[
            "52 cards and a folded guide, 70 × 120 mm",
            "Letterpress on 600 gsm cotton rag, edges painted by hand",
            "Questions in English, with a Hindi or Tamil set on request",
            "Drawer box covered in marbled paper",
        ],
        illustration: include_str!("../../assets/illustrations/deck.svg"),
        tone: "tone-dusk",
    },
    Product {
        id: "notebook",
        name: "Sewn Notebook",
        tagline: "A5, 160 pages that lie flat",
        price_rupees: 649,
        story: "Ten signatures sewn on cords, so it opens like a book twice its price and stays open. The paper is \
                made for fountain pens: no feathering, almost no ghosting, and a warm white that is kind at night.",
        facts: &[
            "148 × 210 mm, 160 numbered pages, dot grid",
            "100 gsm paper from sugar-cane waste",
            "Linen cover in leaf green, ribbon, index page",
            "Sewn and cased in our workshop in Puducherry",
        ],
        illustration: include_str!("../../assets/illustrations/notebook.svg"),
        tone: "tone-leaf",
    },
    Product {
        id: "evening-set",
        name: "The Evening Set",
        tagline: "Deck, notebook and a cedar pencil",
        price_rupees: 1999,
        story: "Our two best things and the pencil we write orders with, packed in a box you will want to keep. \
                Most people buy it for somebody else and come back for their own.",
        facts: &[
            "The Dusk Deck and a Sewn Notebook",
            "A cedar pencil, sharpened, with a brass cap",
            "Gift box with a card in your words",
            "₹149 less than deck and notebook bought singly",
        ],
        illustration: include_str!("../../assets/illustrations/evening-set.svg"),
        tone: "tone-sand",
    },
];

impl Product {
    pub(super) fn find(id: &str) -> Option<&'static Product> {
        PRODUCTS.iter().find(|product| product.id == id)
    }

    /// The price as a decimal amount, e.g. `1499.00`.
    pub(super) fn price(&self, quantity: u64) -> String {
        format!("{}.00", self.price_rupees * quantity)
    }

    pub(super) fn price_text(&self, quantity: u64) -> String {
        crate::money::display(&self.price(quantity), "INR")
    }
}
