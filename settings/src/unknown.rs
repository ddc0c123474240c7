//! Variables with one of our prefixes that no program knows, and suggestions for them.

use crate::keys::{KEYS, NOT_SETTINGS, PREFIXES, TANDEM_CONFIG, file_key};

/// Least similarity of a misspelt name and its suggestion. 1 means equal.
const LIKENESS_MIN: f64 = 0.75;

/// A variable that no program knows. Its value is not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The variable's name.
    pub name: String,
    /// The most similar name of the table. `None` if no name is similar.
    pub nearest: Option<String>,
}

impl std::fmt::Display for Unknown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is not a setting of Tandem and is ignored", self.name)?;
        self.nearest.as_ref().map_or(Ok(()), |near| write!(f, "; did you mean {near}?"))
    }
}

/// All variables of the table, including those that name files of secrets.
fn variables() -> impl Iterator<Item = String> {
    KEYS.iter().flat_map(|key| [Some(key.name.to_owned()), key.file_variable()]).flatten()
}

/// The keys that a file may have. A file cannot name another file.
fn file_keys() -> impl Iterator<Item = String> {
    variables().filter(|variable| *variable != TANDEM_CONFIG.name).map(|variable| file_key(&variable))
}

pub(crate) fn is_variable(name: &str) -> bool {
    variables().any(|variable| variable == name)
}

pub(crate) fn is_file_key(name: &str) -> bool {
    file_keys().any(|key| key == name)
}

pub(crate) fn nearest_file_key(name: &str) -> Option<String> {
    nearest(name, file_keys())
}

/// The unknown variables among `names`.
pub(crate) fn among(names: &[&str]) -> Vec<Unknown> {
    let is_ours = |name: &str| {
        PREFIXES.iter().any(|prefix| name.starts_with(prefix))
            && !NOT_SETTINGS.iter().any(|start| name.starts_with(start))
    };
    let unknown = names.iter().copied().filter(|name| is_ours(name) && !is_variable(name));
    let unknown = unknown.filter(|name| !is_of_kubernetes(name, names));
    unknown.map(|name| Unknown { name: name.to_owned(), nearest: nearest(name, variables()) }).collect()
}

/// Whether Kubernetes set the variable `name` for a service: for example, `TANDEM_SERVER_PORT_50051_TCP` comes
/// with `TANDEM_SERVER_SERVICE_HOST`.
fn is_of_kubernetes(name: &str, names: &[&str]) -> bool {
    names.iter().any(|other| {
        let rest = other.strip_suffix("_SERVICE_HOST").and_then(|service| name.strip_prefix(service));
        rest.is_some_and(|rest| rest.starts_with("_SERVICE_") || rest.starts_with("_PORT"))
    })
}

fn nearest(name: &str, known: impl Iterator<Item = String>) -> Option<String> {
    let rated = known.map(|known| (strsim::normalized_damerau_levenshtein(name, &known), known));
    let best = rated.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(likeness, _)| *likeness >= LIKENESS_MIN).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(names: &[&str]) -> Vec<String> {
        among(names).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn unknown_variables_of_ours_are_told_with_what_is_near() {
        assert_eq!(
            told(&["TANDEM_GRPC_ADR", "META_COLOUR", "PATH"]),
            [
                "TANDEM_GRPC_ADR is not a setting of Tandem and is ignored; did you mean TANDEM_GRPC_ADDR?",
                "META_COLOUR is not a setting of Tandem and is ignored",
            ]
        );
        let secret = told(&["CASHFREE_CLIENT_SECERT_FILE"]);
        assert!(secret[0].ends_with("did you mean CASHFREE_CLIENT_SECRET_FILE?"), "{secret:?}");
    }

    #[test]
    fn variables_of_tests_and_of_kubernetes_are_not_told() {
        assert!(told(&["TANDEM_TESTS_KEEP", "TANDEM_WASM32_STD", "TANDEM_LOG"]).is_empty());
        let service =
            ["TANDEM_SERVER_SERVICE_HOST", "TANDEM_SERVER_SERVICE_PORT_GRPC", "TANDEM_SERVER_PORT_50051_TCP"];
        assert!(told(&service).is_empty());
        assert_eq!(told(&service[2..]).len(), 1, "without the service it is a mistake");
    }
}
