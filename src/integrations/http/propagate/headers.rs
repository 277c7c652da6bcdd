//! The headers, read and written.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Request};

use crate::integrations::grpc::timeout;

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const GRPC_ATTEMPTS: HeaderName = HeaderName::from_static("grpc-previous-rpc-attempts");
const ATTEMPTS: HeaderName = HeaderName::from_static("previous-attempts");
/// Of Envoy, with the first attempt counted.
const ENVOY_ATTEMPT: HeaderName = HeaderName::from_static("x-envoy-attempt-count");

/// A request type whose headers can be read and written.
pub trait RequestHead {
    /// The headers.
    fn headers(&self) -> &HeaderMap;
    /// The headers.
    fn headers_mut(&mut self) -> &mut HeaderMap;
}

impl<B> RequestHead for Request<B> {
    fn headers(&self) -> &HeaderMap {
        Self::headers(self)
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        Self::headers_mut(self)
    }
}

#[cfg(feature = "reqwest")]
impl RequestHead for reqwest::Request {
    fn headers(&self) -> &HeaderMap {
        Self::headers(self)
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        Self::headers_mut(self)
    }
}

/// A header that tells how much time its reader has.
///
/// A time and not a date, because clocks of different machines disagree by more than calls take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadlineHeader {
    name: HeaderName,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Seconds,
    Millis,
    Grpc,
}

impl DeadlineHeader {
    /// `request-timeout-ms`, which is what we write. Its name tells the unit, and no proxy sets it to what it
    /// thinks itself.
    pub(super) const OURS: Self = Self::millis(HeaderName::from_static("request-timeout-ms"));
    /// What Envoy tells the service behind it.
    pub(super) const ENVOYS: Self = Self::millis(HeaderName::from_static("x-envoy-expected-rq-timeout-ms"));
    pub(super) const GRPC: Self = Self { name: GRPC_TIMEOUT, unit: Unit::Grpc };

    /// A header in whole milliseconds.
    #[must_use]
    pub const fn millis(name: HeaderName) -> Self {
        Self { name, unit: Unit::Millis }
    }

    /// A header in seconds, with decimals: `0.25`.
    #[must_use]
    pub const fn seconds(name: HeaderName) -> Self {
        Self { name, unit: Unit::Seconds }
    }

    /// The time that is told; the least, if it is told more than once. What cannot be read tells nothing.
    pub(super) fn read(&self, headers: &HeaderMap) -> Option<Duration> {
        headers.get_all(&self.name).iter().filter_map(|value| self.unit.parse(value)).min()
    }

    /// Tells a time, in place of what was told. Rounded down, so that nobody believes to have more than there is.
    pub(super) fn write(&self, headers: &mut HeaderMap, time: Duration) {
        headers.insert(self.name.clone(), self.unit.format(time));
    }
}

impl Unit {
    fn parse(self, value: &HeaderValue) -> Option<Duration> {
        match self {
            Self::Grpc => timeout::parse(value),
            Self::Millis => whole(value.to_str().ok()?).map(Duration::from_millis),
            Self::Seconds => {
                let text = value.to_str().ok()?;
                let (seconds, decimals) = text.split_once('.').unwrap_or((text, "0"));
                Some(Duration::new(whole(seconds)?, nanos(decimals)?))
            }
        }
    }

    fn format(self, time: Duration) -> HeaderValue {
        match self {
            Self::Grpc => timeout::format(time),
            Self::Millis => HeaderValue::from(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            Self::Seconds => {
                let text = format!("{}.{:03}", time.as_secs(), time.subsec_millis());
                HeaderValue::try_from(text).expect("digits and a point are allowed in a header")
            }
        }
    }
}

/// A whole number; what is too large is the largest.
fn whole(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// Decimals of a second, as far as they go.
fn nanos(decimals: &str) -> Option<u32> {
    whole(decimals)?;
    let nine = decimals.bytes().chain(std::iter::repeat(b'0')).take(9);
    Some(nine.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
}

/// How many attempts of the same call came before this request; zero for a first one, and if nobody tells.
pub(super) fn previous_attempts(headers: &HeaderMap) -> u64 {
    let told = |name| headers.get_all(name).iter().filter_map(|value| whole(value.to_str().ok()?)).max();
    let told = |name: HeaderName| told(name).unwrap_or(0);
    told(ATTEMPTS).max(told(GRPC_ATTEMPTS)).max(told(ENVOY_ATTEMPT).saturating_sub(1))
}

/// Tells how many attempts came before, besides those that a caller further up told of.
pub(super) fn write_attempts(headers: &mut HeaderMap, previous: u64, is_grpc: bool) {
    let name = if is_grpc { GRPC_ATTEMPTS } else { ATTEMPTS };
    let before = headers.get(&name).and_then(|value| whole(value.to_str().ok()?)).unwrap_or(0);
    headers.insert(name, HeaderValue::from(before.saturating_add(previous)));
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: HeaderName = HeaderName::from_static("time");

    fn read(header: &DeadlineHeader, values: &[&str]) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(NAME, HeaderValue::from_str(value).unwrap());
        }
        header.read(&headers)
    }

    #[test]
    fn milliseconds_and_seconds_are_read() {
        let (millis, seconds) = (DeadlineHeader::millis(NAME), DeadlineHeader::seconds(NAME));
        assert_eq!(read(&millis, &["250"]), Some(Duration::from_millis(250)));
        assert_eq!(read(&millis, &["0"]), Some(Duration::ZERO));
        assert_eq!(read(&seconds, &["2"]), Some(Duration::from_secs(2)));
        assert_eq!(read(&seconds, &["0.25"]), Some(Duration::from_millis(250)));
        assert_eq!(read(&seconds, &["1.0000000019"]), Some(Duration::new(1, 1)));
    }

    #[test]
    fn the_least_of_several_counts() {
        assert_eq!(
            read(&DeadlineHeader::millis(NAME), &["30", "x", "20", "40"]),
            Some(Duration::from_millis(20))
        );
    }

    #[test]
    fn garbage_tells_nothing_and_too_much_is_the_most() {
        let (millis, seconds) = (DeadlineHeader::millis(NAME), DeadlineHeader::seconds(NAME));
        for bad in ["", "-1", "+1", "1ms", "1.5", " 1", "1e3", "0x10", "1_000"] {
            assert_eq!(read(&millis, &[bad]), None, "{bad:?}");
        }
        for bad in ["", ".", ".5", "1.", "1.-5", "1.5s", "1.2.3", "-1", "inf", "NaN"] {
            assert_eq!(read(&seconds, &[bad]), None, "{bad:?}");
        }
        let huge = "9".repeat(5_000);
        assert_eq!(read(&millis, &[&huge]), Some(Duration::from_millis(u64::MAX)));
        assert_eq!(read(&seconds, &[&huge]), Some(Duration::from_secs(u64::MAX)));
        assert_eq!(DeadlineHeader::millis(NAME).read(&HeaderMap::new()), None);
    }

    #[test]
    fn what_is_written_is_never_more_than_there_is() {
        let (millis, seconds) = (DeadlineHeader::millis(NAME), DeadlineHeader::seconds(NAME));
        for (time, in_millis, in_seconds) in [
            (Duration::ZERO, "0", "0.000"),
            (Duration::from_nanos(999_999), "0", "0.000"),
            (Duration::from_micros(1_250_999), "1250", "1.250"),
            (Duration::from_secs(90), "90000", "90.000"),
        ] {
            let mut headers = HeaderMap::new();
            for (header, expected) in [(&millis, in_millis), (&seconds, in_seconds)] {
                header.write(&mut headers, time);
                assert_eq!(headers[NAME], expected);
                assert!(header.read(&headers) <= Some(time));
            }
        }
        let mut headers = HeaderMap::new();
        millis.write(&mut headers, Duration::MAX);
        assert_eq!(headers[NAME], "18446744073709551615");
    }

    #[test]
    fn attempts_are_counted_whoever_tells() {
        for (name, value, expected) in [
            ("previous-attempts", "2", 2),
            ("grpc-previous-rpc-attempts", "1", 1),
            ("x-envoy-attempt-count", "1", 0),
            ("x-envoy-attempt-count", "3", 2),
            ("x-envoy-attempt-count", "0", 0),
            ("previous-attempts", "-1", 0),
            ("previous-attempts", "many", 0),
            ("previous-attempts", "99999999999999999999999", u64::MAX),
        ] {
            let headers = HeaderMap::from_iter([(HeaderName::from_static(name), value.parse().unwrap())]);
            assert_eq!(previous_attempts(&headers), expected, "{name}: {value}");
        }
        assert_eq!(previous_attempts(&HeaderMap::new()), 0);
    }

    #[test]
    fn attempts_add_up_over_tiers_that_hand_a_request_on() {
        let mut headers = HeaderMap::new();
        write_attempts(&mut headers, 1, false);
        write_attempts(&mut headers, 2, false);
        assert_eq!((headers["previous-attempts"].to_str().unwrap(), previous_attempts(&headers)), ("3", 3));
        write_attempts(&mut headers, 1, true);
        assert_eq!(headers["grpc-previous-rpc-attempts"], "1");
    }
}
