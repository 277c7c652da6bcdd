//! Texts from outside: bounded, on one line, and written in the direction in which they are read.

use std::fmt::{self, Debug, Write};

const LONGEST: usize = 200;

/// So much of it.
pub(crate) fn presentable(text: &str) -> String {
    let mut fits = Fits::default();
    let _ = fits.write_str(text);
    fits.text
}

/// So much of what it shows by `Debug`, which is asked for no more than that.
#[cfg(any(feature = "bulkhead", feature = "circuit-breaker"))]
pub(crate) fn presentable_debug(value: &(impl Debug + ?Sized)) -> Box<str> {
    let mut fits = Fits::default();
    // An error is the end of what fits.
    let _ = write!(fits, "{value:?}");
    fits.text.into()
}

/// Takes what fits.
#[derive(Default)]
struct Fits {
    text: String,
    chars: usize,
}

impl Write for Fits {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            if self.chars == LONGEST {
                return Err(fmt::Error);
            }
            self.text.push(if is_unfit(char) { ' ' } else { char });
            self.chars = self.chars.saturating_add(1);
        }
        Ok(())
    }
}

/// Whether it breaks the line, or changes how the rest of it is shown.
fn is_unfit(char: char) -> bool {
    let is_separator = matches!(char, '\u{2028}' | '\u{2029}');
    let is_bidi = matches!(
        char,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    char.is_control() || is_separator || is_bidi
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_from_outside_stays_on_its_line_and_in_its_direction() {
        for unfit in
            ["\n", "\r", "\u{1b}", "\u{85}", "\u{2028}", "\u{2029}", "\u{202e}", "\u{2066}", "\u{200f}"]
        {
            assert_eq!(presentable(&format!("a{unfit}b")), "a b", "{unfit:?}");
        }
        assert_eq!(presentable("日本語 العربية 🦀"), "日本語 العربية 🦀");
        assert_eq!(presentable(&"ü".repeat(201)), "ü".repeat(200));
    }

    #[cfg(any(feature = "bulkhead", feature = "circuit-breaker"))]
    #[test]
    fn of_a_large_value_no_more_is_shown_than_fits() {
        struct Large(std::cell::Cell<u32>);
        impl Debug for Large {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (0..1_000_000).try_for_each(|_| {
                    self.0.set(self.0.get() + 1);
                    f.write_str("a\n")
                })
            }
        }
        let large = Large(Default::default());
        assert_eq!(*presentable_debug(&large), *"a ".repeat(100));
        assert_eq!(large.0.get(), 101);
        assert_eq!(*presentable_debug("ada"), *"\"ada\"");
    }
}
