//! Runs models and twins, and tells how it went.

use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::model::{Model, wake_bug};
use crate::{bugs, list, model, orderings, table, unmodelled};

/// How far one model is explored.
struct Bounds {
    preemptions: Option<usize>,
    executions: usize,
    time: Duration,
}

impl Bounds {
    fn of(model: &Model, is_deep: bool) -> Self {
        let preemptions = if is_deep { 5 } else { 3 };
        // So that nothing runs for ever; in CI it is far more than any model needs.
        let minutes = if is_deep { 20 } else { 10 };
        Self {
            preemptions: (model.threads > 2).then_some(preemptions),
            executions: 2_000_000,
            time: Duration::from_secs(60 * minutes),
        }
    }
}

pub(crate) fn main() -> ExitCode {
    let (flags, words): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|word| word.starts_with("--"));
    let is_deep = flags.iter().any(|flag| flag == "--deep");
    if flags.iter().any(|flag| flag == "--job") {
        explore(&words, is_deep);
        return ExitCode::SUCCESS;
    }
    if flags.iter().any(|flag| flag == "--list") {
        print!("{}", table::table());
        return ExitCode::SUCCESS;
    }
    let word = words.first().map_or("", String::as_str);
    let failed = run_all(word, is_deep) + orderings::check() + unmodelled::check() + table::check();
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How many were not as they should be.
fn run_all(word: &str, is_deep: bool) -> usize {
    let models = Mutex::new(list::all().filter(|model| model.name.contains(word)));
    let (ran, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(model) = next(&models) {
                    let (lines, wrong) = run(model, is_deep);
                    println!("{lines}");
                    ran.fetch_add(1, Relaxed);
                    failed.fetch_add(wrong, Relaxed);
                }
            });
        }
    });
    let (ran, failed) = (ran.into_inner(), failed.into_inner());
    println!("{ran} models, {failed} failures in them and their twins");
    failed + usize::from(ran == 0)
}

fn next(models: &Mutex<impl Iterator<Item = &'static Model>>) -> Option<&'static Model> {
    models.lock().expect("nobody panics under it").next()
}

/// What to print of a model and its twins, and how many are not as they should be.
fn run(model: &Model, is_deep: bool) -> (String, usize) {
    let (holds, told) = job(model, None, is_deep);
    let mut wrong = usize::from(!holds);
    let mut lines = format!("{} {}: {told}", if holds { "ok    " } else { "FAILED" }, model.name);
    for twin in model.twins {
        let (holds, told) = job(model, Some(twin.bug), is_deep);
        let is_caught = !holds && told.contains(twin.fails_with);
        wrong += usize::from(!is_caught);
        lines += &match is_caught {
            true => format!("\n       fails with {}: {told}", twin.bug),
            false => format!("\nFAILED to fail with {}, {:?}: {told}", twin.bug, twin.fails_with),
        };
    }
    (lines, wrong)
}

/// Whether it holds, and what it told.
fn job(model: &Model, bug: Option<&str>, is_deep: bool) -> (bool, String) {
    if bug.is_some_and(|bug| crate::HOMELESS.contains(&bug)) {
        return (true, "the text that the bug replaces is not there any more".into());
    }
    let mut command = Command::new(std::env::current_exe().expect("this runs"));
    command.args(["--job", model.name]).args(bug).args(is_deep.then_some("--deep"));
    let output = command.output().expect("a process can be started");
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8_lossy(&told).split_whitespace().collect::<Vec<_>>().join(" ");
    (output.status.success(), told)
}

/// In a process of its own: explores one model, with a bug if there is a second word.
fn explore(words: &[String], is_deep: bool) {
    static EXECUTIONS: AtomicUsize = AtomicUsize::new(0);
    let chosen = list::all().find(|model| model.name == words[0]).expect("a model of this name");
    if let Some(bug) = words.get(1) {
        wake_bug(bugs::number(bug).expect("a bug of this name"));
    }
    // Before anything unwinds: what the checker watches must not be touched outside of an execution.
    std::panic::set_hook(Box::new(|panic| {
        let executions = EXECUTIONS.load(Relaxed);
        println!("execution {executions}: {}", panic.payload_as_str().unwrap_or("a panic without words"));
        std::process::exit(1);
    }));
    let bounds = Bounds::of(chosen, is_deep);
    let mut checker = loom::model::Builder::new();
    checker.max_branches = 100_000;
    checker.preemption_bound = bounds.preemptions;
    checker.max_permutations = Some(bounds.executions);
    checker.max_duration = Some(bounds.time);
    // As often it looks whether it should stop.
    checker.checkpoint_interval = 1_000;
    #[expect(clippy::disallowed_methods, reason = "it tells how long it took")]
    let begun = Instant::now();
    let (check, threads) = (chosen.check, chosen.threads);
    checker.check(move || {
        EXECUTIONS.fetch_add(1, Relaxed);
        model::begin();
        check();
        // With a third one that is only declared, preemptions would be bounded for nothing.
        assert_eq!(model::most_at_once(), threads, "another number of threads than it tells");
    });
    let (executions, time) = (EXECUTIONS.load(Relaxed), begun.elapsed());
    let is_cut = executions + checker.checkpoint_interval > bounds.executions || time >= bounds.time;
    let how = match (is_cut, bounds.preemptions) {
        (true, _) => "cut off".to_owned(),
        (false, None) => "all there are".to_owned(),
        (false, Some(preemptions)) => format!("all with up to {preemptions} preemptions"),
    };
    println!("{executions} executions ({how}), {:.1} s", time.as_secs_f64());
    assert!(is_deep || !is_cut, "too much to look at");
}
