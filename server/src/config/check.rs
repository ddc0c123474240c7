//! What `tandem-server --check` prints.

use std::fmt::Write as _;

use tandem_settings::keys::FACEBOOK_PIXEL_ID;
use tandem_settings::{Program, SecretSource, Source};

use super::settings::Settings;

/// All settings as the server understands them, one per line. The file's pixels and the required
/// lead fields follow.
pub fn understood(source: &Source, settings: &Settings) -> String {
    let mut text = tandem_settings::understood(source, Program::Server);
    let set = |secret: &Option<SecretSource>| match secret {
        Some(secret) if secret.newest().is_ok() => "set",
        _ => "unset",
    };
    // The variables may define the first pixel. The file defines the rest.
    let of_variables = usize::from(source.get(FACEBOOK_PIXEL_ID).is_some());
    for (i, pixel) in settings.pixels.iter().skip(of_variables).enumerate() {
        let (token, app_secret) = (set(&pixel.token), set(&pixel.app_secret));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_and_needs_of_leads_have_lines_of_their_own() {
        let source = Source::from_pairs([("FACEBOOK_PIXEL_ID", "123456789012345")]);
        let file =
            "[[pixels]]\nid = '555555555555555'\napp_secret = 's3cret'\n[lead]\nrequired = ['email']\n";
        let source = source.with_file(file).unwrap();
        let text = understood(&source, &Settings::read(&source).unwrap());
        assert!(text.contains("\npixels[0]  555555555555555, access_token unset, app_secret set  (file)\n"));
        assert!(
            text.ends_with("\nlead.required  user.email  (file)\n") && !text.contains("s3cret"),
            "{text}"
        );
    }
}
