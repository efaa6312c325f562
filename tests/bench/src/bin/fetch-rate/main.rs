//! A consumer that throws records away, for benchmarks: what it reads from is then what is measured.
//!
//! ```text
//! usage: fetch-rate --at HOST:PORT --topic NAME [--partitions N] [--connections N] [--fetch BYTES] [--partition-fetch BYTES]
//!        [--from OFFSET] [--bytes N] [--seconds N]
//! ```
//!
//! Each connection reads all partitions from `--from` on, one fetch after the other and without a session, until `--bytes` of
//! records came on it, `--seconds` have passed, or every partition was read to its high watermark. It ends with one line of JSON:
//! bytes and fetches of all connections, fetches that brought nothing, the seconds, and the milliseconds that fetches with records
//! took. Any error of a partition ends it with a failure.

#![expect(clippy::disallowed_methods, reason = "times are what it measures")]

mod reader;

use std::time::{Duration, Instant};

use reader::{Read, Wanted};

fn main() -> std::io::Result<()> {
    let mut wanted = Wanted::default();
    let (mut connections, mut arguments) = (1_usize, std::env::args().skip(1));
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| wrong(format!("{name} needs a value")))?;
        let number =
            || value.parse::<u64>().map_err(|_| wrong(format!("{name} needs a number, not {value}")));
        let small = || i32::try_from(number()?).map_err(wrong);
        match name.as_str() {
            "--at" => wanted.at.clone_from(&value),
            "--topic" => wanted.topic.clone_from(&value),
            "--partitions" => wanted.partitions = small()?,
            "--connections" => connections = usize::try_from(number()?).map_err(wrong)?,
            "--fetch" => wanted.fetch = small()?,
            "--partition-fetch" => wanted.partition_fetch = small()?,
            "--from" => wanted.from = i64::try_from(number()?).map_err(wrong)?,
            "--bytes" => wanted.bytes = number()?,
            "--seconds" => wanted.time = Duration::from_secs(number()?),
            _ => return Err(wrong(format!("{name} is not known"))),
        }
    }
    let begun = Instant::now();
    let readers: Vec<_> = (0..connections)
        .map(|_| {
            let wanted = wanted.clone();
            std::thread::spawn(move || reader::read(&wanted))
        })
        .collect();
    let mut all = Read::default();
    for reader in readers {
        all.add(reader.join().map_err(|_| wrong("a reader panicked"))??);
    }
    all.show(begun.elapsed());
    Ok(())
}

fn wrong(why: impl ToString) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidInput, why.to_string())
}
