//! What `tandem-server --check` prints.

use std::fmt::Write as _;

use tandem_settings::keys::FACEBOOK_PIXEL_ID;
use tandem_settings::{Program, Source};

use super::settings::Settings;

/// All settings as they were understood, a line each, then the file's pixels and what leads need.
pub fn understood(source: &Source, settings: &Settings) -> String {
    let mut text = tandem_settings::understood(source, Program::Server);
    let set = |is_set: bool| if is_set { "set" } else { "unset" };
    // The first pixel may be the variables'; the rest are the file's.
    let of_variables = usize::from(source.get(FACEBOOK_PIXEL_ID).is_some());
    for (i, pixel) in settings.pixels.iter().skip(of_variables).enumerate() {
        let (token, app_secret) = (set(pixel.token.is_some()), set(pixel.app_secret.is_some()));
        let _ = writeln!(
            text,
            "pixels[{i}]  {}, access_token {token}, app_secret {app_secret}  (file)",
            pixel.id
        );
    }
    if !settings.lead_required.is_empty() {
        let fields: Vec<&str> = settings.lead_required.iter().map(|key| key.field()).collect();
        let _ = writeln!(text, "lead.required  {}  (file)", fields.join(", "));
    }
    text
}
