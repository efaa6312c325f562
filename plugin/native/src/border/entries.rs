//! What the JVM calls, by names that it makes of class and method.

#![expect(
    unsafe_code,
    unreachable_pub,
    reason = "the JVM looks for these by name: they must not be mangled, which counts as unsafe, and nobody else calls them"
)]

use bytes::Bytes;
use firnline_config::surroundings::Surroundings;
use firnline_index::segment::MAX_BROKER_FILE_LEN;
use jni::objects::{JByteArray, JClass, JObjectArray, JString};
use jni::sys::{jboolean, jint, jlong};
use jni::{Env, EnvUnowned};

use super::arguments::{bytes, new_bytes, put, room, strings};
use super::calls::Calls;
use super::segment::MAX_SEGMENT_LEN;
use super::throw::{entry, of_java};
use crate::engine::{CopyFiles, Failure, FailureKind};

/// What Java holds. The library is loaded once a class loader, and each load has its own.
static CALLS: Calls = Calls::new();

/// The end of a stream.
const AT_END: jint = -1;

/// `long open(String[] keysAndValues)`
#[unsafe(no_mangle)]
pub extern "system" fn Java_io_firnline_kafka_Native_open<'a>(
    env: EnvUnowned<'a>,
    _class: JClass<'a>,
    keys_and_values: JObjectArray<'a, JString<'a>>,
) -> jlong {
    entry(env, 0, |env| {
        let texts = strings(env, &keys_and_values, "the plugin's settings")?;
        let (chunks, rest) = texts.as_chunks::<2>();
        let pairs: Option<Vec<_>> =
            chunks.iter().map(|[key, value]| key.clone().zip(value.clone())).collect();
        let Some(pairs) = pairs.filter(|_| rest.is_empty()) else {
            let why = "the plugin's settings are not keys with a value each";
            return Err(Failure::new(FailureKind::Other, why));
        };
        CALLS.open(&pairs, &Surroundings::of_process())
    })
}

/// `void close(long engine)`
#[unsafe(no_mangle)]
pub extern "system" fn Java_io_firnline_kafka_Native_close<'a>(
    env: EnvUnowned<'a>,
    _class: JClass<'a>,
    engine: jlong,
) {
    entry(env, (), |_| CALLS.close(engine));
}

/// `long startCopy(long engine, byte[] segment, String[] files, byte[] leaderEpochs)`
#[unsafe(no_mangle)]
pub extern "system" fn Java_io_firnline_kafka_Native_startCopy<'a>(
    env: EnvUnowned<'a>,
    _class: JClass<'a>,
    engine: jlong,
    segment: JByteArray<'a>,
    files: JObjectArray<'a, JString<'a>>,
    leader_epochs: JByteArray<'a>,
) -> jlong {
    entry(env, 0, |env| {
        let limit = usize::try_from(MAX_BROKER_FILE_LEN).unwrap_or(usize::MAX);
        let leader_epochs = bytes(env, &leader_epochs, "the leader epochs", limit)?.into();
        let names = strings(env, &files, "the segment's files")?;
        let segment = metadata(env, &segment)?;
        CALLS.start_copy(engine, &segment, named(names, leader_epochs)?)
    })
}

/// `byte[] awaitCopy(long copy, int millis)`
#[unsafe(no_mangle)]
pub extern "system" fn Java_io_firnline_kafka_Native_awaitCopy<'a>(
    env: EnvUnowned<'a>,
    _class: JClass<'a>,
    copy: jlong,
    millis: jint,
) -> JByteArray<'a> {
    entry(env, JByteArray::default(), |env| match CALLS.await_copy(copy, millis)? {
        Some(custom) => new_bytes(env, &custom),
        None => Ok(JByteArray::default()),
    })
}

/// `void dropCopy(long copy)`
#[unsafe(no_mangle)]
pub extern "system" fn Java_io_firnline_kafka_Native_dropCopy<'a>(
    env: EnvUnowned<'a>,
    _class: JClass<'a>,
    copy: jlong,
) {
    entry(env, (), |_| CALLS.drop_copy(copy));
}

/// `long fetch(long engine, byte[] segment, int start, int end)`
#[unsafe(no_mangle)]
pub extern "system" fn Java_io_firnline_kafka_Native_fetch<'a>(
    env: EnvUnowned<'a>,
    _class: JClass<'a>,
    engine: jlong,
    segment: JByteArray<'a>,
    start: jint,
    end: jint,
) -> jlong {
    entry(env, 0, |env| CALLS.fetch(engine, &metadata(env, &segment)?, start, end))
}

/// `int read(long stream, byte[] into, int at, int length)`
#[unsafe(no_mangle)]
pub extern "system" fn Java_io_firnline_kafka_Native_read<'a>(
    env: EnvUnowned<'a>,
    _class: JClass<'a>,
    stream: jlong,
    into: JByteArray<'a>,
    at: jint,
    length: jint,
) -> jint {
    entry(env, AT_END, |env| {
        // Before anything is read: what the stream has given out it does not give again.
        let (at, length) = room(env, &into, at, length)?;
        let Some(piece) = CALLS.read(stream, length)? else { return Ok(AT_END) };
        put(env, &into, at, &piece)?;
        Ok(jint::try_from(piece.len()).unwrap_or(jint::MAX))
    })
}

/// `long skip(long stream, long bytes)`
#[unsafe(no_mangle)]
pub extern "system" fn Java_io_firnline_kafka_Native_skip<'a>(
    env: EnvUnowned<'a>,
    _class: JClass<'a>,
    stream: jlong,
    bytes: jlong,
) -> jlong {
    entry(env, 0, |_| CALLS.skip(stream, bytes))
}

/// `void dropStream(long stream)`
#[unsafe(no_mangle)]
pub extern "system" fn Java_io_firnline_kafka_Native_dropStream<'a>(
    env: EnvUnowned<'a>,
    _class: JClass<'a>,
    stream: jlong,
) {
    entry(env, (), |_| CALLS.drop_stream(stream));
}

/// `byte[] index(long engine, byte[] segment, int type)`
#[unsafe(no_mangle)]
pub extern "system" fn Java_io_firnline_kafka_Native_index<'a>(
    env: EnvUnowned<'a>,
    _class: JClass<'a>,
    engine: jlong,
    segment: JByteArray<'a>,
    of_type: jint,
) -> JByteArray<'a> {
    entry(env, JByteArray::default(), |env| {
        let segment = metadata(env, &segment)?;
        match CALLS.index(engine, &segment, of_type)? {
            Some(file) => new_bytes(env, &file),
            None => Ok(JByteArray::default()),
        }
    })
}

/// `boolean delete(long engine, byte[] segment)`
#[unsafe(no_mangle)]
pub extern "system" fn Java_io_firnline_kafka_Native_delete<'a>(
    env: EnvUnowned<'a>,
    _class: JClass<'a>,
    engine: jlong,
    segment: JByteArray<'a>,
) -> jboolean {
    entry(env, jboolean::default(), |env| CALLS.delete(engine, &metadata(env, &segment)?))
}

/// `String metrics(long engine)`
#[unsafe(no_mangle)]
pub extern "system" fn Java_io_firnline_kafka_Native_metrics<'a>(
    env: EnvUnowned<'a>,
    _class: JClass<'a>,
    engine: jlong,
) -> JString<'a> {
    entry(env, JString::default(), |env| {
        let text = CALLS.metrics(engine)?;
        env.new_string(text).map_err(|error| of_java("answer", error))
    })
}

fn metadata(env: &mut Env<'_>, segment: &JByteArray<'_>) -> Result<Vec<u8>, Failure> {
    bytes(env, segment, "the segment's metadata", MAX_SEGMENT_LEN)
}

/// Log, offset index, time index, transaction index or null, snapshot or null.
fn named(names: Vec<Option<String>>, leader_epochs: Bytes) -> Result<CopyFiles, Failure> {
    let five: Result<[Option<String>; 5], _> = names.try_into();
    match five {
        Ok([Some(log), Some(offset_index), Some(time_index), transaction_index, snapshot]) => Ok(CopyFiles {
            log: log.into(),
            offset_index: offset_index.into(),
            time_index: time_index.into(),
            transaction_index: transaction_index.map(Into::into),
            snapshot: snapshot.map(Into::into),
            leader_epochs,
        }),
        _ => Err(Failure::new(
            FailureKind::Other,
            "a segment has five files, the first three of which are there",
        )),
    }
}
