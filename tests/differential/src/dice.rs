//! All choices of a run.

/// A seeded source of choices (xorshift64*).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The dice of a seed, for one purpose: another purpose has other dice, so that more choices there change none here.
    pub fn new(seed: u64, purpose: u64) -> Self {
        // An odd factor spreads small seeds over all bits; zero would stay zero.
        let state = (seed ^ purpose.rotate_left(40)).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut dice = Self(state);
        for _ in 0..8 {
            dice.bits();
        }
        dice
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number in `0..bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.bits() % bound).unwrap_or(0)
    }

    /// A number in `0..bound`.
    pub fn offset_below(&mut self, bound: i64) -> i64 {
        let bound = u64::try_from(bound.max(1)).unwrap_or(1);
        i64::try_from(self.bits() % bound).unwrap_or(0)
    }

    /// Whether the one in so many came up.
    pub fn one_in(&mut self, so_many: usize) -> bool {
        self.below(so_many) == 0
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// Half noise, half repetition, so that codecs have something to do and segments still fill.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 16);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.bits().to_le_bytes());
            bytes.extend_from_slice(b"firnline");
        }
        bytes.truncate(length);
        bytes
    }
}
