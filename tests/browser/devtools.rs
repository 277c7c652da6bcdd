//! Chromium, driven over its DevTools protocol: JSON between NUL bytes, in two pipes.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, sleep, timeout};

/// How long a page may take to show what is waited for, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser with one page. Its process ends with it.
pub struct Browser {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    session: Option<String>,
    last: u64,
    /// What went wrong in the page.
    complaints: Vec<String>,
    _profile: tempdir::Folder,
}

impl Browser {
    pub async fn start() -> Self {
        let program = find().expect(
            "no chromium in PATH: this test needs one. On Debian, `apt-get install chromium`, or run tests/run.sh as root",
        );
        let profile = tempdir::Folder::new();
        // The browser reads commands from descriptor 3 and writes to 4, which a shell can arrange.
        let mut process = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>/dev/null"])
            .arg(program)
            // Containers have no sandbox of their own to offer, and little shared memory.
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
            ])
            .arg(format!("--user-data-dir={}", profile.0.display()))
            .args(["--remote-debugging-pipe", "about:blank"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("a shell");
        let (to, from) = (process.stdin.take().expect("piped"), process.stdout.take().expect("piped"));
        let from = BufReader::new(from);
        let mut browser =
            Self { process, to, from, session: None, last: 0, complaints: vec![], _profile: profile };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"})).await;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", attach).await;
        browser.session = Some(session["sessionId"].as_str().expect("a session").to_owned());
        for domain in ["Runtime.enable", "Log.enable", "Page.enable"] {
            browser.call(domain, json!({})).await;
        }
        browser
    }

    pub async fn call(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let mut message = json!({"id": self.last, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.to.write_all(&bytes).await.expect("the browser listens");
        loop {
            let mut answer = Vec::new();
            let read =
                timeout(PATIENCE, self.from.read_until(0, &mut answer)).await.expect("an answer in time");
            assert!(read.expect("the browser speaks") > 0, "the browser has ended");
            let answer: Value = serde_json::from_slice(&answer[..answer.len() - 1]).expect("JSON");
            self.listen(&answer);
            if answer["id"] == self.last {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    fn listen(&mut self, message: &Value) {
        let params = &message["params"];
        match message["method"].as_str() {
            Some("Runtime.exceptionThrown") => self.complaints.push(params["exceptionDetails"].to_string()),
            Some("Runtime.consoleAPICalled") => self.complaints.push(params["args"].to_string()),
            Some("Log.entryAdded") => self.complaints.push(params["entry"].to_string()),
            _ => {}
        }
    }

    /// The value of an expression in the page.
    pub async fn eval(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let result = self.call("Runtime.evaluate", params).await;
        assert!(result.get("exceptionDetails").is_none(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub async fn until(&mut self, expression: &str) {
        let end = Instant::now() + PATIENCE;
        while self.eval(expression).await != true {
            if Instant::now() > end {
                let page = self.eval("document.body?.innerText").await;
                panic!(
                    "not true in time: {expression}\n{}\n{:?}",
                    page.as_str().unwrap_or_default(),
                    self.complaints
                );
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the page shows a text.
    pub async fn sees(&mut self, text: &str) {
        self.until(&format!("document.body?.innerText.includes({})", json!(text))).await;
    }

    pub async fn open(&mut self, address: &str) {
        self.call("Page.navigate", json!({"url": address})).await;
    }

    /// A click with the mouse, in the middle of an element: what covers it would get it.
    pub async fn click(&mut self, element: &str) {
        let script = format!(
            "(() => {{ const e = {element}; e.scrollIntoView({{block: 'center'}}); const r = e.getBoundingClientRect(); \
             return [r.x + r.width / 2, r.y + r.height / 2]; }})()"
        );
        let at = self.eval(&script).await;
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": at[0], "y": at[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event).await;
        }
    }

    /// Keys, one after the other, to where the focus is.
    pub async fn write(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text})).await;
    }

    pub async fn press_enter(&mut self) {
        for kind in ["keyDown", "keyUp"] {
            let event = json!({"type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"});
            self.call("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Ends the browser, and waits until it has let go of its files.
    pub async fn close(mut self) {
        self.session = None;
        self.call("Browser.close", json!({})).await;
        let ended = timeout(PATIENCE, self.process.wait()).await;
        ended.expect("the browser ends in time").expect("it is ours");
    }

    pub fn complaints(&self) -> &[String] {
        &self.complaints
    }
}

fn find() -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH")?;
    let programs = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path)
        .flat_map(|folder| programs.map(|name| folder.join(name)))
        .find(|file| file.is_file())
}

mod tempdir {
    use std::path::PathBuf;

    /// A folder for the browser's profile, removed in the end.
    pub struct Folder(pub PathBuf);

    impl Folder {
        pub fn new() -> Self {
            let number = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
            let folder =
                std::env::temp_dir().join(format!("buttress-browser-{}-{number}", std::process::id()));
            std::fs::create_dir_all(&folder).expect("a folder for the profile");
            Self(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            // The browser may still be writing to it while it ends; what is left is in the folder for such things.
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}
