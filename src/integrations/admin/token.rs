//! Who may change things.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::error::InvalidConfig;

/// The shortest token that is accepted.
const LEAST: usize = 16;

/// The digest of the token: what is compared, and all that is kept.
#[derive(Clone, Copy)]
pub(super) struct Token([u8; 32]);

impl Token {
    pub(super) fn new(token: &str) -> Result<Self, InvalidConfig> {
        // The value is not told: it would end up in a log.
        let told = format_args!("{} characters", token.chars().count());
        InvalidConfig::check(
            token.chars().count() >= LEAST,
            "overrides",
            told,
            "a token of at least 16 characters",
        )?;
        let rule = "visible ASCII characters only: it is sent in a header";
        InvalidConfig::check(token.bytes().all(|byte| byte.is_ascii_graphic()), "overrides", told, rule)?;
        Ok(Self::digest(token))
    }

    fn digest(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// Whether this is the value of an `authorization` header with the token.
    pub(super) fn authorizes(&self, header: &str) -> bool {
        let Some((scheme, token)) = header.split_once(' ') else { return false };
        // Compared as digests and to the end: the time it takes tells nothing about the token.
        let differences = self.0.iter().zip(Self::digest(token).0).fold(0, |all, (a, b)| all | (a ^ b));
        scheme.eq_ignore_ascii_case("bearer") && differences == 0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "correct-horse-battery";

    #[test]
    fn the_token_authorizes_and_nothing_else_does() {
        let token = Token::new(TOKEN).unwrap();
        assert!(token.authorizes("Bearer correct-horse-battery"));
        assert!(token.authorizes("bearer correct-horse-battery"));
        for bad in [
            "",
            "Bearer",
            "Bearer ",
            "correct-horse-battery",
            "Basic correct-horse-battery",
            "Bearer correct-horse-batter",
            "Bearer correct-horse-battery ",
            "Bearer  correct-horse-battery",
            "Bearer CORRECT-horse-battery",
            "Bearer correct-horse-battery2",
        ] {
            assert!(!token.authorizes(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_weak_token_is_refused_and_not_told() {
        for bad in [
            "",
            "short",
            "fifteen-letters",
            "with a space in it",
            "ümläute-sind-verboten",
            "line\nbreak-in-it---",
        ] {
            let error = Token::new(bad).unwrap_err();
            assert_eq!(error.field(), "overrides");
            assert!(bad.is_empty() || !error.to_string().contains(bad), "{error}");
        }
        assert!(!format!("{:?}", Token::new(TOKEN).unwrap()).contains("horse"));
    }
}
