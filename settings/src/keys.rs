//! The table of keys. Programs read settings by its rows, and `--help`, `--check` and
//! `docs/settings.md` are made from it. A program cannot read a key that is not in the table.

/// A program that reads settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `tandem-server`.
    Server,
    /// `tandem-gateway`.
    Gateway,
    /// `tandem`, the operator's tool.
    Tool,
    /// `tandem-sandbox`.
    Sandbox,
}

impl Program {
    /// All programs, in the order of the documents.
    pub const ALL: [Self; 4] = [Self::Server, Self::Gateway, Self::Tool, Self::Sandbox];

    /// The name of the program's binary.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "tandem-server",
            Self::Gateway => "tandem-gateway",
            Self::Tool => "tandem",
            Self::Sandbox => "tandem-sandbox",
        }
    }
}

/// The value that a key has while it is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultValue {
    /// This text, read as if it were set.
    Text(&'static str),
    /// A default that is not a value of the key, described in a few words.
    Means(&'static str),
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The variable, such as `TANDEM_JOIN_WAIT`. The key of the file is the same in lower case, without `TANDEM_`.
    pub name: &'static str,
    /// Programs that read the key.
    pub programs: &'static [Program],
    /// The value while the key is not set.
    pub default: DefaultValue,
    /// The meaning, in one sentence of plain text.
    pub meaning: &'static str,
    /// Whether the value is a secret: it is never shown, and `<name>_FILE` may name a file that contains it.
    pub is_secret: bool,
}

impl Key {
    /// The variable that names a file with the secret: `<name>_FILE`. `None` if the key is not a secret.
    pub fn file_variable(&self) -> Option<String> {
        self.is_secret.then(|| format!("{}_FILE", self.name))
    }

    /// The default's text. Empty for [`DefaultValue::Means`].
    pub const fn default_text(&self) -> &'static str {
        match self.default {
            DefaultValue::Text(text) => text,
            DefaultValue::Means(_) => "",
        }
    }

    /// Whether `program` reads this key.
    pub fn is_read_by(&self, program: Program) -> bool {
        self.programs.contains(&program)
    }

    const fn row(
        name: &'static str,
        programs: &'static [Program],
        default: DefaultValue,
        meaning: &'static str,
    ) -> Self {
        Self { name, programs, default, meaning, is_secret: false }
    }

    const fn key(self) -> Self {
        self
    }
}

/// What the text of a secret must be like to be of any use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretForm {
    /// Any text. It is the key of an HMAC that the shop has chosen, and no header carries it.
    Any,
    /// Visible ASCII without spaces, because a header carries it (RFC 9110, 5.5; RFC 6750, 2.1).
    Token,
    /// The same, as somebody else issued it: without quotes.
    Issued,
}

/// A row whose value is a secret. It can be read only as a [`crate::SecretSource`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretKey {
    key: Key,
    form: SecretForm,
}

impl SecretKey {
    /// The row in the table.
    pub const fn key(self) -> Key {
        self.key
    }

    /// What its text must be like. Of a list, each part.
    pub const fn form(self) -> SecretForm {
        self.form
    }

    const fn row(
        name: &'static str,
        programs: &'static [Program],
        default: DefaultValue,
        meaning: &'static str,
    ) -> Self {
        let key = Key { is_secret: true, ..Key::row(name, programs, default, meaning) };
        Self { key, form: SecretForm::Any }
    }

    const fn of(self, form: SecretForm) -> Self {
        Self { form, ..self }
    }
}

/// The key in the file for a variable: the name in lower case, without `TANDEM_`.
pub fn file_key(name: &str) -> String {
    name.strip_prefix("TANDEM_").unwrap_or(name).to_ascii_lowercase()
}

/// Prefixes of the names of all variables that the programs read.
pub const PREFIXES: [&str; 4] = ["TANDEM_", "META_", "CASHFREE_", "FACEBOOK_"];

/// Prefixes of variables for this project's tests and xtask. No program reads them.
pub const NOT_SETTINGS: [&str; 3] = ["TANDEM_TESTS_", "TANDEM_WASM32_", "TANDEM_WRITE_DOCS"];

/// Tables of the file (name, meaning). They have no variables. Only the server reads them.
pub const TABLES: [(&str, &str); 2] = [
    (
        "pixels",
        "One `[[pixels]]` table for each further pixel: `id`, `access_token` or `access_token_file`, \
         `test_event_code`, `app_secret` or `app_secret_file`, `origins`.",
    ),
    ("lead", "`required`: the fields that a lead must have, such as `[\"email\", \"first_name\"]`."),
];

macro_rules! rows {
    ($($kind:ident $(($form:ident))? $name:ident $programs:tt, $default:ident($text:literal), $meaning:literal;)*) => {
        $(
            #[doc = $meaning]
            #[allow(rustdoc::bare_urls)] // The meaning is plain text for all its readers.
            pub const $name: $kind =
                $kind::row(stringify!($name), &$programs, DefaultValue::$default($text), $meaning)
                $(.of(SecretForm::$form))?;
        )*
        /// All rows, in the order of the documents.
        pub const KEYS: &[Key] = &[$($name.key()),*];
    };
}

use Program::{Gateway, Sandbox, Server, Tool};

rows! {
    Key TANDEM_CONFIG [Server, Gateway, Tool, Sandbox], Means("no file"), "Path of a TOML file with settings, which all programs may share.";
    Key TANDEM_LOG [Server, Gateway, Tool, Sandbox], Text("info"), "What is logged to standard error: a level (off, error, warn, info, debug, trace), which a part of a program may override, as in info,tandem_server=debug.";

    Key TANDEM_GRPC_ADDR [Server], Text("127.0.0.1:50051"), "Address for gRPC and gRPC-web; port 0 picks a free port.";
    Key TANDEM_HTTP_ADDR [Server], Text("127.0.0.1:9090"), "Address for health, metrics and the dashboard; port 0 picks a free port.";
    Key TANDEM_HTTP_HOSTS [Server], Means("addresses and this machine's own names"), "Further names under which the HTTP port may be asked for metrics, health and the dashboard, comma-separated, without ports; probes answer every name.";
    Key TANDEM_GATEWAY_ADDR [Gateway], Text("127.0.0.1:8080"), "Address for webhooks; port 0 picks a free port.";
    Key TANDEM_SERVER_URL [Gateway, Tool], Text("http://127.0.0.1:50051"), "The Tandem server; plain http to another machine needs --insecure.";
    SecretKey(Token) TANDEM_INTERNAL_TOKEN [Server, Gateway, Tool], Means("the file internal-token in TANDEM_DATA_DIR, which the server writes"), "Proves that a caller is internal; of a comma-separated list, the server accepts each token, and gateway and tool send the first.";
    Key TANDEM_DATA_DIR [Server, Gateway, Tool], Text("./data"), "The server's data directory; gateway and tool look for its internal token there.";
    Key TANDEM_STORE [Server], Text("embedded"), "The store; this version has only the embedded one.";
    Key TANDEM_RETENTION [Server], Text("30d"), "How long events are kept after they finished, in running time of the server; at least 8 days.";

    Key FACEBOOK_PIXEL_ID [Server], Means("events are accepted and held"), "The pixel (dataset) that events go to.";
    SecretKey(Issued) FACEBOOK_ACCESS_TOKEN [Server], Means("events are accepted and held"), "Access token of that pixel.";
    Key FACEBOOK_TEST_EVENT_CODE [Server], Means("none is sent"), "Test code from the Events Manager, sent with each event of that pixel; Meta counts these events too.";
    SecretKey(Issued) FACEBOOK_APP_SECRET [Server], Means("no proof is sent"), "App secret; with it each call carries appsecret_proof.";
    Key META_GRAPH_URL [Server], Text("https://graph.facebook.com"), "Base address of the Graph API: https, or http on this machine.";
    Key META_GRAPH_VERSION [Server], Text("v25.0"), "Version of the Graph API.";
    Key META_CONNECT_TIMEOUT [Server], Text("1500ms"), "Longest wait for a connection to Meta.";
    Key META_TIMEOUT [Server], Text("10s"), "Longest wait for an answer from Meta.";

    Key CASHFREE_ENVIRONMENT [Server], Text("SANDBOX"), "SANDBOX or PRODUCTION; picks the client secret.";
    SecretKey(Issued) CASHFREE_CLIENT_SECRET [Server, Tool], Means("webhooks are answered with 503"), "Cashfree's client secrets of the sandbox, comma-separated, newest first; the tool signs doctor's ping with the first.";
    SecretKey(Issued) CASHFREE_CLIENT_SECRET_PRODUCTION [Server, Tool], Means("webhooks are answered with 503"), "Cashfree's client secrets of production, comma-separated, newest first; the tool signs doctor's ping with the first.";
    Key CASHFREE_CLIENT_ID [Server], Means("the Orders API is not asked"), "Cashfree's client ID; with it, the server asks the Orders API about orders that look unpaid.";
    Key CASHFREE_API_URL [Server], Means("Cashfree's address for the environment"), "Base address of Cashfree's API: https, or http on this machine.";
    Key CASHFREE_LEGACY_WEBHOOKS [Server], Text("false"), "Whether Cashfree's oldest, form-encoded notifications are accepted as hints; needs CASHFREE_CLIENT_ID.";
    Key CASHFREE_SUBSCRIPTION_PURCHASES [Server], Text("false"), "Whether each successful charge of a subscription is a Purchase, whose order is the charge's payment_id.";
    Key CASHFREE_ALLOWED_ADDRESSES [Gateway], Means("any"), "Networks that may send webhooks, comma-separated.";
    Key TANDEM_WEBHOOK_MAX_AGE [Server], Text("72h"), "Signed webhooks that are older are refused.";

    Key TANDEM_ALLOWED_ORIGINS [Server], Means("this machine's own names, any port"), "The shop's origins, comma-separated, such as https://shop.example or https://*.shop.example (any one label); a list replaces the default.";
    Key TANDEM_SHOP_URL [Server], Means("the pixel's first allowed origin; without one, events without a page are held"), "event_source_url of events whose page is not known.";
    Key TANDEM_TRUSTED_PROXIES [Server, Gateway], Means("none"), "Networks of proxies whose X-Forwarded-For is believed, comma-separated.";
    Key TANDEM_RATE_LIMIT [Server], Text("50/s burst 200"), "Calls that one client address may make to the public RPCs, or off.";
    SecretKey(Any) TANDEM_CLAIM_SECRET [Server], Means("order IDs must be unguessable"), "With it, a page's word about an order (claim, checkout event, confirmation) counts only with its claim_key.";
    Key TANDEM_COOKIE_DOMAIN [Server], Means("no cookies are set"), "Domain for which the server sets the cookies _fbp and _fbc by HTTP.";
    Key TANDEM_CONSENT_REQUIRED [Server], Text("false"), "Whether consent that is not specified counts as denied, also of orders that no page named.";
    Key TANDEM_BROWSER_POLICY [Server], Text("verified"), "When the page may fire Purchase: verified (once the server knows that the order is paid) or optimistic (at once).";
    Key TANDEM_JOIN_WAIT [Server], Text("30s"), "How long a paid order without browser signals waits for them.";
    Key TANDEM_DEFAULT_COUNTRY [Server], Text("IN"), "Country of national phone numbers.";
    Key TANDEM_DEFAULT_CURRENCY [Server], Text("INR"), "Currency of events that give none.";
    Key TANDEM_CATALOG [Server], Means("no catalogue"), "Path of the TOML product catalogue.";
    Key TANDEM_REFUND_EVENT [Server], Means("nothing is sent"), "Name of the custom event that is sent for refunds.";

    Key TANDEM_TLS_CERT [Server], Means("no TLS"), "Path of the certificate of the gRPC port, PEM.";
    Key TANDEM_TLS_KEY [Server], Means("no TLS"), "Path of the key of TANDEM_TLS_CERT, PEM.";
    Key TANDEM_TLS_CLIENT_CA [Server], Means("no certificate proves an internal caller"), "Path of the CA whose client certificates prove an internal caller, PEM.";
    Key TANDEM_TLS_CLIENT_NAMES [Server], Means("all certificates of TANDEM_TLS_CLIENT_CA"), "Names whose certificates prove an internal caller (subject alternative names: DNS names or addresses), comma-separated; set it where that CA signs for others too.";
    Key TANDEM_TLS_CA [Gateway, Tool], Means("the system's"), "Path of the CA of the server's certificate, PEM.";
    Key TANDEM_TLS_CLIENT_CERT [Gateway, Tool], Means("none"), "Path of the certificate to show to the server, PEM; the internal token is not needed then.";
    Key TANDEM_TLS_CLIENT_KEY [Gateway, Tool], Means("none"), "Path of the key of TANDEM_TLS_CLIENT_CERT, PEM.";

    Key TANDEM_SANDBOX_ADDR [Sandbox], Text("127.0.0.1:8090"), "Address to listen on; port 0 picks a free port.";
    Key TANDEM_SANDBOX_PIXEL_ID [Sandbox], Text("123456789012345"), "The pixel that exists at the fake Graph API; several comma-separated, the shop uses the first.";
    Key TANDEM_SANDBOX_TOKEN [Sandbox], Text("sandbox-token"), "The access token that the fake Graph API accepts.";
    Key TANDEM_SANDBOX_APP_SECRET [Sandbox], Means("no proof is asked for"), "App secret; with it, every Graph call must carry the right appsecret_proof.";
    Key TANDEM_SANDBOX_REQUIRE_USER_AGENT [Sandbox], Text("false"), "Whether website events without client_user_agent are refused, as Meta documents; in observed calls the real Graph API accepted them.";
    Key TANDEM_SANDBOX_CLIENT_ID [Sandbox], Text("TEST_sandbox_client"), "Client ID that the fake Orders API accepts.";
    Key TANDEM_SANDBOX_CLIENT_SECRET [Sandbox], Text("cfsk_ma_test_sandbox_secret"), "Client secret, with which the fake Cashfree signs webhooks and which its Orders API accepts.";
    Key TANDEM_SANDBOX_WEBHOOK_URL [Sandbox], Text("http://127.0.0.1:8080/webhooks/cashfree"), "Where the fake Cashfree sends webhooks.";
    Key TANDEM_SANDBOX_TANDEM_URL [Sandbox], Text("http://127.0.0.1:50051"), "The Tandem server that the shop's pages connect to.";
    Key TANDEM_SANDBOX_PKG [Sandbox], Text("web-client/pkg"), "Folder with the built browser package, served under /pkg/.";
    Key TANDEM_SANDBOX_EXAMPLES [Sandbox], Text("examples"), "Folder with the examples, whose web pages are served under /examples/.";
    Key TANDEM_SANDBOX_TIME_SCALE [Sandbox], Text("1"), "Divides the delays between a webhook's repetitions (2, 10 and 30 minutes).";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_key_stands_once_and_begins_as_ours_do() {
        let mut variables = BTreeSet::new();
        for key in KEYS {
            for variable in [Some(key.name.to_owned()), key.file_variable()].into_iter().flatten() {
                assert!(PREFIXES.iter().any(|prefix| variable.starts_with(prefix)), "{variable}");
                assert!(!NOT_SETTINGS.iter().any(|start| variable.starts_with(start)), "{variable}");
                assert!(variables.insert(file_key(&variable)), "{variable} is there twice");
            }
        }
        for (table, _) in TABLES {
            assert!(!variables.contains(table), "{table} is a table and a key");
        }
    }

    #[test]
    fn each_meaning_is_one_sentence() {
        for key in KEYS {
            assert!(key.meaning.ends_with('.') && !key.meaning.contains(". "), "{}", key.name);
            assert!(!key.programs.is_empty(), "{}", key.name);
        }
    }
}
