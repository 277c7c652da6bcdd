//! How numbers and sentences are written.

/// Lines of the terminal are at most this long, in characters.
const WIDTH: usize = 100;

pub fn thousands(number: u64) -> String {
    if number < 1_000 { number.to_string() } else { format!("{},{:03}", number / 1_000, number % 1_000) }
}

/// Rounded down, so that "100 %" means all.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", (share * 1_000.0).floor() / 10.0)
}

/// Breaks a sentence into lines; `first` begins the first one, and the others stand below its end.
pub fn wrapped(first: &str, sentence: &str) -> String {
    let indent = first.chars().count();
    let mut text = first.to_owned();
    let mut column = indent;
    for word in sentence.split(' ') {
        let length = word.chars().count();
        if column > indent && column + 1 + length > WIDTH {
            text.push('\n');
            text.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else if column > indent {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_not_rounded_up() {
        assert_eq!([1.0, 0.9999, 0.0].map(percent), ["100.0 %", "99.9 %", "0.0 %"]);
    }

    #[test]
    fn lines_are_broken_between_words_and_stay_below_each_other() {
        let text = wrapped("- ", &"word ".repeat(30));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("- word") && lines[1].starts_with("  word"), "{text}");
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH));
    }
}
