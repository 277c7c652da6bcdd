//! Which settings are no longer what the code made them.

use super::roster::Member;
use super::setting::{SettingSource, SettingValue};

/// A setter of the handle does what it does in here, so that it is known who set it.
pub(crate) fn at_run_time<T>(member: &dyn Member, change: impl FnOnce() -> T) -> T {
    let (result, ..) = attribute(member, SettingSource::RunTime, change);
    result
}

/// A setter of the layer may use one of the handle in here.
pub(crate) fn in_code<T>(member: &dyn Member, change: impl FnOnce() -> T) -> T {
    let (result, ..) = attribute(member, SettingSource::Code, change);
    result
}

/// Returns what was changed besides, in words.
pub(super) fn by_hand<T>(member: &dyn Member, change: impl FnOnce() -> T) -> (T, Vec<String>) {
    let (result, before, after) = attribute(member, SettingSource::Override, change);
    let word = |value: Option<SettingValue>| value.unwrap_or(SettingValue::None);
    let told = differences(&before, &after)
        .map(|(name, old, new)| format!("{name} changed from {} to {}", word(old), word(new)));
    (result, told.collect())
}

fn attribute<T>(member: &dyn Member, by: SettingSource, change: impl FnOnce() -> T) -> (T, Values, Values) {
    let before = values(member);
    let result = change();
    let after = values(member);
    member.panel().note_changes(&before, &after, by);
    (result, before, after)
}

/// The settings that were changed since the engine was made, each with what it was in code. Empty as a rule.
#[derive(Debug, Default)]
pub(super) struct Changes(Vec<Changed>);

#[derive(Clone, Copy, Debug)]
struct Changed {
    name: &'static str,
    /// `None` if the setting was not there.
    in_code: Option<SettingValue>,
    by: SettingSource,
}

/// All settings of an engine at one moment.
pub(super) type Values = Vec<(&'static str, SettingValue)>;

fn values(member: &dyn Member) -> Values {
    let mut values = Vec::new();
    member.tell_settings(&mut |name, value, _| values.push((name, value)));
    values
}

fn find(values: &Values, name: &str) -> Option<SettingValue> {
    values.iter().find(|(other, _)| *other == name).map(|(_, value)| *value)
}

/// What differs: the name, and the value before and after.
fn differences<'a>(
    before: &'a Values,
    after: &'a Values,
) -> impl Iterator<Item = (&'static str, Option<SettingValue>, Option<SettingValue>)> + 'a {
    let gone = before.iter().filter(|(name, _)| find(after, name).is_none());
    let changed = after.iter().map(|(name, value)| (*name, find(before, name), Some(*value)));
    gone.map(|(name, value)| (*name, Some(*value), None)).chain(changed.filter(|(_, old, new)| old != new))
}

impl Changes {
    /// Somebody changed the settings from these to those.
    pub(super) fn note(&mut self, before: &Values, after: &Values, by: SettingSource) {
        for (name, old, new) in differences(before, after) {
            let known = self.0.iter_mut().find(|change| change.name == name);
            match (known, by) {
                (Some(change), SettingSource::Code) => change.in_code = new,
                (Some(change), _) => change.by = by,
                (None, SettingSource::Code) => {}
                (None, _) => self.0.push(Changed { name, in_code: old, by }),
            }
        }
    }

    /// Who set this.
    pub(super) fn source(
        &self,
        name: &str,
        value: SettingValue,
        default: Option<SettingValue>,
    ) -> SettingSource {
        match self.0.iter().find(|change| change.name == name) {
            Some(change) if change.in_code != Some(value) => change.by,
            _ if default == Some(value) => SettingSource::Default,
            _ => SettingSource::Code,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(value: u64) -> Values {
        vec![("limit", value.into())]
    }

    #[test]
    fn what_was_changed_and_changed_back_is_as_the_code_made_it() {
        let mut changes = Changes::default();
        let source =
            |changes: &Changes, value: u64| changes.source("limit", value.into(), Some(1_u64.into()));
        assert_eq!((source(&changes, 1), source(&changes, 5)), (SettingSource::Default, SettingSource::Code));
        changes.note(&limit(5), &limit(6), SettingSource::RunTime);
        assert_eq!(source(&changes, 6), SettingSource::RunTime);
        changes.note(&limit(6), &limit(1), SettingSource::Override);
        // Although it is the default now, somebody set it.
        assert_eq!(source(&changes, 1), SettingSource::Override);
        changes.note(&limit(1), &limit(5), SettingSource::RunTime);
        assert_eq!(source(&changes, 5), SettingSource::Code);
    }

    #[test]
    fn a_setting_may_come_and_go() {
        let mut changes = Changes::default();
        changes.note(&limit(5), &vec![], SettingSource::RunTime);
        changes.note(&vec![], &limit(6), SettingSource::RunTime);
        assert_eq!(changes.source("limit", 6_u64.into(), None), SettingSource::RunTime);
        assert_eq!(changes.source("limit", 5_u64.into(), None), SettingSource::Code);
        changes.note(
            &limit(6),
            &[("limit", 6_u64.into()), ("queue", 2_u64.into())].into(),
            SettingSource::RunTime,
        );
        assert_eq!(changes.source("queue", 2_u64.into(), None), SettingSource::RunTime);
    }

    #[test]
    fn what_a_layer_sets_is_code_also_after_a_handle_changed_it() {
        let mut changes = Changes::default();
        changes.note(&limit(5), &limit(6), SettingSource::RunTime);
        changes.note(&limit(6), &limit(7), SettingSource::Code);
        assert_eq!(changes.source("limit", 7_u64.into(), None), SettingSource::Code);
    }
}
