//! Numbers as a reader likes them.

/// With commas between thousands.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Two or three digits of it, whatever its size.
pub fn nanos(value: f64) -> String {
    if value >= 9.95 {
        format!("{} ns", thousands(value.round() as u64))
    } else {
        // No minus in front of a zero.
        format!("{:.1} ns", (value * 10.0).round() / 10.0 + 0.0)
    }
}

/// A count that is mostly whole.
pub fn count(value: f64) -> String {
    if (value - value.round()).abs() < 0.05 {
        format!("{:.0}", value.round() + 0.0)
    } else {
        format!("{value:.1}")
    }
}

/// Seconds, or milliseconds.
pub fn seconds(value: f64) -> String {
    if value < 0.9995 { format!("{:.0} ms", value * 1e3) } else { format!("{value:.1} s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([-0.01, 3.12, 9.96, 12_128.4].map(nanos), ["0.0 ns", "3.1 ns", "10 ns", "12,128 ns"]);
        assert_eq!([0.0, -0.01, 2.96, 1.5].map(count), ["0", "0", "3", "1.5"]);
        assert_eq!([0.25, 0.9999, 31.04].map(seconds), ["250 ms", "1.0 s", "31.0 s"]);
    }
}
