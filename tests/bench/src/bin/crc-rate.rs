//! Prints how many MB/s of CRC32C one core does over a buffer of 256 KiB that stays in its cache: the ceiling that a
//! verified read is held against.

use std::hint::black_box;
use std::io::Write;
use std::time::Duration;

fn main() -> std::io::Result<()> {
    let buffer = vec![0x5a_u8; 256 << 10];
    let clock = rustix_clock();
    let mut bytes = 0_u64;
    while rustix_clock() - clock < Duration::from_secs(1) {
        for _ in 0..64 {
            black_box(crc_fast::crc32_iscsi(black_box(&buffer)));
            bytes += 256 << 10;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = bytes as f64 / (rustix_clock() - clock).as_secs_f64() / 1e6;
    writeln!(std::io::stdout(), "{rate:.0}")
}

/// Time since boot. A bench measures real time; the ban on it is for what the simulation drives.
fn rustix_clock() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}
