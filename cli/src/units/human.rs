//! Numbers for people: three significant digits, binary units, thousands apart.

use std::time::Duration;

/// `1.25 GiB`, `512 B`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut value = approximate(bytes);
    let mut unit = 0;
    // 1023.5 would round up to "1024 KiB".
    while value >= 1023.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{} {}", three_digits(value), UNITS[unit]) }
}

/// `1,234,567`.
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `123 MB/s`: decimal megabytes, as networks and disks are sold. A run too short to time shows as `-`.
pub fn rate(bytes: u64, took: Duration) -> String {
    let seconds = took.as_secs_f64();
    if seconds <= 0.0 {
        return "-".to_owned();
    }
    format!("{} MB/s", three_digits(approximate(bytes) / 1e6 / seconds))
}

/// `0.42 s`, `8.1 ms`, `35 min`.
pub fn seconds(took: Duration) -> String {
    let seconds = took.as_secs_f64();
    if seconds >= 120.0 {
        format!("{} min", three_digits(seconds / 60.0))
    } else if seconds >= 0.1 {
        format!("{} s", three_digits(seconds))
    } else {
        format!("{} ms", three_digits(seconds * 1e3))
    }
}

/// `$1,234.50` from one unit up, `$0.000123` below; another currency than USD by its code.
pub fn money(currency: &str, amount: f64) -> String {
    let sign = if currency == "USD" { "$".to_owned() } else { format!("{currency} ") };
    if amount == 0.0 {
        return format!("{sign}0");
    }
    if amount < 1.0 {
        return format!("{sign}{}", three_digits(amount));
    }
    let whole = format!("{amount:.2}");
    let (units, cents) = whole.split_at(whole.len() - 3);
    format!("{sign}{}{cents}", units.parse().map_or_else(|_| units.to_owned(), count))
}

/// `12.5 %` of the whole; `-` of nothing.
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    format!("{} %", three_digits(approximate(part) * 100.0 / approximate(whole)))
}

/// Three significant digits without an exponent; whole numbers from 100 up.
fn three_digits(value: f64) -> String {
    let magnitude = value.abs();
    let decimals = match magnitude {
        m if m == 0.0 || m >= 99.95 => 0,
        m if m >= 9.995 => 1,
        m if m >= 0.9995 => 2,
        // 0.0123 needs four: as many zeros as stand before the first digit, and three more.
        m => [0.1, 0.01, 1e-3, 1e-4, 1e-5, 1e-6].iter().take_while(|bound| m < **bound).count() + 3,
    };
    format!("{value:.decimals$}")
}

#[expect(clippy::cast_precision_loss, reason = "shown with three digits; a double holds fifteen")]
fn approximate(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_never_show_four_digits() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1024), "1.00 KiB");
        assert_eq!(bytes((1 << 20) - 1), "1.00 MiB");
        assert_eq!(bytes(340 << 20), "340 MiB");
        assert_eq!(bytes(u64::MAX), "16.0 EiB");
    }

    #[test]
    fn counts_have_thousands_apart() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn money_has_cents_or_three_digits() {
        assert_eq!(money("USD", 0.0), "$0");
        assert_eq!(money("USD", 0.000_123_4), "$0.000123");
        assert_eq!(money("USD", 235.52), "$235.52");
        assert_eq!(money("USD", 1234.5), "$1,234.50");
        assert_eq!(money("USD", 999.999), "$1,000.00");
        assert_eq!(money("EUR", 0.25), "EUR 0.250");
    }

    #[test]
    fn rates_and_times() {
        assert_eq!(rate(250_000_000, Duration::from_millis(500)), "500 MB/s");
        assert_eq!(rate(1, Duration::ZERO), "-");
        assert_eq!(seconds(Duration::from_micros(8_100)), "8.10 ms");
        assert_eq!(seconds(Duration::from_millis(420)), "0.420 s");
        assert_eq!(percent(1, 8), "12.5 %");
        assert_eq!(percent(1, 0), "-");
    }
}
