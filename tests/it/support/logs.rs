use std::io;
use std::sync::{Arc, Mutex};

/// What is logged while this runs, a line each. Without duplicates: whoever looks at the registry tells of those that
/// other tests have made meanwhile.
pub async fn logged(work: impl Future<Output = ()>) -> Vec<String> {
    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);
    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let buffer = Buffer::default();
    let writer = buffer.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .without_time()
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    work.await;
    drop(guard);
    let bytes = buffer.0.lock().unwrap().clone();
    let lines = String::from_utf8(bytes).unwrap();
    let lines = lines.lines().filter(|line| !line.contains("state is not shared"));
    lines.map(|line| line.trim().to_owned()).collect()
}
