//! What the demo's records say: text that looks like events and compresses like them, the same in every run.

/// A source of numbers and text that depends on its seed alone (SplitMix64).
#[derive(Debug, Clone)]
pub struct Words {
    state: u64,
}

const STATES: [&str; 5] = ["placed", "paid", "packed", "shipped", "returned"];
const PAGES: [&str; 6] = ["/", "/search", "/basket", "/account/orders", "/help/returns", "/product"];
const NOTES: [&str; 6] =
    ["ring twice", "leave with neighbour", "gift wrap", "invoice by mail", "call first", ""];
const DIGITS: &[u8; 64] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";

impl Words {
    /// A source for one partition.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one_of(&mut self, choices: &[&'static str]) -> &'static str {
        let at = usize::try_from(self.below(choices.len() as u64)).unwrap_or(0);
        choices.get(at).copied().unwrap_or_default()
    }

    /// Appends `length` characters that no codec can shorten by more than a quarter.
    pub fn token(&mut self, length: usize, out: &mut Vec<u8>) {
        let end = out.len() + length;
        while out.len() < end {
            let mut bits = self.next();
            for _ in 0..10.min(end - out.len()) {
                out.push(DIGITS[usize::from(bits.to_le_bytes()[0] & 63)]);
                bits >>= 6;
            }
        }
    }

    /// Appends `length` bytes of noise, as a picture has them.
    pub fn noise(&mut self, length: usize, out: &mut Vec<u8>) {
        let end = out.len() + length;
        while out.len() < end {
            let bytes = self.next().to_le_bytes();
            out.extend_from_slice(&bytes[..8.min(end - out.len())]);
        }
    }

    /// An order, some 330 bytes.
    pub fn order(&mut self, number: u64, out: &mut Vec<u8>) {
        let (state, note) = (self.one_of(&STATES), self.one_of(&NOTES));
        let (customer, sku) = (self.below(90_000), self.below(12_000));
        let (pieces, cents) = (1 + self.below(5), 199 + self.below(20_000));
        put(
            out,
            format_args!(
                r#"{{"order":{number},"customer":"c-{customer:05}","state":"{state}","items":[{{"sku":"S-{sku:05}","pieces":{pieces},"cents":{cents}}}],"note":"{note}","trace":""#
            ),
        );
        self.token(180, out);
        out.extend_from_slice(b"\"}");
    }

    /// A view of a page, some 600 bytes.
    pub fn click(&mut self, number: u64, out: &mut Vec<u8>) {
        let page = self.one_of(&PAGES);
        let (user, took) = (self.below(400_000), 3 + self.below(900));
        put(
            out,
            format_args!(
                r#"{{"view":{number},"user":"u-{user:06}","page":"{page}","took_ms":{took},"agent":"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0","cookie":""#
            ),
        );
        self.token(420, out);
        out.extend_from_slice(b"\"}");
    }

    /// A reading of a sensor, some 120 bytes, that compresses well.
    pub fn reading(&mut self, number: u64, out: &mut Vec<u8>) {
        let (sensor, value) = (self.below(64), 18_000 + self.below(6_000));
        put(
            out,
            format_args!(
                r#"{{"reading":{number},"sensor":"hall-3/rack-{sensor:02}/inlet","unit":"millidegree","value":{value},"ok":true,"id":""#
            ),
        );
        self.token(24, out);
        out.extend_from_slice(b"\"}");
    }
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    use std::io::Write as _;
    // Writing into memory does not fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::Words;

    #[test]
    fn the_same_seed_says_the_same() {
        let say = |seed| {
            let (mut words, mut out) = (Words::new(seed), Vec::new());
            words.order(1, &mut out);
            words.click(2, &mut out);
            words.noise(13, &mut out);
            out
        };
        assert_eq!(say(7), say(7));
        assert_ne!(say(7), say(8));
    }
}
