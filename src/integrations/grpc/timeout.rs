//! The `grpc-timeout` header: up to eight digits and a unit.

use std::time::Duration;

use http::HeaderValue;

const SECOND: u128 = 1_000_000_000;

/// The units, finest first, and what they are in nanoseconds.
const UNITS: [(u8, u128); 6] = [
    (b'n', 1),
    (b'u', 1_000),
    (b'm', 1_000_000),
    (b'S', SECOND),
    (b'M', 60 * SECOND),
    (b'H', 3_600 * SECOND),
];

const MOST_DIGITS: usize = 8;
const LARGEST: u128 = 99_999_999;

/// The time that a caller allows. What does not follow the protocol says nothing.
pub(crate) fn parse(value: &HeaderValue) -> Option<Duration> {
    let (unit, digits) = value.as_bytes().split_last()?;
    let (_, nanos) = UNITS.into_iter().find(|(letter, _)| letter == unit)?;
    if digits.is_empty() || digits.len() > MOST_DIGITS || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits.iter().fold(0, |number, digit| number * 10 + u128::from(digit - b'0'));
    Some(duration(number * nanos))
}

/// In the finest unit in which it fits, rounded down: nobody downstream shall believe that there is more time than
/// there is. What fits in no unit is the longest time that does, more than eleven thousand years.
pub(crate) fn format(timeout: Duration) -> HeaderValue {
    let nanos = timeout.as_nanos();
    let fits = |(unit, length)| (nanos / length <= LARGEST).then_some((nanos / length, unit));
    let (number, unit) = UNITS.into_iter().find_map(fits).unwrap_or((LARGEST, b'H'));
    let text = format!("{number}{}", char::from(unit));
    HeaderValue::try_from(text).expect("digits and a letter are allowed in a header")
}

fn duration(nanos: u128) -> Duration {
    let part = |part: u128| u64::try_from(part).expect("eight digits of hours fit in seconds");
    Duration::from_secs(part(nanos / SECOND)) + Duration::from_nanos(part(nanos % SECOND))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(value: &str) -> Option<Duration> {
        parse(&HeaderValue::from_str(value).unwrap())
    }

    #[test]
    fn each_unit_is_read() {
        for (value, expected) in [
            ("1H", Duration::from_secs(3_600)),
            ("2M", Duration::from_secs(120)),
            ("3S", Duration::from_secs(3)),
            ("4m", Duration::from_millis(4)),
            ("5u", Duration::from_micros(5)),
            ("6n", Duration::from_nanos(6)),
            ("0S", Duration::ZERO),
            ("00000001S", Duration::from_secs(1)),
            ("99999999H", Duration::from_secs(99_999_999 * 3_600)),
            ("99999999m", Duration::from_millis(99_999_999)),
        ] {
            assert_eq!(parsed(value), Some(expected), "{value}");
        }
    }

    #[test]
    fn garbage_says_nothing() {
        for bad in
            ["", "S", "1", "1s", "1h", "-1S", "+1S", "1.5S", " 1S", "1S ", "1 S", "0x1S", "123456789n", "1SS"]
        {
            assert_eq!(parsed(bad), None, "{bad:?}");
        }
        assert_eq!(parse(&HeaderValue::from_bytes(b"\xb2S").unwrap()), None);
    }

    #[test]
    fn the_finest_unit_that_fits_is_written() {
        for (timeout, expected) in [
            (Duration::ZERO, "0n"),
            (Duration::from_nanos(1), "1n"),
            (Duration::from_nanos(99_999_999), "99999999n"),
            (Duration::from_nanos(100_000_999), "100000u"),
            (Duration::from_secs(1), "1000000u"),
            (Duration::from_secs(100), "100000m"),
            (Duration::from_secs(100_000), "100000S"),
            (Duration::from_secs(100_000_000), "1666666M"),
            (Duration::from_secs(6_000_000_000), "1666666H"),
            (Duration::MAX, "99999999H"),
        ] {
            assert_eq!(format(timeout), expected, "{timeout:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again_and_never_longer(secs in 0..300_000_000_000_u64, nanos in 0..SECOND, short: bool) {
            let nanos = u32::try_from(nanos).unwrap();
            let timeout = Duration::new(if short { secs % 200 } else { secs }, nanos);
            let written = format(timeout);
            let read = parse(&written).unwrap();
            prop_assert!(read <= timeout);
            // No unit is coarser than it has to be, so at least five digits are kept.
            prop_assert!(timeout - read <= timeout / 100_000, "{timeout:?} became {written:?}");
            prop_assert_eq!(format(read), written);
        }

        #[test]
        fn whatever_is_sent_is_read_or_ignored(bytes: Vec<u8>) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let _ = parse(&value);
            }
        }
    }
}
