//! The two fields as text: structured fields (RFC 9651) of draft-ietf-httpapi-ratelimit-headers-11.

use std::time::Duration;

use crate::integrations::http::retry_after::whole_seconds;
use crate::rate_limit::{Quota, RateLimitPeek};

/// Integers of structured fields have at most 15 digits.
const MOST: u128 = 999_999_999_999_999;

/// The name of a policy as a string of structured fields. None if it has characters that those cannot hold.
pub(super) fn name(text: &str) -> Option<String> {
    let fits = !text.is_empty() && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    fits.then(|| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// So many calls in so many seconds: of whole seconds the fewest in which the burst comes back, or the calls of one period if
/// those are more. The rate is never more than the quota's.
pub(super) fn policy(name: &str, quota: Quota) -> String {
    let cells = quota.count().max(quota.burst_size());
    let window = nanos(quota, cells).div_ceil(SECOND).clamp(1, MOST);
    let calls = (window.saturating_mul(SECOND) / nanos(quota, 1)).min(MOST);
    format!("{name};q={calls};w={window}")
}

/// What is left, and the seconds in which these cells come back: who spreads them over that time finds others then.
/// With none left, the seconds until there is one. Never later than a rejected call was told to come back.
pub(super) fn limit(name: &str, quota: Quota, peek: RateLimitPeek, told: Option<Duration>) -> String {
    let seconds = match peek.remaining {
        0 => whole_seconds(peek.next_cell),
        left => u64::try_from(nanos(quota, left).div_ceil(SECOND).clamp(1, MOST)).unwrap_or(u64::MAX),
    };
    let seconds = told.map_or(seconds, |wait| seconds.min(whole_seconds(wait)));
    format!("{name};r={};t={seconds}", peek.remaining)
}

const SECOND: u128 = 1_000_000_000;

/// How long so many cells take to come back.
fn nanos(quota: Quota, cells: u32) -> u128 {
    let interval = quota.period().as_nanos() / u128::from(quota.count().max(1));
    interval.max(1).saturating_mul(cells.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RateLimiter;

    #[test]
    fn names_are_strings_of_structured_fields() {
        assert_eq!(name("default").as_deref(), Some("\"default\""));
        assert_eq!(name("a \"b\" \\").as_deref(), Some(r#""a \"b\" \\""#));
        for bad in ["", "ü", "a\nb", "\u{7f}"] {
            assert_eq!(name(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn policies() {
        let seconds = Duration::from_secs;
        for (quota, expected) in [
            (Quota::per_minute(100), "q=100;w=60"),
            (Quota::per_minute(100).burst(10), "q=100;w=60"),
            (Quota::per_minute(100).burst(200), "q=200;w=120"),
            (Quota::per_second(10), "q=10;w=1"),
            (Quota::per_second(3), "q=3;w=1"),
            (Quota::per_hour(7), "q=7;w=3600"),
            (Quota::every(seconds(2)).burst(5), "q=5;w=10"),
            (Quota::every(Duration::from_millis(100)), "q=10;w=1"),
            (Quota::every(Duration::from_millis(1_500)), "q=1;w=2"),
            (Quota::every(Duration::from_nanos(1)), "q=1000000000;w=1"),
            (Quota::every(Duration::MAX), "q=1;w=999999999999999"),
        ] {
            let text = policy("\"x\"", quota);
            assert!(
                text == format!("\"x\";{expected}") || quota.period() == Duration::MAX,
                "{quota}: {text}"
            );
            assert!(text.len() < 50, "{text}");
        }
    }

    #[test]
    fn what_is_left_comes_back_in_the_time_that_is_told() {
        let limiter = RateLimiter::new(Quota::per_minute(100));
        let tell = |told| limit("\"x\"", limiter.quota(), limiter.peek(), told);
        assert_eq!(tell(None), "\"x\";r=100;t=60");
        limiter.try_admit_n(50).unwrap();
        assert_eq!(tell(None), "\"x\";r=50;t=30");
        limiter.try_admit_n(49).unwrap();
        assert_eq!(tell(None), "\"x\";r=1;t=1");
        limiter.try_admit().unwrap();
        assert_eq!(tell(None), "\"x\";r=0;t=1");
        let slow = RateLimiter::new(Quota::every(Duration::from_secs(10)).burst(4));
        slow.try_admit_n(2).unwrap();
        let tell = |told| limit("\"x\"", slow.quota(), slow.peek(), told);
        assert_eq!(tell(None), "\"x\";r=2;t=20");
        // Refused because it asked for three.
        assert_eq!(tell(slow.try_admit_n(3).unwrap_err().retry_after()), "\"x\";r=2;t=10");
    }
}
