//! A bounded map that forgets what is older than a span. It never walks through its entries: they live in two
//! generations, and the older one goes as a whole. So what strangers may fill costs a constant time per call.

use std::collections::HashMap;
use std::hash::Hash;

#[derive(Debug)]
pub(crate) struct AgingMap<K, V> {
    /// An entry is kept for at least this long, and for less than twice as long; milliseconds.
    span_ms: i64,
    /// Most entries of a generation.
    max: usize,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    /// When the young generation began, milliseconds.
    since_ms: i64,
}

impl<K: Eq + Hash, V> AgingMap<K, V> {
    pub(crate) fn new(span_ms: i64, max: usize) -> Self {
        Self { span_ms, max, young: HashMap::new(), old: HashMap::new(), since_ms: i64::MIN }
    }

    /// Forgets the old generation if the young one is old by now. A time that was set back makes it wait.
    fn turn(&mut self, now_ms: i64) {
        let age_ms = now_ms.saturating_sub(self.since_ms);
        if age_ms < self.span_ms {
            return;
        }
        let aged = std::mem::take(&mut self.young);
        self.old = if age_ms < self.span_ms.saturating_mul(2) { aged } else { HashMap::new() };
        self.since_ms = now_ms;
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Inserts or replaces an entry. `false`: the map is full, and the key is new to it.
    pub(crate) fn insert(&mut self, key: K, value: V, now_ms: i64) -> bool {
        self.turn(now_ms);
        if self.is_full(now_ms) && self.get(&key).is_none() {
            return false;
        }
        self.old.remove(&key);
        self.young.insert(key, value);
        true
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.young.remove(key).or_else(|| self.old.remove(key))
    }

    /// Whether a new key finds no place before the young generation is old.
    pub(crate) fn is_full(&self, now_ms: i64) -> bool {
        self.young.len() >= self.max && now_ms.saturating_sub(self.since_ms) < self.span_ms
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.young.is_empty() && self.old.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn entries_live_for_one_to_two_spans_and_a_clock_set_back_keeps_them() {
        let mut map = AgingMap::new(100, 10);
        assert!(map.insert("a", 1, 1_000));
        assert!(map.insert("b", 2, 1_099));
        assert!(map.insert("c", 3, 1_100) && map.get(&"a").is_some(), "kept for a span at least");
        assert!(map.insert("d", 4, 500) && map.get(&"b").is_some());
        assert!(map.insert("e", 5, 1_200));
        assert_eq!((map.get(&"a"), map.get(&"c")), (None, Some(&3)));
        assert_eq!(map.remove(&"d"), Some(4));
        assert!(map.insert("f", 6, 9_000));
        assert_eq!((map.get(&"c"), map.get(&"e")), (None, None), "after a long pause all is old");
    }

    #[test]
    fn a_full_map_takes_no_new_key_and_costs_no_more_than_an_empty_one() {
        const MAX: u32 = 50_000;
        let mut map = AgingMap::new(1_000, MAX as usize);
        let time = |map: &mut AgingMap<u32, ()>, keys: std::ops::Range<u32>| {
            let started = Instant::now();
            keys.for_each(|n| {
                map.insert(n, (), 0);
            });
            started.elapsed()
        };
        let filling = time(&mut map, 0..MAX);
        let refusing = time(&mut map, MAX..2 * MAX);
        assert!(!map.insert(MAX, (), 0) && map.insert(0, (), 0), "what is known is replaced");
        assert!(map.is_full(999) && !map.is_full(1_000), "and has room again when its young are old");
        assert!(
            refusing < filling * 10,
            "{refusing:?} against {filling:?}: a walk would take a thousand times longer"
        );
    }
}
