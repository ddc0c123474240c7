//! The shop's catalogue: it finds what was bought from the cart tags of the order or, if there are
//! none, from the price that was paid.
//!
//! This module knows no files and no TOML. The reader of a catalogue file marks each price with
//! its place in the file, and an error returns that mark.

mod cart;
mod index;
mod lookup;

pub use index::{
    Bundle, Catalogue, Fallback, PIECES_MAX, PRICES_MAX, Price, PriceError, PriceErrorKind, Product, TagNames,
};
pub use lookup::Origin;

#[cfg(test)]
mod tests;
