//! Prices as people read them.

/// `display("149900.00", "INR")` is `₹1,49,900`; decimals appear only when there are any.
#[must_use]
pub fn display(amount: &str, currency: &str) -> String {
    let (whole, decimals) = amount.split_once('.').unwrap_or((amount, ""));
    let decimals = if decimals.bytes().all(|digit| digit == b'0') { "" } else { decimals };
    let point = if decimals.is_empty() { "" } else { "." };
    if currency == "INR" {
        format!("₹{}{point}{decimals}", group(whole, 2))
    } else {
        format!("{currency} {}{point}{decimals}", group(whole, 3))
    }
}

/// The last three digits form a group. Before them, groups have `step` digits (two in India).
fn group(digits: &str, step: usize) -> String {
    let split = digits.len().saturating_sub(3);
    let (mut head, tail) = digits.split_at_checked(split).unwrap_or(("", digits));
    let mut groups = vec![tail];
    while !head.is_empty() {
        let at = head.len().saturating_sub(step);
        let (rest, group) = head.split_at_checked(at).unwrap_or(("", head));
        groups.push(group);
        head = rest;
    }
    groups.reverse();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rupees_are_grouped_as_in_india() {
        for (amount, text) in [
            ("649", "₹649"),
            ("1499.00", "₹1,499"),
            ("149900.50", "₹1,49,900.50"),
            ("12345678", "₹1,23,45,678"),
        ] {
            assert_eq!(display(amount, "INR"), text);
        }
        assert_eq!(display("1234567.5", "USD"), "USD 1,234,567.5");
    }
}
