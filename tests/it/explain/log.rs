use buttress::client_stack;
use tower::Layer;

use super::*;
use crate::support::Strict;
use crate::support::logs::logged;

#[tokio::test]
async fn a_stack_is_told_of_once_when_it_is_first_used() {
    let (inner, _probe) = Strict::ok();
    let fingerprint = client_stack("other").explain().fingerprint();
    let lines = logged(async {
        let stack = client_stack("l-once").owner("team-pay").runbook("https://wiki/pay");
        let clone = stack.clone();
        for _ in 0..3 {
            drop(stack.layer(inner.clone()));
            drop(clone.layer(inner.clone()));
        }
    })
    .await;
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].starts_with("INFO buttress::explain"), "{}", lines[0]);
    let fields = [
        "stack l-once is in use".to_owned(),
        "stack=l-once owner=\"team-pay\" runbook=\"https://wiki/pay\"".to_owned(),
        format!("fingerprint={fingerprint} "),
        "timeout l-once/total: limit 3s; retry l-once: default: max_attempts 3, ".to_owned(),
        "; retry budget l-once: default: ratio 0.1, ".to_owned(),
        "worst_case=3s, 3 attempts, 1.10 requests per call".to_owned(),
        "warnings=\"\"".to_owned(),
    ];
    for field in fields {
        assert!(lines[0].contains(&field), "{field} in {}", lines[0]);
    }
}

#[tokio::test]
async fn a_stack_with_another_part_is_told_of_again() {
    let (inner, _probe) = Strict::ok();
    let lines = logged(async {
        let stack = client_stack("l-again").without_total_timeout();
        drop(stack.layer(inner.clone()));
        drop(stack.attempt_timeout(timeout("l-again", SECOND * 2)).layer(inner.clone()));
    })
    .await;
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[1].contains("timeout l-again: limit 2s"), "{}", lines[1]);
    assert!(lines[1].contains("warnings=\"no timeout around retry l-again"), "{}", lines[1]);
}
