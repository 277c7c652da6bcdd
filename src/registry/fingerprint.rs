//! A number that stands for all settings of an engine. Plain arithmetic, the same in every process.

use super::setting::{SettingValue, Visit};
use crate::units::nanos;

/// A hash in the manner of FNV-1a (Fowler, Noll, Vo: each piece is added by XOR, then multiplied in), but
/// over words of 64 bits instead of bytes, as a scrape takes it of every engine. Shifting the upper half
/// down makes up for the wider words. Each step can be undone, so two settings that differ in one word
/// never meet.
#[derive(Debug)]
pub(crate) struct Fingerprint(u64);

/// A JSON number or a metric is a double, which holds so many bits exactly.
const BITS: u32 = 52;

impl Fingerprint {
    /// Of an engine of this kind, whose settings `tell` tells.
    pub(crate) fn of(layer: &str, tell: impl FnOnce(&mut Visit<'_>)) -> u64 {
        let mut all = Self(0xcbf2_9ce4_8422_2325);
        all.text(layer);
        tell(&mut |name, value, _| all.setting(name, value));
        all.finish()
    }

    /// Of several that stand in this order.
    #[cfg(feature = "stack")]
    pub(crate) fn of_all(each: impl IntoIterator<Item = u64>) -> u64 {
        let mut all = Self(0xcbf2_9ce4_8422_2325);
        each.into_iter().for_each(|one| all.word(one));
        all.finish()
    }

    fn finish(self) -> u64 {
        self.0 >> (u64::BITS - BITS)
    }

    fn word(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }

    fn text(&mut self, text: &str) {
        let (whole, rest) = text.as_bytes().as_chunks::<8>();
        whole.iter().for_each(|chunk| self.word(u64::from_le_bytes(*chunk)));
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.word(u64::from_le_bytes(last));
        self.word(text.len() as u64);
    }

    fn setting(&mut self, name: &str, value: SettingValue) {
        self.text(name);
        let mut tagged = |tag, word| {
            self.word(tag);
            self.word(word);
        };
        match value {
            SettingValue::None => tagged(0, 0),
            SettingValue::Flag(on) => tagged(1, on.into()),
            SettingValue::Count(count) => tagged(2, count),
            // Zero has two encodings.
            SettingValue::Number(number) => tagged(3, (number + 0.0).to_bits()),
            SettingValue::Time(time) => tagged(4, nanos(time)),
            SettingValue::Word(word) => {
                self.word(5);
                self.text(word);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use super::*;

    fn of(settings: &[(&'static str, SettingValue)]) -> u64 {
        Fingerprint::of("test", |visit| settings.iter().for_each(|(name, value)| visit(name, *value, None)))
    }

    #[test]
    fn equal_settings_have_equal_fingerprints_whatever_their_defaults() {
        let with = |default: Option<SettingValue>| {
            Fingerprint::of("test", |visit| visit("limit", 7_u64.into(), default))
        };
        assert_eq!(with(None), with(Some(7_u64.into())));
        assert_eq!(of(&[("rate", 0.0.into())]), of(&[("rate", (-0.0).into())]));
    }

    /// A metric of one version is compared with that of another.
    #[test]
    fn the_fingerprint_is_the_same_in_every_process() {
        let settings = [("limit", Duration::from_secs(3).into()), ("jitter", "full".into())];
        assert_eq!(of(&settings), GOLDEN);
    }

    const GOLDEN: u64 = 3_831_270_547_728_944;

    #[test]
    fn any_other_setting_has_another_fingerprint() {
        let mut seen = HashSet::new();
        let values = [
            SettingValue::None,
            false.into(),
            true.into(),
            "".into(),
            "full".into(),
            "fuller-and-longer".into(),
        ];
        for name in ["limit", "limits", "a_name_of_16_byt", "a_name_of_17_byte"] {
            for value in values {
                assert!(seen.insert(of(&[(name, value)])), "{name} {value}");
            }
            for number in 0..2_000_u64 {
                let small = f64::from(u32::try_from(number).unwrap() + 1) / 1_000.0;
                let times = [Duration::from_nanos(number), Duration::from_secs(number + 1)];
                for value in [number.into(), small.into(), times[0].into(), times[1].into()] {
                    assert!(seen.insert(of(&[(name, value)])), "{name} {value:?}");
                    assert!(seen.insert(of(&[(name, value), ("b", true.into())])), "{name} {value:?}");
                }
            }
        }
        assert!(seen.iter().all(|one| *one < 1 << 52));
        // The same settings in the other order, or a part of the name in the value.
        assert_ne!(of(&[("a", "b".into()), ("c", "d".into())]), of(&[("c", "d".into()), ("a", "b".into())]));
        assert_ne!(of(&[("ab", "c".into())]), of(&[("a", "bc".into())]));
    }

    /// Two that differ in the sign: bits that a plain multiplication would let cancel.
    #[test]
    fn changes_in_the_upper_bits_do_not_cancel() {
        let pair = |a: f64, b: f64| of(&[("a", a.into()), ("b", b.into())]);
        let all: HashSet<_> = [pair(1.0, 1.0), pair(-1.0, 1.0), pair(1.0, -1.0), pair(-1.0, -1.0)].into();
        assert_eq!(all.len(), 4);
    }
}
