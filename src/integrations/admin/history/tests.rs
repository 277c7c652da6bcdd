use super::*;

fn key(name: String) -> Key {
    ("stack".into(), "bulkhead", name.into())
}

fn at(second: u64) -> Instant {
    Instant::from_nanos(second * 1_000_000_000)
}

fn tally(calls: u64) -> Tally {
    Tally { calls, attempts: calls * 2, rejected: calls / 2, failed: calls / 4, in_flight: calls % 7 }
}

fn seen(key: Key, tally: Tally) -> Seen<'static> {
    Seen { key, tally, times: None }
}

fn one() -> Key {
    key("one".into())
}

fn filled(seconds: u64) -> History {
    let mut history = History::default();
    for second in 0..seconds {
        history.look(at(second), [seen(one(), tally(second * 40))].into_iter());
    }
    history
}

#[test]
fn a_step_is_what_happened_in_it() {
    let history = filled(3);
    let track = history.of(&one()).unwrap();
    assert_eq!(track.recent(), Recent { calls: 40.0, rejected: 20.0, failed: 10.0, in_flight: 80 % 7 });
    assert_eq!(track.series().calls, [40.0, 40.0]);
    assert_eq!(track.minute(), Some(Minute { calls: 80, attempts: 160, rejected: 40, failed: 20 }));
}

#[test]
fn a_first_look_tells_no_rate() {
    let history = filled(1);
    let track = history.of(&one()).unwrap();
    assert_eq!((track.recent(), track.series()), (Recent::default(), Series::default()));
}

#[test]
fn a_late_look_is_spread_over_its_time() {
    let mut history = History::default();
    history.look(at(0), [seen(one(), tally(0))].into_iter());
    history.look(at(4), [seen(one(), tally(100))].into_iter());
    assert_eq!(history.of(&one()).unwrap().recent().calls, 25.0);
}

#[test]
fn five_minutes_are_kept_and_the_minute_is_one() {
    let history = filled(1_000);
    let track = history.of(&one()).unwrap();
    let series = track.series();
    assert_eq!((series.calls.len(), series.in_flight.len(), track.looks.len()), (STEPS, STEPS, STEPS + 1));
    assert_eq!(*series.in_flight.last().unwrap(), 999 * 40 % 7);
    assert_eq!(track.minute().unwrap().calls, 60 * 40);
}

#[test]
fn minutes_are_kept_of_no_more_engines_than_fit_and_seconds_of_all() {
    let mut history = History::default();
    let names: Vec<_> = (0..1_000).map(|number| key(format!("engine {number}"))).collect();
    let times = Histogram::default();
    for second in 0..30 {
        let seen = |key: &Key| Seen { times: Some(&times), ..seen(*key, tally(second * 40)) };
        history.look(at(second), names.iter().map(seen));
    }
    assert_eq!((history.tracks.len(), history.short()), (1_000, 1_000 - MOST));
    let (first, beyond) = (history.of(&names[0]).unwrap(), history.of(&names[MOST]).unwrap());
    assert_eq!((first.looks.len(), first.times.len()), (30, 3));
    assert_eq!((beyond.looks.len(), beyond.times.len()), (FEW + 1, 0));
    // Who refuses is seen to refuse, among however many.
    assert_eq!(beyond.recent(), first.recent());
    assert_eq!(beyond.recent().rejected, 20.0);
    assert_eq!((beyond.minute(), beyond.last_minute(&times).is_none()), (None, true));
    assert!(first.minute().is_some() && first.last_minute(&times).is_some());

    // And has a past once there is room.
    for second in 30..32 {
        history.look(at(second), names[1..].iter().map(|key| seen(*key, tally(second * 40))));
    }
    assert_eq!(history.short(), 999 - MOST);
    assert!(history.of(&names[MOST]).unwrap().minute().is_some());
}

#[test]
fn a_copy_stays_as_it_was() {
    let mut history = filled(3);
    let copy = history.clone();
    history.look(at(3), [seen(one(), tally(120))].into_iter());
    assert_eq!(copy.of(&one()).unwrap().looks.len(), 3);
    assert_eq!(history.of(&one()).unwrap().looks.len(), 4);
}

#[test]
fn who_is_gone_is_forgotten_and_makes_room() {
    let mut history = filled(5);
    history.look(at(5), [seen(key("two".into()), tally(1))].into_iter());
    assert!(history.of(&one()).is_none());
    assert!(history.of(&key("two".into())).is_some());
}

#[test]
fn a_new_engine_of_the_same_name_starts_anew() {
    let mut history = filled(5);
    history.look(at(5), [seen(one(), tally(3))].into_iter());
    assert_eq!(history.of(&one()).unwrap().looks.len(), 1);
    assert_eq!(history.of(&one()).unwrap().minute().unwrap().calls, 0);
}

#[test]
fn the_times_of_the_last_minute_are_told() {
    let mut history = History::default();
    let mut times = Histogram::default();
    for second in 0..200 {
        times.add_shortest(10);
        history.look(at(second), [Seen { times: Some(&times), ..seen(one(), tally(second)) }].into_iter());
    }
    let track = history.of(&one()).unwrap();
    assert_eq!(track.times.len(), TIMES);
    let minute = track.last_minute(&times).unwrap().count();
    assert!((600..=700).contains(&minute), "{minute}");
}
