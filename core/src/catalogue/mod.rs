//! The shop's catalogue: what was bought, told from the cart tags of the order or, where
//! there are none, from the price that was paid.
//!
//! The catalogue holds no TOML, no files and no floats; whoever reads one marks each price
//! with the place where it stands, and gets the mark back with a fault.

mod cart;
mod index;
mod lookup;

pub use index::{
    Bundle, Catalogue, Fallback, Fault, PIECES_MAX, PRICES_MAX, Price, Problem, Product, TagNames,
};
pub use lookup::Origin;

#[cfg(test)]
mod tests;
