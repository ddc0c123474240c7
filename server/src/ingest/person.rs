//! Turns a person's raw values into match keys. Values that cannot be normalised are dropped and
//! counted.

use tandem_core::country::Country;
use tandem_core::normalise::{Day, KeyContext, MatchKey, MatchKeyError, hash_key, person_country};
use tandem_core::personal::Raw;
use tandem_core::unicode::NativeUnicode;
use tandem_core::user_data::UserData;

use crate::telemetry::metrics::Metrics;

#[derive(Debug, Clone, Copy)]
pub struct MatchKeyReader<'a> {
    /// Country assumed for phone numbers without a country code.
    pub default_country: Country,
    /// The current time, for checking birth dates. Unix seconds.
    pub now_s: i64,
    pub metrics: &'a Metrics,
}

impl MatchKeyReader<'_> {
    /// Hashes one person's raw values. Values that cannot be normalised are dropped and counted.
    /// They are returned by key, each with what is wrong.
    pub fn read(&self, values: Vec<(MatchKey, Raw)>) -> (UserData, Vec<(MatchKey, MatchKeyError)>) {
        let person_country = values
            .iter()
            .find(|(key, _)| *key == MatchKey::Country)
            .and_then(|(_, value)| person_country(value));
        let context = KeyContext {
            unicode: &NativeUnicode,
            default_country: self.default_country,
            person_country,
            today: Day::of_unix_s(self.now_s),
        };
        let mut user_data = UserData::default();
        let mut errors = Vec::new();
        for (key, value) in values {
            match hash_key(key, &value, &context) {
                Ok(Some(hash)) => user_data.set(key, hash),
                Ok(None) => {}
                Err(error) => {
                    self.metrics.count_dropped_key(key.meta_name());
                    errors.push((key, error));
                }
            }
        }
        (user_data, errors)
    }
}
