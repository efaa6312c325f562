//! From a failure to a Java exception.

use jni::objects::{JThrowable, JValue};
use jni::{Env, EnvUnowned, Outcome, jni_sig, jni_str};

use crate::engine::{Failure, FailureKind};

/// Characters of a message at most: whatever a store has said, a broker's log stays readable.
const MESSAGE_MAX: usize = 2_000;

/// Runs a native method's body. A failure, a panic and an exception of Java's own in it are thrown as `NativeFailure`, and
/// `otherwise` is returned, which Java does not see then.
pub(super) fn entry<'a, T>(
    mut env: EnvUnowned<'a>,
    otherwise: T,
    work: impl FnOnce(&mut Env<'a>) -> Result<T, Failure>,
) -> T {
    // Catches panics.
    let outcome = env.with_env(|env| -> Result<Result<T, Failure>, jni::errors::Error> { Ok(work(env)) });
    let failure = match outcome.into_outcome() {
        Outcome::Ok(Ok(value)) => return value,
        Outcome::Ok(Err(failure)) => failure,
        Outcome::Err(error) => of_java("call", error),
        Outcome::Panic(payload) => Failure::panic("a native method", &*payload),
    };
    // Whatever goes wrong here has left an exception behind, or there is none that could be thrown.
    let thrown = env.with_env(|env| throw(env, &failure));
    let _ = thrown.into_outcome();
    otherwise
}

/// A call of ours to Java that failed.
pub(super) fn of_java(what: &str, error: jni::errors::Error) -> Failure {
    Failure::because(FailureKind::Other, format!("{what} across the border"), error)
}

fn throw(env: &mut Env<'_>, failure: &Failure) -> Result<(), jni::errors::Error> {
    // An exception of Java's own that is pending stands in the way; what it was is in the failure's line.
    env.exception_clear();
    let line: String = failure.line().chars().take(MESSAGE_MAX).collect();
    let message = env.new_string(line)?;
    let class = env.find_class(jni_str!("io/firnline/kafka/NativeFailure"))?;
    let arguments = [JValue::Int(failure.kind() as i32), JValue::Object(&message)];
    let exception = env.new_object(class, jni_sig!("(ILjava/lang/String;)V"), &arguments)?;
    let exception = env.cast_local::<JThrowable>(exception)?;
    env.throw(exception)
}
