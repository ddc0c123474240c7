//! `csp_script_src`, `csp_wasm`, `csp_connect_src`, `csp_img_src`: what a page's Content-Security-Policy blocks.
//!
//! Source: W3C, Content Security Policy Level 3. `docs/serving.md` lists what Tandem and the pixel need.

use url::Url;

use crate::code::Code;
use crate::reports::Reports;
use crate::script::{Span, Target, Value};
use crate::survey::{Survey, View};

const LIBRARY: &str = "https://connect.facebook.net/en_US/fbevents.js";
const REPORT: &str = "https://www.facebook.com/tr/";

pub(super) fn check(survey: &Survey<'_>, reports: &mut Reports<'_>) {
    for view in &survey.views {
        let page = view.page;
        let required = Requirements::of(survey, view);
        if !required.pixel {
            continue;
        }
        let metas =
            page.html.policies.iter().map(|policy| (page.source, policy.span.clone(), policy.value.as_str()));
        let headers = page.header_policies.iter().flat_map(|source| {
            let text = survey.text(*source);
            // A header field may contain several policies, separated by commas.
            text.split(',').map(move |policy| {
                let start = policy.as_ptr() as usize - text.as_ptr() as usize;
                (*source, start..start + policy.len(), policy)
            })
        });
        // The origin is known only for a fetched page.
        let own = survey.shop.sources.get(page.source).and_then(|text| Url::parse(text.name()).ok());
        for (source, span, policy) in metas.chain(headers) {
            judge(&Policy { own: own.as_ref(), ..Policy::of(policy) }, &required, source, &span, reports);
        }
    }
}

/// What the page's policy must allow.
struct Requirements {
    pixel: bool,
    tandem: bool,
    /// Addresses of Tandem servers that the page names.
    endpoints: Vec<String>,
}

impl Requirements {
    fn of(survey: &Survey<'_>, view: &View<'_>) -> Self {
        let mut required = Self { pixel: false, tandem: false, endpoints: Vec::new() };
        for unit in view.runs.iter().filter_map(|run| survey.units.get(run.unit)) {
            let facts = &unit.facts;
            required.pixel |= !facts.defines.is_empty();
            required.tandem |= facts.imports.iter().any(|(name, _)| name == "tandem-web");
            for call in &facts.calls {
                match &call.target {
                    Target::Fbq => required.pixel = true,
                    Target::Tandem(method) => {
                        required.tandem = true;
                        let options = call.value(0).map(|value| facts.resolve(value));
                        if method == "connect"
                            && let Some(Value::Object(options)) = options
                            && let Some(entry) = options.get("endpoint")
                        {
                            required.endpoints.extend(facts.resolve(&entry.value).text());
                        }
                    }
                    Target::Network => {}
                }
            }
        }
        // The script tag that needs no code.
        let attributes = &view.page.html.attributes;
        if attributes.iter().any(|attribute| attribute.name == "data-pixel-id") {
            required.tandem = true;
            let endpoints = attributes.iter().filter(|attribute| attribute.name == "data-endpoint");
            required.endpoints.extend(endpoints.map(|attribute| attribute.value.clone()));
        }
        required.pixel |= required.tandem;
        required
    }
}

fn judge(
    policy: &Policy<'_>,
    required: &Requirements,
    source: usize,
    span: &Span,
    reports: &mut Reports<'_>,
) {
    let mut miss = |code, what: &str, help: &str| {
        reports.at(code, source, span, format!("the page's policy {what}"), help);
    };
    if !policy.allows_script(LIBRARY) {
        miss(Code::CspScriptSrc, "blocks Meta's library", "add https://connect.facebook.net to script-src");
    }
    if required.tandem && !policy.allows_wasm() {
        miss(Code::CspWasm, "blocks WebAssembly", "add 'wasm-unsafe-eval' to script-src");
    }
    if !policy.allows("connect-src", REPORT) {
        miss(
            Code::CspConnectSrc,
            "forbids the pixel's calls to Meta",
            "add https://*.facebook.com to connect-src",
        );
    }
    for endpoint in &required.endpoints {
        if !policy.allows("connect-src", endpoint) {
            miss(
                Code::CspConnectSrc,
                "forbids calls to the Tandem server",
                "add the endpoint of Tandem.connect to connect-src",
            );
        }
    }
    if !policy.allows("img-src", REPORT) {
        miss(Code::CspImgSrc, "forbids the pixel's image", "add https://www.facebook.com to img-src");
    }
}

/// A policy's directives: names in lower case, with their sources.
struct Policy<'p> {
    directives: Vec<(String, Vec<&'p str>)>,
    own: Option<&'p Url>,
}

impl<'p> Policy<'p> {
    fn of(text: &'p str) -> Self {
        let mut directives: Vec<(String, Vec<&str>)> = Vec::new();
        for directive in text.split(';') {
            let mut words = directive.split_ascii_whitespace();
            let Some(name) = words.next().map(str::to_ascii_lowercase) else { continue };
            // If a directive is repeated, the first one counts.
            if !directives.iter().any(|(known, _)| *known == name) {
                directives.push((name, words.collect()));
            }
        }
        Self { directives, own: None }
    }

    /// The sources of the first of these directives that the policy has.
    fn sources(&self, names: &[&str]) -> Option<&[&'p str]> {
        names.iter().find_map(|name| {
            let found = self.directives.iter().find(|(known, _)| known == name)?;
            Some(found.1.as_slice())
        })
    }

    fn allows(&self, directive: &str, address: &str) -> bool {
        let is_own = || {
            let origin = Url::parse(address).ok().map(|url| url.origin());
            origin.is_none() || origin == self.own.map(Url::origin)
        };
        self.sources(&[directive, "default-src"]).is_none_or(|sources| {
            sources.iter().any(|source| matches(source, address)) || (has(sources, "'self'") && is_own())
        })
    }

    fn allows_script(&self, address: &str) -> bool {
        self.sources(&["script-src-elem", "script-src", "default-src"]).is_none_or(|sources| {
            // With 'strict-dynamic' a trusted script may load others, and lists of hosts have no effect.
            has(sources, "'strict-dynamic'") || sources.iter().any(|source| matches(source, address))
        })
    }

    fn allows_wasm(&self) -> bool {
        self.sources(&["script-src", "default-src"])
            .is_none_or(|sources| has(sources, "'wasm-unsafe-eval'") || has(sources, "'unsafe-eval'"))
    }
}

fn has(sources: &[&str], keyword: &str) -> bool {
    sources.iter().any(|source| source.eq_ignore_ascii_case(keyword))
}

/// Whether a host or scheme source matches an address.
fn matches(source: &str, address: &str) -> bool {
    let Ok(url) = Url::parse(address) else { return false };
    if source == "*" {
        return matches!(url.scheme(), "http" | "https" | "ws" | "wss");
    }
    // A source with http also allows https.
    let is_scheme = |scheme: &str| {
        scheme.eq_ignore_ascii_case(url.scheme())
            || (scheme.eq_ignore_ascii_case("http") && url.scheme() == "https")
    };
    if let Some(scheme) = source.strip_suffix(':') {
        return is_scheme(scheme);
    }
    let rest = match source.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => rest,
        Some(_) => return false,
        None => source,
    };
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let is_port = match port {
        Some("*") => true,
        Some(port) => url.port_or_known_default().is_some_and(|known| known.to_string() == port),
        None => url.port().is_none(),
    };
    let (own, host) = (url.host_str().unwrap_or_default(), host.to_ascii_lowercase());
    // Hosts are compared without regard to case. Only paths are case-sensitive.
    let is_host = match host.strip_prefix('*') {
        Some(end) if end.starts_with('.') => own.ends_with(end),
        _ => own == host,
    };
    let is_path = path.is_empty()
        || path == "/"
        || url.path() == path
        || (path.ends_with('/') && url.path().starts_with(path));
    is_host && is_port && is_path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_match_as_browsers_match_them() {
        for (source, allowed) in [
            ("https://connect.facebook.net", true),
            ("connect.facebook.net", true),
            ("*.facebook.net", true),
            ("https:", true),
            ("*", true),
            ("https://connect.facebook.net/en_US/", true),
            ("https://connect.facebook.net:443", true),
            ("https://facebook.net", false),
            ("*.facebook.com", false),
            ("http://connect.facebook.net", true),
            ("wss://connect.facebook.net", false),
            ("https://connect.facebook.net:8443", false),
            ("https://connect.facebook.net/other/", false),
            ("'self'", false),
            ("'none'", false),
        ] {
            assert_eq!(matches(source, LIBRARY), allowed, "{source}");
        }
    }

    #[test]
    fn what_no_directive_names_is_allowed() {
        assert!(Policy::of("img-src 'self'").allows("connect-src", REPORT));
        assert!(!Policy::of("default-src 'self'").allows("connect-src", REPORT));
        assert!(Policy::of("script-src 'nonce-x' 'strict-dynamic'").allows_script(LIBRARY));
    }
}
