//! Whether what is told now is what was told before. Pure.

use crate::answer::{End, Entry, Kept, Place};
use crate::image::Image;
use crate::question::{Question, Target};

/// Kafka's UNSUPPORTED_COMPRESSION_TYPE: what is told to clients that came before Zstandard.
const CANNOT_UNPACK: i16 = 76;
const ZSTD: u8 = 4;
const ZSTD_FROM: i16 = 10;

/// A partition that was asked for, and what there is to be told.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'i> {
    /// Its log.
    pub image: &'i Image,
    /// The offset asked for.
    pub offset: i64,
    /// The most bytes of it, first batch excepted.
    pub most: usize,
    /// Where the log ends for all, and for readers of committed records.
    pub ends: (i64, i64),
    /// Where the brokers' own log starts. What lies above comes from them, cut at any byte.
    pub local: i64,
}

impl Sight<'_> {
    /// Where the log ends for who asks.
    pub fn limit(&self, question: &Question) -> i64 {
        if question.isolation == 1 { self.ends.1 } else { self.ends.0 }
    }

    /// Whether there is a batch to be had.
    pub fn has_batch(&self, question: &Question) -> bool {
        let batch = self.image.batch_of(self.offset);
        self.offset >= 0 && batch.is_some_and(|batch| batch.base < self.limit(question))
    }
}

/// An entry without an error: its records are those of the log, and what stands beside them is true.
pub fn entry(question: &Question, sight: &Sight<'_>, told: &Entry) -> Result<(), String> {
    let Sight { image, offset, most, ends, local } = *sight;
    let is_cold = offset < local;
    let limit = sight.limit(question);
    let Some(records) = &told.records else { return Err("null instead of no records".to_owned()) };
    if told.preferred != -1 {
        return Err(format!("sends to replica {}", told.preferred));
    }
    let next = match image.batch_of(offset) {
        _ if records.is_empty() => offset,
        None => return Err(format!("{} bytes beyond the end", records.len())),
        Some(batch) => {
            let end = batch.start + records.len();
            if image.bytes.get(batch.start..end) != Some(records) {
                return Err(format!("{} bytes from {} on differ from the log", records.len(), batch.base));
            }
            let whole = image.next_at(end);
            if is_cold && (end < batch.end || image.batch_of(whole - 1).is_some_and(|last| last.end != end)) {
                return Err(format!("{} bytes from {} on end inside a batch", records.len(), batch.base));
            }
            if is_cold && records.len() > most.max(batch.end - batch.start) {
                return Err(format!("{} bytes, though at most {most} were asked for", records.len()));
            }
            if whole > limit {
                return Err(format!("records up to {whole}, though the log ends at {limit}"));
            }
            whole.max(offset)
        }
    };
    let numbers = (told.end, told.stable, told.start);
    // A broker that no longer has the beginning of an open transaction says that all is stable to where its log starts.
    if told.end > ends.0 || told.stable > ends.1.max(next).max(local) || told.start > 0 {
        return Err(format!("end, stable end and start {numbers:?} lie beyond {ends:?} and 0"));
    }
    let empty = records.is_empty();
    if !empty && (told.end < next || told.end == offset || (question.isolation == 1 && told.stable <= offset))
    {
        return Err(format!("end and stable end {numbers:?} do not lie beyond the records up to {next}"));
    }
    // Of librdkafka's readers the committed ones go by the stable end, the others by the end.
    let end = if question.isolation == 1 { told.stable } else { told.end };
    if empty && sight.has_batch(question) && end == offset {
        return Err(format!("says {numbers:?}, as if {offset} were the end of the log"));
    }
    transactions(question, sight, told, next)
}

/// The list names each aborted transaction that has to do with the records, and no other.
fn transactions(question: &Question, sight: &Sight<'_>, told: &Entry, next: i64) -> Result<(), String> {
    let Some(list) = &told.aborted else {
        // A broker makes no list where it gives no records.
        let is_due = question.isolation == 1 && told.has_records();
        return if is_due { Err("no list of aborted transactions".to_owned()) } else { Ok(()) };
    };
    if question.isolation == 0 {
        return Err("a list of aborted transactions for who asks for all records".to_owned());
    }
    let reaching: Vec<_> = sight.image.aborted.iter().filter(|one| one.last >= sight.offset).collect();
    for named in list {
        if !reaching.iter().any(|one| (one.producer, one.first) == *named) {
            return Err(format!(
                "names transaction {named:?}, which was not aborted at or beyond {}",
                sight.offset
            ));
        }
    }
    let due = reaching.iter().filter(|one| one.first < next && next > sight.offset);
    for one in due {
        if !list.contains(&(one.producer, one.first)) {
            return Err(format!("does not name the aborted {one:?}, though it has records up to {next}"));
        }
    }
    Ok(())
}

/// What is told now beside what was told before.
pub fn same(
    question: &Question,
    sight: Option<&Sight<'_>>,
    before: &Kept,
    told: &Entry,
) -> Result<(), String> {
    if told.error != before.error {
        let packed = sight.is_some_and(|sight| sight.image.batches.iter().any(|batch| batch.codec == ZSTD));
        if told.error == CANNOT_UNPACK && question.version < ZSTD_FROM && packed && before.error == 0 {
            return Ok(());
        }
        return Err(format!("error {}, before it was {}", told.error, before.error));
    }
    let Some(sight) = sight.filter(|_| told.error == 0) else { return Ok(()) };
    let (Some(then), Some(now)) = (before.next, told.next(sight.offset, sight.image)) else { return Ok(()) };
    let clipped = |list: &Option<Vec<(i64, i64)>>| {
        let mut list: Vec<_> =
            list.iter().flatten().copied().filter(|(_, first)| *first < then.min(now)).collect();
        list.sort_unstable();
        list
    };
    let (then, now) = (clipped(&before.aborted), clipped(&told.aborted));
    if then == now { Ok(()) } else { Err(format!("aborted transactions {now:?}, before they were {then:?}")) }
}

/// What a run knows of a partition when it asks again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tiers {
    /// Where the tier ends.
    pub end: i64,
    /// Where the leader's own log starts now.
    pub local: i64,
    /// Where the log ends for who asks, for all and for readers of committed records.
    pub ends: (i64, i64),
}

/// What is told of a time. `known` is of a partition that exists.
pub fn time(
    question: &Question,
    (target, at): &(Target, i64),
    before: Place,
    told: Place,
    known: Option<(Tiers, &Image)>,
) -> Result<(), String> {
    let expected = match known.filter(|_| before.error == 0) {
        None => before,
        Some((tiers, image)) => match at {
            // These speak of where the log lies, which has changed.
            -4 => Place { offset: tiers.local, epoch: told.epoch, ..before },
            -5 => Place { offset: tiers.end - 1, epoch: told.epoch, ..before },
            -6 => Place { offset: tiers.end, epoch: told.epoch, ..before },
            // A broker that no longer has the beginning of an open transaction says that all is stable to where its log
            // starts.
            -1 if question.isolation == 1 => Place { offset: before.offset.max(tiers.local), ..before },
            // Where a cleaner took the first batch, or it is too old to say so, the tier does not know which epoch had written it.
            -2 if told.epoch == -1
                && (image.is_old()
                    || image.batches.first().is_some_and(|batch| batch.base > before.offset)) =>
            {
                Place { epoch: -1, ..before }
            }
            // A broker tells none where the largest of all lies beyond what is stable; the tier tells the largest below.
            -3 if question.isolation == 1 && before.offset < 0 && told.offset < image.stable => told,
            // A broker takes the age of a file for the newest time in one without any, looks there, and finds nothing.
            0.. if image.is_old() && before.offset < 0 && is_first_of(image, *at, told) => told,
            _ => before,
        },
    };
    if told == expected {
        return Ok(());
    }
    Err(format!("{}/{} at {at}: {told:?}, expected {expected:?}", target.topic, target.partition))
}

/// Whether a record of this time or a later one is told, and it is in the first batch that has one.
fn is_first_of(image: &Image, time: i64, told: Place) -> bool {
    let batch = image.batch_at(time);
    told.error == 0
        && told.timestamp >= time
        && told.offset >= 0
        && image.batch_of(told.offset).is_some_and(|of| batch == Some(of))
}

/// Whether this is the answer of a broker that has lost the epoch, without the tier's beside it: it lies further up, so that
/// nobody goes back who need not, and whoever asks again is told the tier's.
pub fn is_brokers_alone(before: End, told: End) -> bool {
    before.error == 0 && told.error == 0 && before.end >= 0 && told.end > before.end
}

/// What is told of an epoch. `image` is of a partition that exists.
pub fn end(target: &Target, epoch: i32, before: End, told: End, image: Option<&Image>) -> Result<(), String> {
    // Old batches say no epoch. A broker has a note of when it began to lead; without, an epoch before the first is its own.
    let unknown = End { epoch, ..before };
    let is_old = image.is_some_and(Image::is_old);
    if told == before || (is_old && before.error == 0 && told == unknown) {
        return Ok(());
    }
    Err(format!("{}/{} epoch {epoch}: {told:?}, before {before:?}", target.topic, target.partition))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::image::Aborted;
    use crate::question::About;

    /// Two data batches of producer 5 in a transaction that is aborted, and one of nobody's.
    fn image() -> Image {
        let mut bytes = batch(0, 3, 0x10, 5, &[1; 40]);
        bytes.extend(batch(3, 2, 0x10, 5, &[2; 30]));
        // An abort marker: one record whose key is a version and the type 0.
        bytes.extend(batch(5, 1, 0x30, 5, &[32, 0, 0, 0, 8, 0, 0, 0, 0, 2, 0]));
        bytes.extend(batch(6, 4, 0, -1, &[3; 50]));
        let mut image = Image { end: 10, stable: 10, ..Image::default() };
        image.append(&bytes, &mut Vec::new());
        image
    }

    fn batch(base: i64, records: i32, attributes: u8, producer: i64, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 61];
        bytes[..8].copy_from_slice(&base.to_be_bytes());
        let length = i32::try_from(49 + body.len()).unwrap();
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        (bytes[16], bytes[22]) = (2, attributes);
        bytes[23..27].copy_from_slice(&(records - 1).to_be_bytes());
        bytes[43..51].copy_from_slice(&producer.to_be_bytes());
        bytes[57..61].copy_from_slice(&records.to_be_bytes());
        bytes.extend(body);
        bytes
    }

    fn question() -> Question {
        Question { node: 1, version: 12, isolation: 1, about: About::Times(Vec::new()) }
    }

    fn sight(image: &Image) -> Sight<'_> {
        Sight { image, offset: 4, most: 150, ends: (10, 10), local: 10 }
    }

    /// What is right to tell from offset 4 on: the second batch.
    fn told(image: &Image) -> Entry {
        let batch = image.batches[1];
        Entry {
            error: 0,
            end: 10,
            stable: 10,
            start: 0,
            aborted: Some(vec![(5, 0)]),
            preferred: -1,
            records: Some(Bytes::copy_from_slice(&image.bytes[batch.start..batch.end])),
        }
    }

    #[test]
    fn what_is_true_is_taken() {
        let image = image();
        assert_eq!(image.aborted, [Aborted { producer: 5, first: 0, last: 5 }]);
        assert_eq!(entry(&question(), &sight(&image), &told(&image)), Ok(()));
        let before = Kept { error: 0, next: Some(6), aborted: Some(vec![(5, 0)]) };
        assert_eq!(same(&question(), Some(&sight(&image)), &before, &told(&image)), Ok(()));
    }

    #[test]
    fn each_thing_that_is_wrong_is_seen() {
        let image = image();
        let records = told(&image).records.unwrap();
        let mut flipped = records.to_vec();
        flipped[70] ^= 1;
        let wrong: [(&str, Entry); 9] = [
            ("differ", Entry { records: Some(flipped.into()), ..told(&image) }),
            ("differ", Entry { records: Some(image.bytes[..60].to_vec().into()), ..told(&image) }),
            ("inside a batch", Entry { records: Some(records.slice(..70)), ..told(&image) }),
            (
                "at most",
                Entry {
                    records: Some(image.bytes[image.batches[1].start..].to_vec().into()),
                    ..told(&image)
                },
            ),
            ("null", Entry { records: None, ..told(&image) }),
            ("replica", Entry { preferred: 2, ..told(&image) }),
            ("beyond", Entry { start: 5, ..told(&image) }),
            ("does not name", Entry { aborted: Some(Vec::new()), ..told(&image) }),
            ("was not aborted", Entry { aborted: Some(vec![(5, 0), (6, 1)]), ..told(&image) }),
        ];
        for (what, told) in wrong {
            let error = entry(&question(), &sight(&image), &told).unwrap_err();
            assert!(error.contains(what), "{what}: {error}");
        }
        let before = Kept { error: 1, next: None, aborted: None };
        assert!(same(&question(), Some(&sight(&image)), &before, &told(&image)).is_err());
    }
}
