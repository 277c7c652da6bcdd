//! The admin page in a real browser, over a real socket. A process of its own: it looks at all engines there
//! are, and switches the mode of all.
#![cfg(feature = "admin")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(missing_docs, missing_debug_implementations, unreachable_pub, reason = "nobody depends on a test")]
#![allow(clippy::disallowed_methods, reason = "a browser runs in real time")]

mod devtools;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use axum::Router;
use buttress::admin::Admin;
use buttress::circuit_breaker::CircuitControl;
use buttress::{BoxError, CircuitBreaker, CircuitState, client_stack};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::AbortHandle;
use tower::{Layer, service_fn};

use devtools::Browser;

const TOKEN: &str = "a-token-for-browsers";

/// A dependency that is called 100 times a second, and can be made to fail.
struct Dependency {
    fails: Arc<AtomicBool>,
    breaker: CircuitBreaker,
    calls: AbortHandle,
}

impl Dependency {
    fn new(name: &'static str, runbook: &'static str) -> Self {
        let fails = Arc::new(AtomicBool::new(false));
        let is_down = Arc::clone(&fails);
        let stack = client_stack(name).runbook(runbook);
        let breaker = stack.circuit_breaker.breaker();
        let service = stack.layer(service_fn(move |order: u64| {
            let is_down = is_down.load(Relaxed);
            async move { if is_down { Err::<u64, BoxError>("connection refused".into()) } else { Ok(order) } }
        }));
        let calls = tokio::spawn(async move {
            for order in 0.. {
                drop(tokio::spawn(service.clone().oneshot(order)));
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        Self { fails, breaker, calls: calls.abort_handle() }
    }
}

impl Drop for Dependency {
    fn drop(&mut self) {
        self.calls.abort();
    }
}

/// Serves the page, on a runtime of its own: with that, all connections end.
async fn serve(admin: Admin) -> (String, Runtime) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let listener = listener.into_std().unwrap();
    let server = Runtime::new().unwrap();
    server.spawn(async move {
        let app: Router = Router::new().nest_service("/buttress", admin.router());
        axum::serve(TcpListener::from_std(listener).unwrap(), app).await
    });
    (format!("http://{address}/buttress"), server)
}

/// The card of a dependency.
fn card(name: &str) -> String {
    format!(
        "[...document.querySelectorAll('.card')].find((card) => card.querySelector('h2').textContent === {name:?})"
    )
}

// One test, for one browser: to start it takes longer than what it does.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_on_call_sees_what_is_wrong_and_ends_it() {
    let payments = Dependency::new("payments", "https://wiki.example/payments");
    let _mail = Dependency::new("mail", "ask ada");
    let hostile = "<img src=x onerror=document.title=1>";
    let _hostile = Dependency::new(hostile, "javascript:document.title=1");
    let (address, server) = serve(Admin::new().overrides(TOKEN)).await;
    let mut browser = Browser::start().await;

    // Opens, with and without a slash at the end.
    for address in [format!("{address}/"), address] {
        browser.open(&address).await;
        browser.sees("3 calm").await;
    }
    browser.until(&format!("{}.classList.contains('calm')", card("payments"))).await;

    // A runbook is a link if it leads somewhere, and never one that runs something.
    let links = async |browser: &mut Browser, name: &str| {
        browser.eval(&format!("[...{}.querySelectorAll('a')].map((a) => a.href).join(' ')", card(name))).await
    };
    assert_eq!(links(&mut browser, "payments").await, "https://wiki.example/payments");
    for name in ["mail", hostile] {
        assert_eq!(links(&mut browser, name).await, "", "{name}");
    }
    browser.until("document.querySelector('a[href^=\"javascript\"]') === null").await;

    // Shows an open breaker with its cause, on top, without being asked.
    payments.fails.store(true, Relaxed);
    browser.sees("1 cut off").await;
    let first = "document.querySelector('.card h2').textContent";
    browser.until(&format!("{first} === 'payments'")).await;
    browser.until("/(failures in a row|of \\d+ failed): error \\d+/.test(document.body.innerText)").await;
    browser.until("/Cut off for .*since \\d\\d:\\d\\d:\\d\\d/.test(document.body.innerText)").await;
    browser.until("/Next trial in|next call is a trial/.test(document.body.innerText)").await;
    browser.until("document.title === '(1 cut off) buttress'").await;

    // Goes on by itself: it was rejecting all the while.
    let rejected = format!("{}.querySelector('tr.open .refused').textContent", card("payments"));
    browser.until(&format!("/\\d+\\/s refused/.test({rejected})")).await;

    let_calls_through(&mut browser, &payments).await;
    end_it_by_keyboard(&mut browser, &payments).await;
    switch_everything(&mut browser).await;

    // Hostile names were text all along, and nothing in the page complained.
    assert_eq!(browser.eval("document.querySelectorAll('main img').length").await, 0);
    let complaints = browser.complaints().to_vec();
    assert!(complaints.iter().all(|complaint| complaint.contains("401")), "{complaints:?}");

    // Old data looks old.
    server.shutdown_background();
    browser.sees("Connection lost").await;
    assert_eq!(browser.eval("document.body.classList.contains('lost')").await, true);
    browser.close().await;
}

/// Presses the button, is refused without the right token, and then is not.
async fn let_calls_through(browser: &mut Browser, payments: &Dependency) {
    let button = format!("{}.querySelector('.quick button')", card("payments"));
    browser.click(&button).await;
    browser.until("document.getElementById('change').open").await;
    browser.write("INC-42: it's <b>well</b> again").await;
    browser.click("document.getElementById('change-by')").await;
    browser.write("ada").await;
    browser.click("document.getElementById('change-token')").await;
    browser.write("not the right token").await;
    browser.click("document.getElementById('change-do')").await;
    browser.sees("The token is not right.").await;
    assert_eq!(payments.breaker.snapshot().control, CircuitControl::Automatic);

    browser.eval("document.getElementById('change-token').value = ''").await;
    browser.click("document.getElementById('change-token')").await;
    browser.write(TOKEN).await;
    browser.click("document.getElementById('change-do')").await;
    browser.until("!document.getElementById('change').open").await;
    assert_eq!(payments.breaker.snapshot().control, CircuitControl::Bypassed);
    // The token is kept for the next time, but not where it could be read.
    assert_eq!(browser.eval("document.getElementById('change-token').value").await, "");
    // At once, and with the reason.
    browser.sees("bypassed by hand").await;
    browser.sees("ada: INC-42: it's <b>well</b> again").await;
    browser.sees("Ends in 14 min").await;
}

async fn end_it_by_keyboard(browser: &mut Browser, payments: &Dependency) {
    payments.fails.store(false, Relaxed);
    let button = format!("{}.querySelector('.quick button')", card("payments"));
    browser.until(&format!("{button}?.textContent.includes('automatic')")).await;
    browser.eval(&format!("{button}.focus()")).await;
    browser.press_enter().await;
    browser.until("document.getElementById('change').open").await;
    browser.write("over").await;
    browser.press_enter().await;
    browser.until("!document.getElementById('change').open").await;
    assert_eq!(payments.breaker.state(), CircuitState::Closed);
    browser.sees("3 calm").await;
}

async fn switch_everything(browser: &mut Browser) {
    browser.click("document.querySelector('footer button')").await;
    browser.until("document.getElementById('change').open").await;
    browser.eval("document.getElementById('change-mode').value = 'off'").await;
    browser.write("INC-43").await;
    browser.click("document.getElementById('change-do')").await;
    browser.sees("Every engine of this process is switched off").await;
    assert_eq!(buttress::registry::Registry::global().mode(), buttress::Mode::Off);
    // A budget has no mode, so it is not off and there is nothing to change.
    let budget = "[...document.querySelectorAll('table.layers tbody tr')].find((row) => row.querySelector('th').textContent === 'Retry budget')";
    browser.until(&format!("{budget}.querySelector('.word').textContent === 'ok'")).await;
    assert_eq!(browser.eval(&format!("{budget}.querySelector('button').hidden")).await, true);
    browser
        .until(
            "[...document.querySelectorAll('table.layers .word')].some((word) => word.textContent === 'off')",
        )
        .await;
    buttress::registry::Registry::global().clear_mode("the test");
    browser.until("document.getElementById('process').hidden").await;
}
