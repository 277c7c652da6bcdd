//! Names are data, whatever they look like.

use buttress::admin::Admin;
use buttress::{Bulkhead, client_stack};
use serde_json::json;

use super::support::{TOKEN, engine, get, post, serve};

const HOSTILE: [&str; 9] = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "\"'`${alert(1)}",
    "new\nline\r\n\r\ndata: {}\n\nevent: snapshot",
    "\u{0}\u{1b}[31m\u{7f}",
    "日本語 العربية \u{202e}desrever\u{2066} 🦀 e\u{301}",
    "../../snapshot?x=1#y%00",
    "__proto__",
    "",
];

#[tokio::test]
async fn hostile_names_are_shown_and_steered_like_others() {
    let long = "long ".repeat(2_000);
    let address = serve(Admin::new().overrides(TOKEN)).await;
    for name in HOSTILE.into_iter().chain([long.as_str()]) {
        let bulkhead = Bulkhead::new(8).named(name.to_owned());
        let shown = engine(address, "bulkhead", name).await.unwrap_or_else(|| panic!("{name:?}"));
        assert_eq!(shown["stack"], name);
        // Over what a request may have stands the long one, which is steered in code.
        if name.len() < 1_000 {
            let body = json!({"action": "limit", "limit": 9, "stack": name, "layer": "bulkhead", "name": name, "reason": name});
            let is_one_line = !name.chars().any(char::is_control) && !name.is_empty();
            let status = post(address, &body).await.status;
            assert_eq!(
                (status, bulkhead.snapshot().limit),
                if is_one_line { (200, 9) } else { (422, 8) },
                "{name:?}"
            );
        }
    }
    let page = get(address, "/buttress").await.body;
    assert!(!page.contains("alert(1)"), "names are never part of the page");
}
#[tokio::test]
async fn owner_and_runbook_are_told_as_they_are() {
    let _stack = client_stack("with a runbook").owner("team-<b>").runbook("javascript:alert(1)");
    let address = serve(Admin::new()).await;
    let shown = engine(address, "bulkhead", "with a runbook").await.unwrap();
    assert_eq!((&shown["owner"], &shown["runbook"]), (&json!("team-<b>"), &json!("javascript:alert(1)")));
}
