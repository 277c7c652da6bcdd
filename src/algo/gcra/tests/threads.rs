//! What holds when threads share a limit.

use super::*;

#[test]
fn cells_in_use_are_exact_through_any_number_of_changes() {
    // The time stands still, so the cells in use are the calls admitted, whatever rate is in force.
    let rates = [rate(1_000, 50_000), rate(3_000, 60_000), rate(500, 40_000), rate(7_000, 70_000)];
    let bucket = Bucket::new(rates[0]);
    let (admitted, done) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|threads| {
        let workers: Vec<_> = (0..3)
            .map(|_| {
                threads.spawn(|| {
                    for _ in 0..10_000 {
                        admitted.fetch_add(u64::from(admits(&bucket, 0)), SeqCst);
                    }
                })
            })
            .collect();
        threads.spawn(|| {
            while !done.load(SeqCst) {
                rates.iter().for_each(|rate| bucket.set_rate(*rate, at(0)));
            }
        });
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        done.store(true, SeqCst);
    });
    let (rate, state) = bucket.read();
    assert_eq!(admitted.load(SeqCst), 30_000);
    assert_eq!(rate.burst() - rate.remaining(state, at(0)), 30_000);
}
