//! Samples by name and labels, as each way of telling them is expected to tell them.

use std::collections::BTreeMap;
use std::ops::Deref;

use buttress::metrics::{Value, buckets, visit};
use buttress::registry::RegistrySnapshot;

/// The name of a sample, and its labels in the order of their names.
pub type Key = (String, Vec<(String, String)>);

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples(BTreeMap<Key, f64>);

impl Deref for Samples {
    type Target = BTreeMap<Key, f64>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Samples {
    pub fn add<'a>(&mut self, name: &str, labels: impl IntoIterator<Item = (&'a str, &'a str)>, value: f64) {
        let labels = labels.into_iter().map(|(label, value)| (label.to_owned(), value.to_owned()));
        let mut labels: Vec<_> = labels.collect();
        labels.sort();
        let key = (name.to_owned(), labels);
        assert_eq!(self.0.insert(key.clone(), value), None, "twice: {key:?}");
    }

    /// The one sample of that name with these labels among its own.
    pub fn get(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |of: &[(String, String)]| {
            labels.iter().all(|(label, value)| of.iter().any(|has| (&*has.0, &*has.1) == (*label, *value)))
        };
        let found: Vec<_> = self.0.iter().filter(|((is, of), _)| is == name && has(of)).collect();
        assert_eq!(found.len(), 1, "{name} {labels:?}: {found:?}");
        *found[0].1
    }

    /// Fails with what is not the same, and not with all there is.
    #[track_caller]
    pub fn assert_are(&self, expected: &Self) {
        let lacks = |these: &Self, those: &Self| -> Vec<String> {
            let lacks = these.0.iter().filter(|(key, value)| those.0.get(*key) != Some(*value));
            lacks.map(|((name, labels), value)| format!("{name} {labels:?} {value}")).collect()
        };
        let (more, less) = (lacks(self, expected), lacks(expected, self));
        assert!(more.is_empty() && less.is_empty(), "not expected: {more:#?}\nexpected: {less:#?}");
        assert!(!self.0.is_empty());
    }

    /// Those of this stack, and of nothing else.
    pub fn of_stack(&self, stack: &str) -> Self {
        let of_it = |labels: &[(String, String)]| labels.contains(&("stack".to_owned(), stack.to_owned()));
        let of_it = self.0.iter().filter(|((_, labels), _)| of_it(labels));
        Self(of_it.map(|(key, value)| (key.clone(), *value)).collect())
    }
}

/// What is in the snapshot, with histograms taken apart.
pub fn visited(snapshot: &RegistrySnapshot) -> Samples {
    let mut samples = Samples::default();
    visit(snapshot, |sample| {
        let name = sample.descriptor.name;
        let labels = || sample.labels.iter().copied();
        let Value::Histogram(histogram) = sample.value else {
            return samples.add(name, labels(), sample.value.as_f64());
        };
        for (le, count) in buckets(histogram) {
            samples.add(&format!("{name}_bucket"), labels().chain([("le", le)]), count as f64);
        }
        samples.add(&format!("{name}_count"), labels(), histogram.count() as f64);
        samples.add(&format!("{name}_sum"), labels(), histogram.sum().as_secs_f64());
    });
    samples
}

/// What Prometheus reads in a text, whichever of its two formats.
pub fn parsed(text: &str) -> Samples {
    let mut samples = Samples::default();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("no sample: {line:?}"));
        let (name, rest) = line.split_at(end);
        let (labels, value) = match rest.strip_prefix('{') {
            Some(rest) => labels(rest),
            None => (Vec::new(), rest),
        };
        let labels = labels.iter().map(|(label, value)| (label.as_str(), value.as_str()));
        samples.add(name, labels, value.trim().parse().unwrap());
    }
    samples
}

fn labels(mut rest: &str) -> (Vec<(String, String)>, &str) {
    let mut labels = Vec::new();
    if let Some(value) = rest.strip_prefix('}') {
        return (labels, value);
    }
    loop {
        let (label, quoted) = rest.split_once("=\"").unwrap();
        let mut value = String::new();
        let mut chars = quoted.char_indices();
        let end = loop {
            match chars.next().unwrap() {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next().unwrap().1 {
                    'n' => '\n',
                    other => other,
                }),
                (_, plain) => value.push(plain),
            }
        };
        labels.push((label.to_owned(), value));
        rest = &quoted[end + 1..];
        match rest.split_at(1) {
            (",", more) => rest = more,
            ("}", value) => return (labels, value),
            other => panic!("{other:?}"),
        }
    }
}
