//! The core's golden vectors in the browser, with the browser's own Unicode functions.
