//! The shop's catalogue: what was bought, told from the cart tags of the order or, where
//! there are none, from the price that was paid.
//!
//! The catalogue holds no TOML, no files and no floats; whoever reads one marks each price
//! with the place where it stands, and gets the mark back with an error.

mod cart;
mod index;
mod lookup;

pub use index::{
    Bundle, Catalogue, Fallback, PIECES_MAX, PRICES_MAX, Price, PriceError, PriceErrorKind, Product, TagNames,
};
pub use lookup::Origin;

#[cfg(test)]
mod tests;
