//! The ID of a pixel, which is also its dataset's.

use super::text::{IdError, text_id};

text_id! {
    /// ID of a pixel: 5 to 20 digits. The same number names the dataset.
    PixelId
}

impl PixelId {
    /// Reads a pixel ID: 5 to 20 digits.
    ///
    /// # Errors
    /// [`IdError::Missing`] when the text is empty, and [`IdError::NotPixel`] when it is not such a
    /// number.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        match text.len() {
            0 => Err(IdError::Missing),
            5..=20 if text.bytes().all(|b| b.is_ascii_digit()) => Ok(Self(text.into())),
            _ => Err(IdError::NotPixel),
        }
    }

    /// Placeholder while no pixel is configured. Accepted events wait under this ID.
    pub fn unassigned() -> Self {
        Self("00000".into())
    }
}
