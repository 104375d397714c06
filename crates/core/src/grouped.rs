//! Whole numbers as people write them.

/// A whole number with a comma between thousands: `19,366`.
pub fn grouped(number: impl Into<u128>) -> String {
    let digits = number.into().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_stand_between_thousands() {
        let shown = [0u64, 999, 1_000, 19_366, 999_999, 1_000_000].map(grouped);
        assert_eq!(shown, ["0", "999", "1,000", "19,366", "999,999", "1,000,000"]);
        assert_eq!(grouped(u128::MAX).len(), 39 + 12);
    }
}
