//! The shop in headless Chromium.
