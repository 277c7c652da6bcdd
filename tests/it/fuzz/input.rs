use std::time::Duration;

/// Reads bytes as choices. Whatever is asked for after the last of them is zero.
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub fn number(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    pub fn short(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    pub fn is(&mut self) -> bool {
        self.byte() % 2 == 1
    }

    /// One of so many, from zero.
    pub fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count
    }

    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Up to this many bytes as they are, after one that says how many.
    pub fn bytes(&mut self, most: usize) -> &'a [u8] {
        let count = usize::from(self.byte()).min(most).min(self.0.len());
        let (bytes, rest) = self.0.split_at(count);
        self.0 = rest;
        bytes
    }

    /// The ends of the range, small ones, and any.
    pub fn count(&mut self) -> u32 {
        match self.below(8) {
            0 => 0,
            1 => 1,
            2 => u32::MAX,
            3 => self.number() as u32,
            4 => self.short().into(),
            _ => self.byte().into(),
        }
    }

    pub fn size(&mut self) -> usize {
        match self.below(8) {
            0 => usize::MAX,
            1 => self.number() as usize,
            _ => self.count() as usize,
        }
    }

    pub fn duration(&mut self) -> Duration {
        match self.below(10) {
            0 => Duration::ZERO,
            1 => Duration::from_nanos(1),
            2 => Duration::MAX,
            3 => Duration::from_secs(u64::MAX),
            4 => Duration::from_nanos(self.number()),
            5 => Duration::from_secs(self.short().into()),
            _ => Duration::from_millis(self.short().into()),
        }
    }

    pub fn share(&mut self) -> f64 {
        match self.below(8) {
            0 => self.one_of(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, 5e-324, 1.0, f64::MAX]),
            1 => f64::from_bits(self.number()),
            2 => f64::from(self.byte()),
            _ => f64::from(self.byte()) / 200.0,
        }
    }

    /// Time that passes: never so much that a hundred of them would be more than tokio's clock can show.
    pub fn pause(&mut self) -> Duration {
        match self.below(6) {
            0 => Duration::from_nanos(self.one_of(&[0, 1, 999_999, 1_000_000])),
            1 => Duration::from_nanos(self.number() % 1_000_000_000),
            2 => Duration::from_secs(self.short().into()),
            3 => Duration::from_secs(24 * 60 * 60 * u64::from(self.byte())),
            _ => Duration::from_millis(self.short().into()),
        }
    }
}
