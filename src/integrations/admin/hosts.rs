//! Under which names the page may be asked for.

use crate::error::InvalidConfig;

/// Names of this machine that nobody else can take: a web site that lets its own name point here (DNS
/// rebinding) still sends that name.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The values of `Host` that are served.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts(Vec<String>);

impl Hosts {
    pub(super) fn allow(&mut self, host: String) -> Result<(), InvalidConfig> {
        let host = host.to_ascii_lowercase();
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
        let rule = "a host, or a host and a port, as in ops.internal:9000";
        InvalidConfig::check(!host.is_empty() && host.bytes().all(is_host), "allow_host", &host, rule)?;
        self.0.push(host);
        Ok(())
    }

    /// Whether a request with this `Host` is served. What was allowed without a port is served under each.
    pub(super) fn allows(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let Some(name) = without_port(&host) else { return false };
        LOOPBACK.contains(&name) || self.0.iter().any(|allowed| *allowed == host || allowed == name)
    }
}

/// The part before the port, if what comes after it can be a port.
fn without_port(host: &str) -> Option<&str> {
    // The colons of an IPv6 address stand in brackets.
    let end = host.rfind(']').map_or(0, |bracket| bracket + 1);
    match host.get(end..)?.split_once(':') {
        None => Some(host),
        Some((rest, port)) => {
            let is_port =
                !port.is_empty() && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
            if is_port { host.get(..end + rest.len()) } else { None }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(allowed: &[&str]) -> Hosts {
        let mut hosts = Hosts::default();
        for host in allowed {
            hosts.allow((*host).to_owned()).unwrap();
        }
        hosts
    }

    #[test]
    fn this_machine_is_allowed_under_any_port() {
        let hosts = hosts(&[]);
        for host in ["localhost", "LocalHost:80", "127.0.0.1", "127.0.0.1:9000", "[::1]", "[::1]:65535"] {
            assert!(hosts.allows(host), "{host}");
        }
    }

    #[test]
    fn nothing_else_is() {
        let hosts = hosts(&["ops.internal:9000", "buttress.example"]);
        let foreign = [
            "",
            "evil.example",
            "localhost.evil.example",
            "evil.example:localhost",
            "127.0.0.1.evil.example",
            "localhost:",
            "localhost:80:80",
            "localhost:99999999",
            "localhost@evil.example",
            "[::1",
            "::1",
            "[::1]x",
            "127.0.0.2",
            "0.0.0.0",
            "ops.internal",
            "ops.internal:9001",
            "x.ops.internal:9000",
            "localhost ",
            "[::1]:",
            "buttress.example.",
            "buttress.example:1a",
        ];
        for host in foreign {
            assert!(!hosts.allows(host), "{host:?}");
        }
    }

    #[test]
    fn what_was_allowed_is_served() {
        let hosts = hosts(&["Ops.Internal:9000", "buttress.example", "[2001:db8::1]:9000"]);
        for host in [
            "ops.internal:9000",
            "OPS.internal:9000",
            "buttress.example",
            "buttress.example:8443",
            "[2001:db8::1]:9000",
        ] {
            assert!(hosts.allows(host), "{host}");
        }
    }

    #[test]
    fn what_cannot_be_a_host_is_refused() {
        for bad in ["", "*", "http://ops.internal", "ops.internal/", "a b", "ops,dev", "ops@dev"] {
            assert_eq!(Hosts::default().allow(bad.to_owned()).unwrap_err().field(), "allow_host", "{bad:?}");
        }
    }
}
