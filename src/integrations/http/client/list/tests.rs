use proptest::prelude::*;

use super::*;

fn plain(lines: &[&'static str], n: usize) -> Option<&'static str> {
    let lines = lines.iter().map(|line| line.as_bytes());
    nth_from_right(lines, n, Quotes::AreNothing).map(|entry| str::from_utf8(entry).unwrap().trim())
}

#[test]
fn entries_are_counted_from_the_right_of_all_lines() {
    assert_eq!(plain(&["a, b", "c"], 1), Some("c"));
    assert_eq!(plain(&["a, b", "c"], 2), Some("b"));
    assert_eq!(plain(&["a, b", "c"], 3), Some("a"));
    for beyond in [4, usize::MAX] {
        assert_eq!(plain(&["a, b", "c"], beyond), None);
    }
    assert_eq!((plain(&[], 1), plain(&["a"], 0)), (None, None));
    assert_eq!(
        (plain(&["a,,b"], 2), plain(&["a", "", "b"], 2), plain(&["a,"], 1)),
        (Some(""), Some(""), Some(""))
    );
}

#[test]
fn addresses_of_nodes() {
    let table = [
        ("192.0.2.43", Some("192.0.2.43")),
        (" \t192.0.2.43 ", Some("192.0.2.43")),
        ("192.0.2.43:47011", Some("192.0.2.43")),
        ("\"192.0.2.43:47011\"", Some("192.0.2.43")),
        ("192.0.2.43:_obf-1", Some("192.0.2.43")),
        ("2001:db8::1", Some("2001:db8::1")),
        ("[2001:db8::1]", Some("2001:db8::1")),
        ("[2001:db8::1]:80", Some("2001:db8::1")),
        ("\"[2001:db8:cafe::17]:4711\"", Some("2001:db8:cafe::17")),
        ("::ffff:192.0.2.1", Some("::ffff:192.0.2.1")),
        ("", None),
        ("unknown", None),
        ("_hidden", None),
        ("\"_hidden\"", None),
        ("192.0.2.43:", None),
        ("192.0.2.43:port", None),
        ("192.0.2.43:123456", None),
        ("192.0.2.43:_", None),
        ("192.0.2.256", None),
        ("192.0.2.1 evil", None),
        ("[192.0.2.43]", None),
        ("[2001:db8::1", None),
        ("[2001:db8::1]x", None),
        ("[2001:db8::1]:", None),
        ("fe80::1%eth0", None),
        ("\"192.0.2.43", None),
        ("192.0.2.43\"", None),
        ("\"", None),
        ("example.com", None),
        ("::g", None),
    ];
    for (text, address) in table {
        assert_eq!(node(text.as_bytes()), address.map(|address| address.parse().unwrap()), "{text:?}");
    }
    assert_eq!(node(b"\xff\xfe"), None);
}

#[test]
fn elements_of_forwarded() {
    let table = [
        ("for=192.0.2.60;proto=http;by=203.0.113.43", Some("192.0.2.60")),
        ("For=\"[2001:db8:cafe::17]:4711\"", Some("2001:db8:cafe::17")),
        ("by=203.0.113.43; FOR=192.0.2.60", Some("192.0.2.60")),
        ("host=\"a;for=6.6.6.6\";for=192.0.2.60", Some("192.0.2.60")),
        ("host=\"a\\\";for=6.6.6.6\";for=192.0.2.60", Some("192.0.2.60")),
        ("host=\"a\\\\\";for=192.0.2.60", Some("192.0.2.60")),
        ("for=192.0.2.60;for=192.0.2.61", None),
        ("proto=http", None),
        ("192.0.2.60", None),
        ("for = 192.0.2.60", None),
        ("for=", None),
        ("for=unknown", None),
        ("for=\"_gazonk\"", None),
        ("for=\"192.0.2.60", None),
        ("", None),
    ];
    for (text, address) in table {
        assert_eq!(
            forwarded_for(text.as_bytes()),
            address.map(|address| address.parse().unwrap()),
            "{text:?}"
        );
    }
}

/// What a client may try in front of what the proxy writes.
#[test]
fn no_quote_on_the_left_moves_what_stands_on_the_right() {
    for forged in
        ["for=\"", "for=6.6.6.6, for=\"", "\"", "\\\"", "for=\"6.6.6.6\\", ",,,\"\"\"", "for=\"a\\\",\""]
    {
        for written in ["for=9.9.9.9", "for=\"[2001:db8::9]:1\";by=\"_x\"", "for=9.9.9.9;host=\"a,\\\"b\""] {
            let one_line = format!("{forged}, {written}");
            let lines = [vec![one_line.as_bytes()], vec![forged.as_bytes(), written.as_bytes()]];
            for lines in lines {
                let entry = nth_from_right(lines.into_iter(), 1, Quotes::Matter).unwrap();
                let expected = if written.contains("2001") { "2001:db8::9" } else { "9.9.9.9" };
                assert_eq!(forwarded_for(entry), expected.parse().ok(), "{one_line}");
            }
        }
    }
}

proptest! {
    #[test]
    fn nothing_panics_and_nothing_on_the_left_counts(
        forged in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..4),
        written in proptest::collection::vec(any::<[u8; 4]>(), 1..5),
        beyond in 0..3_usize,
        in_lines in any::<bool>(),
    ) {
        for quotes in [Quotes::Matter, Quotes::AreNothing] {
            let address = |of: &[u8; 4]| IpAddr::from(*of);
            let texts: Vec<String> = written.iter().map(|of| match quotes {
                Quotes::Matter => format!("for=\"{}:80\";by=_us", address(of)),
                Quotes::AreNothing => address(of).to_string(),
            }).collect();
            let mut lines = forged.clone();
            if in_lines || lines.is_empty() {
                lines.extend(texts.iter().map(|text| text.clone().into_bytes()));
            } else if let Some(line) = lines.last_mut() {
                line.extend(texts.iter().flat_map(|text| format!(", {text}").into_bytes()));
            }
            let parse = if quotes == Quotes::Matter { forwarded_for } else { node };
            let read = |n| nth_from_right(lines.iter().map(Vec::as_slice), n, quotes);
            for (from_right, of) in written.iter().rev().enumerate() {
                prop_assert_eq!(read(from_right + 1).and_then(parse), Some(address(of)));
            }
            // What lies beyond is somebody else's word, or nothing; it may be anything but a panic.
            let _ = read(written.len() + 1 + beyond).and_then(parse);
        }
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in proptest::collection::vec(any::<u8>(), 0..200), n in 0..9_usize) {
        let _ = (node(&text), forwarded_for(&text));
        for quotes in [Quotes::Matter, Quotes::AreNothing] {
            let entry = nth_from_right([text.as_slice(), b"", &text].into_iter(), n, quotes);
            prop_assert!(entry.is_none_or(|entry| entry.len() <= text.len()));
        }
    }
}
