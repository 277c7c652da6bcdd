//! `Retry-After` (RFC 9110, section 10.2.3), read and written.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;

use crate::clock;

/// How long a response asks its reader to wait: of several values the longest, so that we never come
/// back before the service wants us. What cannot be read asks for nothing.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers
        .get_all(RETRY_AFTER)
        .iter()
        .filter_map(|value| parse(value.to_str().ok()?.trim(), clock::wall))
        .max()
}

/// Seconds or an HTTP-date. A date that has passed asks for no wait; a number of seconds that does not
/// fit asks for the longest.
fn parse(value: &str, now: impl FnOnce() -> SystemTime) -> Option<Duration> {
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now()).unwrap_or(Duration::ZERO))
}

/// Whole seconds, rounded up: who waits that long is never too early. At least one, because zero reads
/// as "at once".
pub(crate) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_700_000_000);

    fn parsed(value: &str) -> Option<Duration> {
        parse(value, || SystemTime::UNIX_EPOCH + NOW)
    }

    #[test]
    fn seconds() {
        assert_eq!(parsed("0"), Some(Duration::ZERO));
        assert_eq!(parsed("120"), Some(Duration::from_secs(120)));
        assert_eq!(parsed("9223372037"), Some(Duration::from_secs(9_223_372_037)));
        assert_eq!(parsed("18446744073709551616"), Some(Duration::from_secs(u64::MAX)));
    }

    #[test]
    fn dates() {
        let date = |at: Duration| httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + at);
        assert_eq!(parsed(&date(NOW + Duration::from_secs(30))), Some(Duration::from_secs(30)));
        assert_eq!(parsed(&date(NOW - Duration::from_secs(30))), Some(Duration::ZERO));
        let just_before = || SystemTime::UNIX_EPOCH + NOW - Duration::from_nanos(1);
        assert_eq!(parse(&date(NOW), just_before), Some(Duration::from_nanos(1)));
    }

    #[test]
    fn what_cannot_be_read_asks_for_nothing() {
        for bad in ["", "-1", "1.5", "abc", "+5", "0x10", "Fri, 99 Nov 2023 99:99:99 GMT"] {
            assert_eq!(parsed(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn the_longest_of_several_counts() {
        let mut headers = HeaderMap::new();
        for value in ["3", "abc", "7"] {
            headers.append(RETRY_AFTER, value.parse().unwrap());
        }
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(7)));
    }

    #[test]
    fn seconds_are_rounded_up() {
        let nanos = Duration::from_nanos;
        assert_eq!(
            [nanos(0), nanos(1), nanos(1_000_000_000), nanos(1_000_000_001)].map(whole_seconds),
            [1, 1, 1, 2]
        );
        assert_eq!(whole_seconds(Duration::MAX), u64::MAX);
    }
}
