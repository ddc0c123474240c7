//! A person's raw values become match keys: hashed, counted where they are dropped, and gone.

use tandem_core::country::Country;
use tandem_core::normalise::{Day, KeyContext, MatchKey, hash_key};
use tandem_core::personal::Raw;
use tandem_core::unicode::NativeUnicode;
use tandem_core::user_data::UserData;

use crate::telemetry::metrics::Metrics;

/// Reads a person's match keys.
#[derive(Debug, Clone, Copy)]
pub struct MatchKeyReader<'a> {
    /// Country of national phone numbers.
    pub default_country: Country,
    /// Today, for birth dates. Unix seconds.
    pub now_s: i64,
    /// Where dropped keys are counted.
    pub metrics: &'a Metrics,
}

impl MatchKeyReader<'_> {
    /// Hashes one person's raw values. Those that cannot be normalised are dropped and
    /// counted, and returned by name with what is wrong.
    pub fn read(&self, values: Vec<(MatchKey, Raw)>) -> (UserData, Vec<(MatchKey, String)>) {
        let person_country = values
            .iter()
            .find(|(key, _)| *key == MatchKey::Country)
            .and_then(|(_, value)| Country::parse(value.expose()).ok());
        let context = KeyContext {
            unicode: &NativeUnicode,
            default_country: self.default_country,
            person_country,
            today: Day::of_unix_s(self.now_s),
        };
        let mut user_data = UserData::default();
        let mut faults = Vec::new();
        for (key, value) in values {
            match hash_key(key, &value, &context) {
                Ok(Some(hash)) => user_data.set(key, hash),
                Ok(None) => {}
                Err(error) => {
                    self.metrics.key_dropped(key.meta_name());
                    faults.push((key, error.to_string()));
                }
            }
        }
        (user_data, faults)
    }
}
