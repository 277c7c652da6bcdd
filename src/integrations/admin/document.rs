//! The page: one document that asks nobody else for anything.

use axum::body::Bytes;
use axum::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// In the order in which they need each other; the last one starts it all.
const SCRIPT: &str = concat!(
    "\"use strict\";\n",
    include_str!("page/dom.js"),
    include_str!("page/words.js"),
    include_str!("page/engine.js"),
    include_str!("page/judge.js"),
    include_str!("page/spark.js"),
    include_str!("page/layer.js"),
    include_str!("page/lists.js"),
    include_str!("page/card.js"),
    include_str!("page/change.js"),
    include_str!("page/live.js"),
    include_str!("page/main.js"),
);
const STYLE: &str = include_str!("page/style.css");
const BODY: &str = include_str!("page/page.html");

/// The document, and the policy under which it runs.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) html: Bytes,
    pub(super) policy: HeaderValue,
}

impl Document {
    pub(super) fn new() -> Self {
        let html = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>buttress</title>\n\
             <style>{STYLE}</style>\n</head>\n<body>\n{BODY}<script>{SCRIPT}</script>\n</body>\n</html>\n"
        );
        Self { html: html.into(), policy: policy() }
    }
}

/// Only this script and this style, known by their digests, and requests to nobody but this server. With
/// trusted types even a mistake in the script could not turn a name into markup.
fn policy() -> HeaderValue {
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; connect-src 'self'; frame-ancestors 'none'; \
         base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        digest(SCRIPT),
        digest(STYLE),
    );
    HeaderValue::try_from(policy).unwrap_or_else(|_not_ascii| HeaderValue::from_static("default-src 'none'"))
}

fn digest(source: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(source.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_asks_nobody_else() {
        let html = String::from_utf8(Document::new().html.to_vec()).unwrap();
        // An address of SVG's, which is a name and never asked for, and an example.
        let html = html.replace("http://www.w3.org/2000/svg", "");
        for outside in ["http://", "https://", "src=", "@import", "url(", "<link"] {
            assert!(!html.contains(outside), "{outside}");
        }
    }

    #[test]
    fn text_is_only_ever_set_as_text() {
        for sink in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "srcdoc",
        ] {
            assert!(!SCRIPT.contains(sink), "{sink}");
        }
        // What would end the element early.
        assert!(!SCRIPT.contains("</script") && !STYLE.contains("</style"));
    }

    #[test]
    fn the_policy_names_what_is_in_the_document() {
        let Document { html, policy } = Document::new();
        let (html, policy) = (String::from_utf8(html.to_vec()).unwrap(), policy.to_str().unwrap().to_owned());
        for element in ["script", "style"] {
            let (begin, end) = (format!("<{element}>"), format!("</{element}>"));
            let source = html.split_once(&begin).unwrap().1.split_once(&end).unwrap().0;
            assert!(policy.contains(&format!("{element}-src '{}'", digest(source))), "{element}: {policy}");
            assert_eq!(html.matches(&begin).count(), 1, "{element}");
        }
    }
}
