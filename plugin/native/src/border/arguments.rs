//! Java's arrays and strings, in and out. Everything that comes is bounded before it is copied.

use jni::Env;
use jni::objects::{JByteArray, JObjectArray, JString};

use super::throw::of_java;
use crate::engine::{Failure, FailureKind};

/// Elements of an array of strings at most.
const MAX_STRINGS: usize = 4_096;

/// A byte array's bytes.
pub(super) fn bytes(
    env: &mut Env<'_>,
    array: &JByteArray<'_>,
    what: &str,
    limit: usize,
) -> Result<Vec<u8>, Failure> {
    if array.is_null() {
        return Err(absent(what));
    }
    let failed = |error| of_java(what, error);
    let length = array.len(env).map_err(failed)?;
    if length > limit {
        return Err(Failure::new(
            FailureKind::Other,
            format!("{what} has {length} bytes, at most {limit} are taken"),
        ));
    }
    env.convert_byte_array(array).map_err(failed)
}

/// An array's strings, of which each may be null.
pub(super) fn strings(
    env: &mut Env<'_>,
    array: &JObjectArray<'_, JString<'_>>,
    what: &str,
) -> Result<Vec<Option<String>>, Failure> {
    if array.is_null() {
        return Err(absent(what));
    }
    let failed = |error| of_java(what, error);
    let length = array.len(env).map_err(failed)?;
    if length > MAX_STRINGS {
        return Err(Failure::new(
            FailureKind::Other,
            format!("{what} has {length} strings, at most {MAX_STRINGS} are taken"),
        ));
    }
    let mut found = Vec::with_capacity(length);
    for at in 0..length {
        let element = array.get_element(env, at).map_err(failed)?;
        let text = if element.is_null() { None } else { Some(element.try_to_string(env).map_err(failed)?) };
        found.push(text);
    }
    Ok(found)
}

/// How many bytes `length` of them from `at` on may be put into an array: all, or it is a failure.
pub(super) fn room(
    env: &mut Env<'_>,
    array: &JByteArray<'_>,
    at: i32,
    length: i32,
) -> Result<(i32, usize), Failure> {
    if array.is_null() {
        return Err(absent("the array to read into"));
    }
    let whole = array.len(env).map_err(|error| of_java("read", error))?;
    let end = usize::try_from(at).ok().zip(usize::try_from(length).ok());
    match end.and_then(|(at, length)| Some((at.checked_add(length)?, length))) {
        Some((end, length)) if end <= whole => Ok((at, length)),
        _ => Err(Failure::new(
            FailureKind::Other,
            format!("{length} bytes at {at} do not lie in an array of {whole}"),
        )),
    }
}

/// Puts bytes into an array: the one copy that a fetched byte takes.
pub(super) fn put(env: &mut Env<'_>, array: &JByteArray<'_>, at: i32, bytes: &[u8]) -> Result<(), Failure> {
    array.set_region(env, at, as_java(bytes)).map_err(|error| of_java("read", error))
}

/// A new array.
pub(super) fn new_bytes<'a>(env: &mut Env<'a>, bytes: &[u8]) -> Result<JByteArray<'a>, Failure> {
    env.byte_array_from_slice(bytes).map_err(|error| of_java("answer", error))
}

fn absent(what: &str) -> Failure {
    Failure::new(FailureKind::Other, format!("{what} is null"))
}

/// Java's bytes have a sign.
#[expect(
    unsafe_code,
    reason = "a view of the same bytes; copying them would be the second copy of every byte fetched"
)]
fn as_java(bytes: &[u8]) -> &[i8] {
    // SAFETY: `u8` and `i8` have the same size and alignment, every bit pattern is valid for both, and the view has the
    // slice's own length and lifetime.
    unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast::<i8>(), bytes.len()) }
}
