//! What the tables of the single layers write to.

use super::descriptor::Descriptor;
use crate::algo::histogram::Histogram;

/// A value of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// Of a counter, or of a gauge that counts.
    Count(u64),
    /// Of a gauge.
    Level(f64),
    /// Of a histogram; [`buckets`](super::buckets) has what is exported of it.
    Histogram(&'a Histogram),
}

impl Value<'_> {
    /// As a float, for exporters that know no other numbers; of a histogram the sum in seconds.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "that is what was asked for")]
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Count(count) => count as f64,
            Self::Level(level) => level,
            Self::Histogram(histogram) => histogram.sum().as_secs_f64(),
        }
    }
}

/// What writes the samples of one metric, of one kind of snapshot.
pub(super) type Extract<T> = fn(&T, &mut Out<'_>);
/// All metrics of one kind of snapshot.
pub(super) type Extracts<T> = &'static [(&'static Descriptor, Extract<T>)];

/// Takes the samples of one metric of one engine, each with the word of its last label if it has one.
pub(super) struct Out<'a>(pub(super) &'a mut dyn FnMut(Option<&'static str>, Value<'_>));

impl Out<'_> {
    pub(super) fn count(&mut self, count: u64) {
        (self.0)(None, Value::Count(count));
    }

    pub(super) fn level(&mut self, level: f64) {
        (self.0)(None, Value::Level(level));
    }

    pub(super) fn histogram(&mut self, histogram: &Histogram) {
        (self.0)(None, Value::Histogram(histogram));
    }

    pub(super) fn flag(&mut self, is_so: bool) {
        self.count(is_so.into());
    }

    pub(super) fn word(&mut self, word: &'static str, count: u64) {
        (self.0)(Some(word), Value::Count(count));
    }

    pub(super) fn words(&mut self, counts: impl IntoIterator<Item = (&'static str, u64)>) {
        for (word, count) in counts {
            self.word(word, count);
        }
    }

    /// Each of the words, 1 for the one that is so.
    pub(super) fn one_of(&mut self, words: impl IntoIterator<Item = &'static str>, now: Option<&str>) {
        self.words(words.into_iter().map(|word| (word, u64::from(Some(word) == now))));
    }

    /// Counts by cause. There is always one of them, so that the sum is never missing.
    pub(super) fn causes(&mut self, causes: impl IntoIterator<Item = (&'static str, u64)>) {
        let mut other = 0;
        for (cause, count) in causes {
            // A cause of the user's may have that name too.
            if cause == OTHER {
                other += count;
            } else {
                self.word(cause, count);
            }
        }
        self.word(OTHER, other);
    }
}

const OTHER: &str = "other";
