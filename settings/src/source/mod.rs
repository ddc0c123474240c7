//! Where settings come from: the environment, then the file that `TANDEM_CONFIG` names, then the
//! defaults in the table of keys.
//!
//! This is not a settings library's work, because such libraries print a wrong line with the secret in
//! it. They also have neither `<NAME>_FILE` nor a table from which `--help`, `--check` and the documents
//! are made.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::keys::{self, Key, Program, SecretKey, TABLES, file_key};
use crate::secret::SecretSource;
use crate::unknown::{self, Unknown};
use crate::values::{self, EMPTY_LIST};

/// A setting that cannot be used. The text names the setting and says what is expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {what}")]
pub struct SettingError {
    /// The variable, or the key of the file, at fault.
    pub name: String,
    /// What is wrong and what is expected. Never contains the value of a secret.
    pub what: String,
}

impl SettingError {
    /// An error about the variable `name`.
    pub fn new(name: &str, what: impl Into<String>) -> Self {
        Self { name: name.into(), what: what.into() }
    }
}

/// Where a value was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A variable of the process.
    Environment,
    /// The file that `TANDEM_CONFIG` names.
    File,
    /// The table of keys.
    Default,
}

impl Origin {
    /// The origin's name in reports: `environment`, `file` or `default`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::File => "file",
            Self::Default => "default",
        }
    }
}

/// The values of variables and of a file, as text. Variables override the file. `Debug` shows only
/// names, because values may be secrets.
#[derive(Clone, Default)]
pub struct Source {
    /// The program that reads. `None` in tests that need no program.
    program: Option<Program>,
    variables: BTreeMap<String, String>,
    file: BTreeMap<String, String>,
    tables: toml::Table,
    unknown: Vec<Unknown>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("program", &self.program)
            .field("variables", &self.variables.keys())
            .field("file", &self.file.keys())
            .finish_non_exhaustive()
    }
}

impl Source {
    /// Reads the process's variables, and the file that `TANDEM_CONFIG` names.
    ///
    /// # Errors
    /// [`SettingError`] if a variable is not UTF-8, the file cannot be read, or no program knows a key
    /// of the file.
    pub fn from_process(program: Program) -> Result<Self, SettingError> {
        Self::from_variables(program, std::env::vars_os())
    }

    /// Reads these variables, and the file that `TANDEM_CONFIG` among them names.
    ///
    /// # Errors
    /// [`SettingError`], as for [`Source::from_process`].
    pub fn from_variables(
        program: Program,
        variables: impl IntoIterator<Item = (impl Into<OsString>, impl Into<OsString>)>,
    ) -> Result<Self, SettingError> {
        let named = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        let named: Vec<(String, OsString)> =
            named.filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect();
        let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
        let mut source = Self { program: Some(program), unknown: unknown::among(&names), ..Self::default() };
        for (name, value) in named {
            if unknown::is_variable(&name) {
                let value =
                    value.into_string().map_err(|_| SettingError::new(&name, "is not valid UTF-8"))?;
                source.variables.insert(name, value);
            }
        }
        let Some(path) = source.get(keys::TANDEM_CONFIG).map(str::to_owned) else { return Ok(source) };
        let error = |what: String| SettingError::new(keys::TANDEM_CONFIG.name, format!("{path}: {what}"));
        let text = std::fs::read_to_string(&path).map_err(|e| error(format!("cannot be read: {e}")))?;
        source.with_file(&text).map_err(|inner| match inner.name.as_str() {
            "TANDEM_CONFIG" => error(inner.what),
            _ => error(inner.to_string()),
        })
    }

    /// A source with these variables and no file, for tests.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let variables = pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { variables, ..Self::default() }
    }

    /// Adds the text of a TOML file.
    ///
    /// # Errors
    /// [`SettingError`] if the text is not TOML, a key is unknown, or a value has the wrong type. An
    /// error of syntax names its line and does not repeat it, because the line may contain a secret.
    pub fn with_file(mut self, text: &str) -> Result<Self, SettingError> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let start = error.span().map_or(0, |span| span.start.min(text.len()));
            let line = text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count() + 1;
            SettingError::new(keys::TANDEM_CONFIG.name, format!("line {line}: {}", error.message()))
        })?;
        for (key, value) in table {
            if TABLES.iter().any(|(name, _)| *name == key) {
                self.tables.insert(key, value);
                continue;
            }
            if !unknown::is_file_key(&key) {
                let hint = unknown::nearest_file_key(&key);
                let hint =
                    hint.map_or("check its spelling".to_owned(), |near| format!("did you mean {near}?"));
                return Err(SettingError::new(&key, format!("is not a setting of Tandem; {hint}")));
            }
            if value.as_array().is_some_and(Vec::is_empty) {
                return Err(SettingError::new(&key, EMPTY_LIST));
            }
            let text = scalar(&value).ok_or_else(|| {
                SettingError::new(&key, "must be a text, a number, true/false or a list of texts")
            })?;
            self.file.insert(key, text);
        }
        Ok(self)
    }

    /// A table of the file (see [`keys::TABLES`]), if the file has it.
    pub fn table(&self, name: &str) -> Option<&toml::Value> {
        self.tables.get(name)
    }

    /// Variables with one of our prefixes that no program knows, each with a suggestion.
    pub fn unknown(&self) -> &[Unknown] {
        &self.unknown
    }

    /// A variable's value, trimmed, and where it was found. An empty value counts as unset.
    pub(crate) fn given(&self, variable: &str) -> Option<(&str, Origin)> {
        let in_variables = self.variables.get(variable).map(|text| (text.trim(), Origin::Environment));
        let in_file = || self.file.get(&file_key(variable)).map(|text| (text.trim(), Origin::File));
        let is_set = |(text, _): &(&str, Origin)| !text.is_empty();
        in_variables.filter(is_set).or_else(|| in_file().filter(is_set))
    }

    /// A setting's text, trimmed. `None` if it is not set.
    pub fn get(&self, key: Key) -> Option<&str> {
        let is_expected = self.program.is_none_or(|program| key.is_read_by(program));
        debug_assert!(is_expected, "the row of {} does not name {:?}", key.name, self.program);
        self.given(key.name).map(|(text, _)| text)
    }

    /// A setting's text, trimmed, or the text of its default.
    pub fn text(&self, key: Key) -> &str {
        self.get(key).unwrap_or(key.default_text())
    }

    /// A setting or its default, parsed by `parse`.
    ///
    /// # Errors
    /// [`SettingError`] with the text from `parse`, if `parse` refuses the setting's text.
    pub fn parsed<T>(
        &self,
        key: Key,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, SettingError> {
        parse(self.text(key)).map_err(|what| SettingError::new(key.name, what))
    }

    /// A setting, parsed by `parse`. `None` if it is not set.
    ///
    /// # Errors
    /// [`SettingError`] with the text from `parse`, if `parse` refuses the setting's text.
    pub fn optional<T>(
        &self,
        key: Key,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, SettingError> {
        let read = |text| parse(text).map_err(|what| SettingError::new(key.name, what));
        self.get(key).map(read).transpose()
    }

    /// A span of time such as `30s`, from `min` to `max`.
    ///
    /// # Errors
    /// [`SettingError`] if the text is not a span of time, or is out of bounds.
    pub fn span(&self, key: Key, min: Duration, max: Duration) -> Result<Duration, SettingError> {
        self.parsed(key, |text| values::span_between(text, min, max))
    }

    /// A secret. Its file must be readable now. `None` if it is not set.
    ///
    /// # Errors
    /// [`SettingError`] if the secret is given twice, has not its key's form, or its file cannot be
    /// read.
    pub fn secret(&self, key: SecretKey) -> Result<Option<SecretSource>, SettingError> {
        let secret = self.secret_to_come(key)?;
        match secret.as_ref().map_or(Ok(()), SecretSource::check_file) {
            Ok(()) => Ok(secret),
            Err(what) => Err(SettingError::new(&format!("{}_FILE", key.key().name), what)),
        }
    }

    /// A secret. Its file need not exist yet. `None` if it is not set.
    ///
    /// # Errors
    /// [`SettingError`] if both the variable and its `_FILE` variable are set, or the variable's text
    /// has not its key's form.
    pub fn secret_to_come(&self, key: SecretKey) -> Result<Option<SecretSource>, SettingError> {
        let (key, form) = (key.key(), key.form());
        let file_variable = format!("{}_FILE", key.name);
        let secret = match (self.get(key), self.given(&file_variable)) {
            (Some(_), Some(_)) => {
                let what = format!("is set together with {file_variable}; keep one");
                return Err(SettingError::new(key.name, what));
            }
            (Some(text), None) => SecretSource::inline(text),
            (None, Some((path, _))) => SecretSource::file(PathBuf::from(path)),
            (None, None) => return Ok(None),
        };
        secret.checked(form).map(Some).map_err(|what| SettingError::new(key.name, what))
    }
}

fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(n) => Some(n.to_string()),
        toml::Value::Boolean(b) => Some(b.to_string()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(toml::Value::as_str).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
