//! Settings that work and that somebody should look at. They stand in one table ([`RULES`]): the log
//! at the start, `--check`, health and `tandem doctor` tell what it finds, in the same words. What can
//! never work is not here: the program does not start with it.

use std::fmt;
use std::path::PathBuf;

use secrecy::ExposeSecret as _;
use tandem_core::order::Environment;
use tandem_net::Tls;
use tandem_settings::keys::{
    CASHFREE_API_URL, CASHFREE_CLIENT_SECRET, CASHFREE_CLIENT_SECRET_PRODUCTION, FACEBOOK_ACCESS_TOKEN,
    FACEBOOK_APP_SECRET, TANDEM_CLAIM_SECRET, TANDEM_DATA_DIR, TANDEM_INTERNAL_TOKEN,
    TANDEM_TLS_CLIENT_NAMES,
};
use tandem_settings::{SecretForm, SecretKey, SecretSource};
use url::Url;

use super::settings::Settings;
use crate::private;

/// A secret with fewer bytes than this can be found by trying (NIST SP 800-107: 112 bits).
const SECRET_BYTES_MIN: usize = 16;
/// How Cashfree's client secrets begin.
const SECRET_PREFIXES: [(Environment, &str); 2] =
    [(Environment::Sandbox, "cfsk_ma_test_"), (Environment::Production, "cfsk_ma_prod_")];

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// A risk to know of, and no trouble of today.
    Advice,
    /// An operator should look at it: health is degraded.
    Degraded,
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingAdvice {
    /// Stable code.
    pub code: &'static str,
    /// The variable, the key of the file, or the pixel that it is about.
    pub subject: String,
    pub weight: Weight,
    /// What was found, in words for a person.
    pub what: &'static str,
    /// What to do.
    pub advice: &'static str,
}

impl SettingAdvice {
    /// The reason as health tells it.
    pub fn reason(&self) -> String {
        format!("{}:{}", self.code, self.subject)
    }
}

impl fmt::Display for SettingAdvice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.subject, self.what, self.advice)
    }
}

/// The settings that the rules judge. Files of secrets are read again each time.
#[derive(Debug, Clone, Default)]
pub struct SettingsReview {
    secrets: Vec<NamedSecret>,
    environment: Environment,
    is_real_meta: bool,
    cashfree_api: Option<Url>,
    data_dir: PathBuf,
    /// IDs of the pixels that have a test event code.
    testing: Vec<String>,
    /// Every certificate of the client CA proves an internal caller.
    trusts_whole_ca: bool,
}

#[derive(Debug, Clone)]
struct NamedSecret {
    name: String,
    row: SecretKey,
    source: SecretSource,
}

impl NamedSecret {
    /// Whether `is_so` holds for a part of it.
    fn any(&self, is_so: impl Fn(&str) -> bool) -> bool {
        self.source.list().iter().any(|part| is_so(part.expose_secret()))
    }

    /// Whether the shop chose it. Others issue the rest, so that only they know what is right.
    fn is_chosen(&self) -> bool {
        self.row.form() != SecretForm::Issued
    }
}

/// A row of the table.
struct Rule {
    code: &'static str,
    weight: Weight,
    what: &'static str,
    advice: &'static str,
    /// What the rule is broken by.
    subjects: fn(&SettingsReview) -> Vec<String>,
}

const RULES: [Rule; 8] = [
    Rule {
        code: "secret_file_unusable",
        weight: Weight::Degraded,
        what: "the file is gone, empty, unreadable or holds what cannot be such a secret",
        advice: "write the secret alone into it, as visible ASCII; the last good one stays in use until then",
        subjects: |review| {
            let spoilt = review.secrets.iter().filter(|secret| secret.source.is_spoilt());
            spoilt.map(NamedSecret::file_name).collect()
        },
    },
    Rule {
        code: "secret_short",
        weight: Weight::Advice,
        what: "has fewer than 16 bytes, so that it can be found by trying, or was cut",
        advice: "make one with `openssl rand -hex 32`; a token of Meta's is far longer",
        subjects: |review| {
            review.names(|secret| {
                let is_judged =
                    secret.is_chosen() || (review.is_real_meta && secret.row == FACEBOOK_ACCESS_TOKEN);
                is_judged && secret.any(|part| part.len() < SECRET_BYTES_MIN)
            })
        },
    },
    Rule {
        code: "secret_quoted",
        weight: Weight::Advice,
        what: "stands in quotes, and they are part of it",
        advice: "remove them: a file of variables that is read word for word keeps them; then give all sides the same",
        subjects: |review| review.names(|secret| secret.is_chosen() && secret.any(is_quoted)),
    },
    Rule {
        code: "secret_of_other_environment",
        weight: Weight::Advice,
        what: "begins as a client secret of Cashfree's other environment",
        advice: "CASHFREE_CLIENT_SECRET is the sandbox's (cfsk_ma_test_), CASHFREE_CLIENT_SECRET_PRODUCTION the live one \
                 (cfsk_ma_prod_); no webhook passes with the wrong one",
        subjects: |review| {
            review.names(|secret| {
                let other = match secret.row {
                    CASHFREE_CLIENT_SECRET => Environment::Production,
                    CASHFREE_CLIENT_SECRET_PRODUCTION => Environment::Sandbox,
                    _ => return false,
                };
                secret.any(|part| {
                    SECRET_PREFIXES.iter().any(|(of, prefix)| *of == other && part.starts_with(prefix))
                })
            })
        },
    },
    Rule {
        code: "api_of_other_environment",
        weight: Weight::Advice,
        what: "is Cashfree's address of the other environment",
        advice: "remove it: the address follows from CASHFREE_ENVIRONMENT",
        subjects: |review| {
            let other = match review.environment {
                Environment::Sandbox => Environment::Production,
                Environment::Production => Environment::Sandbox,
            };
            let other = Url::parse(super::settings::cashfree_api(other)).ok();
            let is_other = |url: &Url| other.is_some_and(|other| other.host() == url.host());
            review
                .cashfree_api
                .as_ref()
                .filter(|url| is_other(url))
                .map(|_| CASHFREE_API_URL.name.to_owned())
                .into_iter()
                .collect()
        },
    },
    Rule {
        code: "client_names_unset",
        weight: Weight::Advice,
        what: "every certificate of TANDEM_TLS_CLIENT_CA stands for the internal token",
        advice: "name the shop's own services, unless that CA signs for them alone",
        subjects: |review| match review.trusts_whole_ca {
            true => vec![TANDEM_TLS_CLIENT_NAMES.name.to_owned()],
            false => Vec::new(),
        },
    },
    Rule {
        code: "data_dir_open",
        weight: Weight::Advice,
        what: "others on this machine may enter or read it, and it holds personal data and the token",
        advice: "give it to the server's user alone (chown, then chmod 700 for the directory and 600 for its files); the \
                 server closes what is its own at its start",
        subjects: |review| {
            let places = private::open_to_others(&review.data_dir);
            let subject = |place: String| format!("{}{place}", TANDEM_DATA_DIR.name);
            places.into_iter().map(subject).collect()
        },
    },
    Rule {
        code: "test_event_code_in_production",
        weight: Weight::Degraded,
        what: "real orders are sent with a test event code",
        advice: "remove FACEBOOK_TEST_EVENT_CODE and restart; with it, Events Manager lists real orders as tests, and \
                 Meta counts tests like sales",
        subjects: |review| match review.environment {
            Environment::Production => review.testing.clone(),
            Environment::Sandbox => Vec::new(),
        },
    },
];

impl NamedSecret {
    /// The setting that names its file.
    fn file_name(&self) -> String {
        match self.name.ends_with(|last: char| last.is_ascii_lowercase()) {
            true => format!("{}_file", self.name),
            false => format!("{}_FILE", self.name),
        }
    }
}

impl SettingsReview {
    /// Copies what is judged.
    pub fn of(settings: &Settings) -> Self {
        let mut secrets = Vec::new();
        let mut add = |name: String, row: SecretKey, source: Option<&SecretSource>| {
            secrets.extend(source.cloned().map(|source| NamedSecret { name, row, source }));
        };
        for (row, source) in [
            (TANDEM_INTERNAL_TOKEN, &settings.internal_token),
            (TANDEM_CLAIM_SECRET, &settings.claim_secret),
            (CASHFREE_CLIENT_SECRET, &settings.cashfree.sandbox_secrets),
            (CASHFREE_CLIENT_SECRET_PRODUCTION, &settings.cashfree.production_secrets),
        ] {
            add(row.key().name.to_owned(), row, source.as_ref());
        }
        for pixel in &settings.pixels {
            add(
                pixel.setting("access_token", FACEBOOK_ACCESS_TOKEN),
                FACEBOOK_ACCESS_TOKEN,
                pixel.token.as_ref(),
            );
            add(
                pixel.setting("app_secret", FACEBOOK_APP_SECRET),
                FACEBOOK_APP_SECRET,
                pixel.app_secret.as_ref(),
            );
        }
        let testing = settings.pixels.iter().filter(|pixel| pixel.test_event_code.is_some());
        Self {
            secrets,
            environment: settings.cashfree.environment,
            is_real_meta: settings.meta.is_real(),
            cashfree_api: Some(settings.cashfree.api_url.clone()),
            data_dir: settings.data_dir.clone(),
            testing: testing.map(|pixel| pixel.id.as_str().to_owned()).collect(),
            trusts_whole_ca: settings.tls.as_ref().is_some_and(Tls::trusts_whole_ca),
        }
    }

    /// What there is to tell now, in the table's order.
    pub fn findings(&self) -> Vec<SettingAdvice> {
        let of_rule = |rule: &Rule| {
            let (code, weight, what, advice) = (rule.code, rule.weight, rule.what, rule.advice);
            let subjects = (rule.subjects)(self).into_iter();
            subjects.map(move |subject| SettingAdvice { code, subject, weight, what, advice })
        };
        RULES.iter().flat_map(of_rule).collect()
    }

    /// Names of the secrets for which `is_so` holds.
    fn names(&self, is_so: impl Fn(&NamedSecret) -> bool) -> Vec<String> {
        self.secrets.iter().filter(|secret| is_so(secret)).map(|secret| secret.name.clone()).collect()
    }
}

/// Whether a text stands in quotes.
fn is_quoted(text: &str) -> bool {
    let within = |quote: char| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
    ['"', '\'', '`'].into_iter().any(within)
}

#[cfg(test)]
mod tests {
    use tandem_settings::Source;

    use super::*;

    const PIXEL: (&str, &str) = ("FACEBOOK_PIXEL_ID", "123456789012345");

    fn review(pairs: &[(&str, &str)]) -> SettingsReview {
        SettingsReview::of(&Settings::read(&Source::from_pairs(pairs.iter().copied())).unwrap())
    }

    fn reasons(pairs: &[(&str, &str)]) -> Vec<String> {
        review(pairs).findings().iter().map(SettingAdvice::reason).collect()
    }

    #[test]
    fn settings_of_a_shop_give_no_reason() {
        let long = "0123456789abcdef";
        assert_eq!(reasons(&[]), [""; 0]);
        assert_eq!(
            reasons(&[
                PIXEL,
                ("FACEBOOK_ACCESS_TOKEN", "EAABwzLixnjYBO0123456789"),
                ("CASHFREE_ENVIRONMENT", "PRODUCTION"),
                ("CASHFREE_CLIENT_SECRET", "cfsk_ma_test_x"),
                ("CASHFREE_CLIENT_SECRET_PRODUCTION", "cfsk_ma_prod_x,an_old_one_without_prefix"),
                ("TANDEM_CLAIM_SECRET", long),
                ("TANDEM_INTERNAL_TOKEN", long),
            ]),
            [""; 0]
        );
    }

    #[test]
    fn what_is_weak_or_of_the_wrong_place_is_told() {
        let sandbox = ("META_GRAPH_URL", "http://127.0.0.1:8090/graph");
        for (pairs, expected) in [
            (&[("TANDEM_CLAIM_SECRET", "x")][..], &["secret_short:TANDEM_CLAIM_SECRET"][..]),
            (&[("TANDEM_CLAIM_SECRET", "fifteen-bytes-x")], &["secret_short:TANDEM_CLAIM_SECRET"]),
            (&[("TANDEM_INTERNAL_TOKEN", "0123456789abcdef,short")], &["secret_short:TANDEM_INTERNAL_TOKEN"]),
            (&[("TANDEM_INTERNAL_TOKEN", "\"0123456789abcdef\"")], &["secret_quoted:TANDEM_INTERNAL_TOKEN"]),
            (&[("TANDEM_CLAIM_SECRET", "'0123456789abcdef'")], &["secret_quoted:TANDEM_CLAIM_SECRET"]),
            (&[PIXEL, ("FACEBOOK_ACCESS_TOKEN", "EAAB")], &["secret_short:FACEBOOK_ACCESS_TOKEN"]),
            (&[PIXEL, ("FACEBOOK_ACCESS_TOKEN", "EAAB"), sandbox], &[]),
            (
                &[("CASHFREE_CLIENT_SECRET", "cfsk_ma_prod_x")],
                &["secret_of_other_environment:CASHFREE_CLIENT_SECRET"],
            ),
            (
                &[
                    ("CASHFREE_CLIENT_SECRET_PRODUCTION", "x,cfsk_ma_test_x"),
                    ("CASHFREE_ENVIRONMENT", "PRODUCTION"),
                ],
                &["secret_of_other_environment:CASHFREE_CLIENT_SECRET_PRODUCTION"],
            ),
            (
                &[("CASHFREE_API_URL", "https://api.cashfree.com/pg")],
                &["api_of_other_environment:CASHFREE_API_URL"],
            ),
            (&[("CASHFREE_API_URL", "http://127.0.0.1:8090/pg")], &[]),
            (
                &[PIXEL, ("FACEBOOK_TEST_EVENT_CODE", "T1"), ("CASHFREE_ENVIRONMENT", "PRODUCTION")],
                &["test_event_code_in_production:123456789012345"],
            ),
        ] {
            assert_eq!(reasons(pairs), expected, "{pairs:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_data_directory_that_others_may_enter_is_told_of() {
        use std::os::unix::fs::PermissionsExt;

        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().to_str().unwrap();
        std::fs::set_permissions(data, PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(reasons(&[("TANDEM_DATA_DIR", data)]), ["data_dir_open:TANDEM_DATA_DIR"]);
        private::make_private(dir.path()).unwrap();
        assert_eq!(reasons(&[("TANDEM_DATA_DIR", data)]), [""; 0]);
    }

    #[test]
    fn a_file_that_changes_is_judged_as_it_is_now() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "EAABwzLixnjYBO0123456789").unwrap();
        let file = path.to_str().unwrap();
        let config = format!("[[pixels]]\nid = '555555555555555'\napp_secret_file = '{file}'");
        let source =
            Source::from_pairs([PIXEL, ("FACEBOOK_ACCESS_TOKEN_FILE", file)]).with_file(&config).unwrap();
        let review = SettingsReview::of(&Settings::read(&source).unwrap());
        assert!(review.findings().is_empty());
        std::fs::write(&path, "EAABwz\tLixnjYBO").unwrap();
        let found: Vec<String> = review.findings().iter().map(SettingAdvice::reason).collect();
        let names = ["FACEBOOK_ACCESS_TOKEN_FILE", "pixels.555555555555555.app_secret_file"];
        assert_eq!(found, names.map(|name| format!("secret_file_unusable:{name}")));
        std::fs::write(&path, "EAABwzLixnjYBO01234567890").unwrap();
        assert!(review.findings().is_empty());
    }

    #[test]
    fn no_words_hold_a_secret_and_all_say_what_to_do() {
        for found in review(&[("TANDEM_CLAIM_SECRET", "'s3cret'")]).findings() {
            assert!(!format!("{found} {found:?}").contains("s3cret"), "{found}");
            assert!(!found.advice.is_empty() && !found.to_string().contains('\n'));
        }
    }
}
