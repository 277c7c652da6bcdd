//! Lists in which each proxy adds to the right, read from the right.
//!
//! What stands on the left of what trusted proxies wrote comes from whoever sent the request. It is not even looked at:
//! whatever is in there, be it a quote that does not end, cannot move the borders of what stands on the right.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The n-th entry from the right, counted from 1, of all lines in a row. Empty entries count: a trusted proxy writes
/// none.
pub(super) fn nth_from_right<'a>(
    lines: impl DoubleEndedIterator<Item = &'a [u8]>,
    n: usize,
    quotes: Quotes,
) -> Option<&'a [u8]> {
    let entries = lines.rev().flat_map(|line| from_right(line, b',', quotes));
    entries.take(n).enumerate().find_map(|(index, entry)| (index.checked_add(1) == Some(n)).then_some(entry))
}

/// Whether a separator in quotes is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    Matter,
    AreNothing,
}

/// The parts of a line, from the right.
fn from_right(line: &[u8], separator: u8, quotes: Quotes) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let (before, part) = match last(line, separator, quotes) {
            Some(at) => (line.get(..at), line.get(at.saturating_add(1)..)),
            None => (None, Some(line)),
        };
        rest = before;
        part
    })
}

/// Where the last separator is that is not in quotes.
fn last(line: &[u8], separator: u8, quotes: Quotes) -> Option<usize> {
    let mut is_quoted = false;
    for (at, byte) in line.iter().enumerate().rev() {
        if *byte == b'"' && quotes == Quotes::Matter && !(is_quoted && is_escaped(line, at)) {
            is_quoted = !is_quoted;
        } else if *byte == separator && !is_quoted {
            return Some(at);
        }
    }
    None
}

/// Whether the character here has an odd number of backslashes before it.
fn is_escaped(line: &[u8], at: usize) -> bool {
    let backslashes = line.iter().take(at).rev().take_while(|byte| **byte == b'\\').count();
    backslashes % 2 == 1
}

/// The address in an element of `Forwarded` (RFC 7239): the value of the one parameter `for`.
pub(super) fn forwarded_for(element: &[u8]) -> Option<IpAddr> {
    let mut values = from_right(element, b';', Quotes::Matter).filter_map(|pair| {
        let (name, value) = str::from_utf8(pair).ok()?.trim_matches(BLANKS).split_once('=')?;
        name.eq_ignore_ascii_case("for").then_some(value)
    });
    match (values.next(), values.next()) {
        (Some(value), None) => node(value.as_bytes()),
        _ => None,
    }
}

/// The address of a node: alone, in brackets, in quotes, with or without a port. None if the proxy hides it.
pub(super) fn node(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?.trim_matches(BLANKS);
    let quoted = text.strip_prefix('"').map(|rest| rest.strip_suffix('"'));
    let text = quoted.unwrap_or(Some(text))?;
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let is_well = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return is_well.then(|| address.parse::<Ipv6Addr>().ok().map(IpAddr::V6)).flatten();
    }
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let (address, port) = text.split_once(':')?;
    is_port(port).then(|| address.parse::<Ipv4Addr>().ok().map(IpAddr::V4)).flatten()
}

const BLANKS: [char; 2] = [' ', '\t'];

/// A number, or a word in place of it.
fn is_port(text: &str) -> bool {
    match text.strip_prefix('_') {
        Some(word) => {
            !word.is_empty()
                && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        }
        None => (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests;
