//! Decides when a call is tried again. The functions are pure: the random number is an argument.

/// When the page asks again for a pending purchase, in milliseconds after the first time.
pub(crate) const PENDING_PURCHASE_MS: [u32; 5] = [2_000, 5_000, 10_000, 30_000, 60_000];

/// First pause after the server was unreachable.
const PAUSE_MS: u32 = 1_000;
const PAUSE_MS_MAX: u32 = 30_000;
/// Pause after the server refused a call as too frequent and gave no delay.
pub(crate) const THROTTLED_MS: u32 = 5_000;

/// The pause after `failures` failed tries in a row, in milliseconds. It doubles each time up to a cap. Half of it is
/// random (`dice` is from 0 to 1), so that the pages of a shop do not return all at once.
pub(crate) fn pause_ms(failures: u32, dice: f64) -> u32 {
    let full = PAUSE_MS.saturating_mul(1 << failures.saturating_sub(1).min(8)).min(PAUSE_MS_MAX);
    full / 2 + (f64::from(full / 2) * dice) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_cap() {
        let pauses: Vec<u32> = (1..9).map(|failures| pause_ms(failures, 1.0)).collect();
        assert_eq!(pauses, [1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
        assert_eq!(pause_ms(u32::MAX, 1.0), PAUSE_MS_MAX);
    }

    #[test]
    fn the_dice_shorten_a_pause_by_half_at_most() {
        assert_eq!(pause_ms(3, 0.0), 2000);
        assert_eq!(pause_ms(3, 0.5), 3000);
    }

    #[test]
    fn pending_purchases_are_asked_for_less_and_less_often() {
        assert!(PENDING_PURCHASE_MS.is_sorted());
    }
}
