//! Puts the short of it into the project's README, between two marks.

use anyhow::{Context, Result};

const BEGIN: &str = "<!-- peers -->";
const END: &str = "<!-- /peers -->";

/// The text with the block between the marks replaced.
pub fn replace(text: &str, block: &str) -> Result<String> {
    let begin = text.find(BEGIN).with_context(|| format!("no {BEGIN} in the file"))? + BEGIN.len();
    let end = text[begin..].find(END).with_context(|| format!("no {END} after {BEGIN}"))? + begin;
    Ok(format!("{}\n{}\n{}", &text[..begin], block.trim_end(), &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_what_is_between_the_marks_and_nothing_else() {
        let text = "a\n<!-- peers -->\nold\n<!-- /peers -->\nb\n";
        let new = replace(text, "new\n").unwrap();
        assert_eq!(new, "a\n<!-- peers -->\nnew\n<!-- /peers -->\nb\n");
        assert_eq!(replace(&new, "new").unwrap(), new);
    }

    #[test]
    fn says_which_mark_is_missing() {
        assert!(replace("nothing", "x").unwrap_err().to_string().contains("<!-- peers -->"));
        assert!(replace("<!-- peers -->", "x").unwrap_err().to_string().contains("<!-- /peers -->"));
    }
}
