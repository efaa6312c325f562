//! From the errors of the libraries to codes. The sentence and the causes stay theirs; what is decided here is the page.

use std::error::Error;
use std::sync::Arc;

use firnline_config::{ConfigError, ErrorKind};
use firnline_index::log_source::{SourceError, SourceErrorKind};
use firnline_logdir::{LogDirError, RefusedReason, RestoreRefused};
use firnline_offloader::{PassError, Problem};
use firnline_store::{OpenError, StoreError, UrlError};
use firnline_tier::attach::AttachError;
use firnline_tier::cluster::ClusterError;
use firnline_tier::floors::FloorError;
use firnline_tier::gc::{DeleteError, GcError};
use firnline_tier::keys::{KeyError, KeyProblem, RewrapError, RingError};
use firnline_tier::mirror::MirrorError;
use firnline_tier::policy::PolicyError;
use firnline_tier::restore::RestoreError;
use firnline_tier::{EditError, ListError, OpenTierError, ReadError, ResolveError, UploadError};

use super::Failure;
use super::codes::{self, Code};

/// A failure with the error's own sentence. The code is the store's where a store's error is the cause.
fn failure(error: impl Error + Send + Sync + 'static, otherwise: &Code) -> Failure {
    let code = code(&error, otherwise);
    let message = error.to_string();
    Failure { source: Some(Box::new(error)), ..Failure::new(&code, message) }
}

fn code(error: &(dyn Error + 'static), otherwise: &Code) -> Code {
    if let Some(key) = find::<KeyError>(error).filter(|key| !of_the_store(key)) {
        return code_of_key(key);
    }
    find::<StoreError>(error).map_or(*otherwise, |store| codes::of_store(store.code()))
}

fn of_the_store(key: &KeyError) -> bool {
    matches!(&*key.problem, KeyProblem::Store { .. })
}

/// Whether the object that holds the key is at fault, or the ring's key is another one than it was, or the ring is not at
/// hand.
fn code_of_key(key: &KeyError) -> Code {
    use KeyProblem::{Damaged, Foreign, Gone, Unwrap};
    match &*key.problem {
        Gone { .. } | Damaged { .. } | Foreign { .. } => codes::KEY_LOST,
        Unwrap(RingError::Unauthentic { .. }) => codes::KEY_OTHER,
        _ => codes::KEY,
    }
}

/// The key that a reader's error is about: it is handed through a seam that knows no keys.
fn shared_key<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a KeyError> {
    let shared = find::<Arc<dyn Error + Send + Sync>>(error)?;
    shared.downcast_ref::<KeyError>()
}

/// Something that the config names and cannot be used.
pub fn config(error: ConfigError) -> Failure {
    let code = match error.kind {
        ErrorKind::Invalid => &codes::CONFIG_INVALID,
        ErrorKind::Secret => &codes::SECRET,
        ErrorKind::File => &codes::LOCAL_IO,
        ErrorKind::Key => &codes::KEY_UNUSABLE,
    };
    let ConfigError { kind: _, message, source, help } = error;
    Failure { source: source.map(Into::into), help, ..Failure::new(code, message) }
}

/// A topic key that cannot be had.
pub fn key(error: KeyError) -> Failure {
    failure(error, &codes::KEY)
}

/// The same as one line.
pub fn key_text(error: &KeyError) -> String {
    quoted(error, &codes::KEY).message
}

/// Topic keys that were not wrapped anew.
pub fn rewrap(error: RewrapError) -> Failure {
    let code = match &error {
        RewrapError::NoRing => &codes::KEY,
        RewrapError::TooMany { .. } => &codes::TOO_MANY,
        RewrapError::List(_) => &codes::INTERNAL,
    };
    failure(error, code)
}

/// The first error of a type in a chain of causes, boxed, shared or plain.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let boxed = error.downcast_ref::<Box<E>>().map(AsRef::as_ref);
        let shared = error.downcast_ref::<Arc<E>>().map(AsRef::as_ref);
        if let Some(found) = error.downcast_ref::<E>().or(boxed).or(shared) {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// The texts of an error and its causes, where the error itself cannot be taken along.
fn quoted(error: &(dyn Error + 'static), code: &Code) -> Failure {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let this = error.to_string();
        if !message.ends_with(&this) {
            message = format!("{message}: {this}");
        }
        cause = error.source();
    }
    Failure::new(code, message)
}

/// A store's own error.
pub fn store(error: StoreError) -> Failure {
    failure(error, &codes::INTERNAL)
}

/// An address that is none.
pub fn url(error: UrlError) -> Failure {
    let code = codes::of_store(error.code());
    failure(error, &code)
}

/// A store that cannot be opened as configured.
pub fn open_store(error: OpenError) -> Failure {
    let code = codes::of_store(error.code());
    failure(error, &code)
}

/// A prefix that is no tier of ours.
pub fn open_tier(error: OpenTierError) -> Failure {
    let code = match &error {
        OpenTierError::Empty { .. } => &codes::NOT_A_TIER,
        OpenTierError::NotATier { .. } => &codes::FOREIGN_PREFIX,
        OpenTierError::OtherCluster { .. } => &codes::OTHER_CLUSTER,
        OpenTierError::Newer { .. } => &codes::NEWER_FORMAT,
        OpenTierError::Marker { .. } => &codes::DAMAGED,
        OpenTierError::Settings(_) => &codes::CONFIG_INVALID,
        OpenTierError::Unfit { .. } => &codes::of_store(firnline_store::codes::PROBE_FAILED),
        OpenTierError::Store { .. } => &codes::INTERNAL,
    };
    failure(error, code)
}

/// Whether a store did not answer, and may do so later without anybody doing anything.
#[cfg(feature = "serve")]
pub fn is_silence(failure: &Failure) -> bool {
    let error: &(dyn Error + 'static) = failure;
    find::<StoreError>(error).is_some_and(StoreError::is_retriable)
}

/// A list that the store did not give.
pub fn list(error: ListError) -> Failure {
    failure(error, &codes::TOO_MANY)
}

/// A name that stands for no topic, or for several.
pub fn resolve(error: ResolveError) -> Failure {
    let code = match &error {
        ResolveError::Unknown { .. } | ResolveError::UnknownId { .. } => &codes::UNKNOWN_TOPIC,
        ResolveError::Ambiguous { .. } => &codes::AMBIGUOUS_TOPIC,
    };
    failure(error, code)
}

/// A manifest or page that could not be had.
pub fn read(error: ReadError) -> Failure {
    let code = match &error {
        ReadError::Store(_) => &codes::INTERNAL,
        ReadError::PageMissing { .. } => &codes::MISSING,
        ReadError::Damaged { .. } => &codes::DAMAGED,
    };
    failure(error, code)
}

/// An object of the cluster that cannot be read or written.
pub fn cluster(error: ClusterError) -> Failure {
    let code = of_cluster(&error);
    failure(error, code)
}

fn of_cluster(error: &ClusterError) -> &'static Code {
    match error {
        ClusterError::Store { .. } | ClusterError::Encode { .. } => &codes::INTERNAL,
        ClusterError::Unreadable { .. } | ClusterError::Foreign { .. } => &codes::DAMAGED,
        ClusterError::TooMany { .. } => &codes::TOO_MANY,
        ClusterError::Contended { .. } => &codes::LOST_RACE,
    }
}

/// A policy that cannot be read or set.
pub fn policy(error: PolicyError) -> Failure {
    deep(error)
}

/// A floor that cannot be worked out or written.
pub fn floor(error: FloorError) -> Failure {
    deep(error)
}

/// A run of gc without an answer.
pub fn gc(error: GcError) -> Failure {
    deep(error)
}

/// A partition that brokers tier, and that could not be looked at.
pub fn mirror(error: MirrorError) -> Failure {
    match &error {
        MirrorError::OfSidecars { .. } => Failure::new(&codes::NOT_A_MIRROR, error.to_string()),
        MirrorError::Store { .. } | MirrorError::Read { .. } => deep(error),
    }
}

/// Condemned objects that were not deleted.
pub fn delete(error: DeleteError) -> Failure {
    deep(error)
}

/// A change of a manifest that was not made, or of which nobody knows.
pub fn edit(error: EditError) -> Failure {
    deep(error)
}

/// An error whose causes decide its page: damage that was read, a race that was lost, else what the store says.
fn deep(error: impl Error + Send + Sync + 'static) -> Failure {
    let read = find::<ReadError>(&error).map(|read| match read {
        ReadError::Store(_) => &codes::INTERNAL,
        ReadError::PageMissing { .. } => &codes::MISSING,
        ReadError::Damaged { .. } => &codes::DAMAGED,
    });
    let cluster = find::<ClusterError>(&error).map(of_cluster);
    let list = find::<ListError>(&error).map(|_| &codes::TOO_MANY);
    failure(error, read.or(cluster).or(list).unwrap_or(&codes::LOST_RACE))
}

/// Log directories that cannot be used.
pub fn log_dir(error: LogDirError) -> Failure {
    let code = match &error {
        LogDirError::OtherCluster { .. } | LogDirError::OtherNode { .. } => &codes::LOG_DIRS_DIFFER,
        LogDirError::Twice { .. } => &codes::USAGE,
        LogDirError::NoMeta { .. }
        | LogDirError::Meta { .. }
        | LogDirError::NoCluster { .. }
        | LogDirError::Io(_) => &codes::LOG_DIR,
    };
    failure(error, code)
}

/// Log directories that cannot be served.
#[cfg(feature = "serve")]
pub fn disks(error: firnline_reader::DisksError) -> Failure {
    use firnline_reader::DisksError;
    match error {
        DisksError::LogDir(error) => log_dir(error),
        DisksError::Broker { .. } | DisksError::Untold { .. } => failure(error, &codes::BROKER_RUNS),
        DisksError::NoCluster => failure(error, &codes::LOG_DIR),
    }
}

/// Log directories that a sidecar cannot work on.
#[cfg(feature = "sidecar")]
pub fn host(error: firnline_offloader::HostError) -> Failure {
    use firnline_logdir::{PinProblem, SidecarLockError};
    let code = if find::<PinProblem>(&error).is_some() {
        &codes::CANNOT_PIN
    } else {
        match find::<SidecarLockError>(&error) {
            Some(SidecarLockError::Held { .. }) => &codes::SECOND_SIDECAR,
            Some(SidecarLockError::Io(_)) | None => &codes::HOST,
        }
    };
    failure(error, code)
}

/// A pass that was not begun.
pub fn pass(error: PassError) -> Failure {
    let code = match &error {
        PassError::BrokerRunning { .. } | PassError::LockUnknown { .. } => &codes::BROKER_RUNS,
        PassError::OtherCluster(_) => &codes::OTHER_CLUSTER,
        PassError::Scan(_) => &codes::LOG_DIR,
    };
    failure(error, code)
}

/// A partition's directory that cannot be read as it stands.
pub fn refused(error: &RefusedReason) -> Failure {
    let code = match error {
        RefusedReason::Duplicate { .. } => &codes::LOG_DIRS_DIFFER,
        RefusedReason::BadLogName { .. } | RefusedReason::PartitionMetadata(_) => &codes::LOG_DAMAGED,
        RefusedReason::UnfinishedCleaning { .. } | RefusedReason::UnfinishedRestore { .. } => {
            &codes::LOG_UNFINISHED
        }
        RefusedReason::Changing => &codes::LOG_CHANGED,
        RefusedReason::NoPartitionMetadata | RefusedReason::SymbolicLink { .. } | RefusedReason::Io(_) => {
            &codes::LOG_DIR
        }
    };
    quoted(error, code)
}

/// Why a partition was left out of a pass.
pub fn problem(error: &Problem) -> Failure {
    let source = find::<SourceError>(error).map(|source| match source.kind {
        SourceErrorKind::Unavailable => codes::LOG_DIR,
        SourceErrorKind::Changed => codes::LOG_CHANGED,
        SourceErrorKind::Damaged => codes::LOG_DAMAGED,
        SourceErrorKind::Diverged => codes::LOG_DIVERGED,
    });
    let otherwise = source.unwrap_or(match error {
        Problem::Plan(_) | Problem::Behind { .. } => codes::LOG_DIVERGED,
        Problem::Upload { source, .. } => upload(source),
        Problem::Read(_) => codes::DAMAGED,
        Problem::Commit(_) | Problem::Lost { .. } | Problem::Refused(_) => codes::LOST_RACE,
        Problem::BrokerStarted { .. } => codes::BROKER_RUNS,
    });
    quoted(error, &code(error, &otherwise))
}

/// What an upload found wrong, where neither a source nor a store is the cause.
fn upload(error: &UploadError) -> Code {
    match error {
        UploadError::Key(_) => codes::KEY,
        UploadError::Topic(_) => codes::INTERNAL,
        UploadError::Changed { .. } => codes::LOG_CHANGED,
        UploadError::EpochBack { .. } => codes::LOG_DIVERGED,
        UploadError::Length { .. } | UploadError::Differs { .. } => {
            codes::of_store(firnline_store::codes::CORRUPTED)
        }
        UploadError::Source(_) | UploadError::Batch(_) => codes::LOG_DAMAGED,
        UploadError::Store(_) | UploadError::ReadBack { .. } => codes::INTERNAL,
    }
}

/// A directory into which nothing may be restored.
pub fn restore_refused(error: RestoreRefused) -> Failure {
    let code = of_refusal(&error);
    failure(error, code)
}

fn of_refusal(refused: &RestoreRefused) -> &'static Code {
    match refused {
        RestoreRefused::BrokerRuns { .. } | RestoreRefused::LockUnknown { .. } => &codes::BROKER_RUNS,
        RestoreRefused::HoldsRecords { .. }
        | RestoreRefused::OpenedUnfinished { .. }
        | RestoreRefused::NotEmpty { .. } => &codes::TARGET_NOT_EMPTY,
        RestoreRefused::NotADirectory { .. }
        | RestoreRefused::IsLogDir { .. }
        | RestoreRefused::NotAPartitionName { .. }
        | RestoreRefused::NoTopicId { .. } => &codes::TARGET,
        RestoreRefused::Io(_) => &codes::LOCAL_IO,
    }
}

/// Files of a restore that could not be written or made visible.
pub fn restore_files(error: firnline_logdir::RestoreError) -> Failure {
    let code = match &error {
        firnline_logdir::RestoreError::BelowLogStart { .. } => &codes::TARGET,
        firnline_logdir::RestoreError::OutOfOrder { .. } => &codes::INTERNAL,
        firnline_logdir::RestoreError::Refused(refused) => of_refusal(refused),
        firnline_logdir::RestoreError::Io(_) => &codes::LOCAL_IO,
    };
    failure(error, code)
}

/// A restore that was not planned, or broke off.
pub fn restore(error: RestoreError) -> Failure {
    let code = match &error {
        RestoreError::Unknown { .. } => codes::UNKNOWN_TOPIC,
        RestoreError::Backwards { .. } => codes::BACKWARDS,
        RestoreError::Outside { .. } => codes::OUT_OF_RANGE,
        RestoreError::Gap { .. } => codes::GAP,
        RestoreError::Undecided { .. } => codes::UNDECIDED,
        RestoreError::Forked { .. } => codes::NOT_ATTACHABLE,
        RestoreError::Read(_) | RestoreError::Tail(_) | RestoreError::Store { .. } => codes::DAMAGED,
        RestoreError::Block { .. } | RestoreError::NotABatch { .. } => codes::DAMAGED,
        RestoreError::Write(source) => {
            let files: Option<&firnline_logdir::RestoreError> = find(source.as_ref());
            match files {
                Some(firnline_logdir::RestoreError::BelowLogStart { .. }) => codes::TARGET,
                Some(firnline_logdir::RestoreError::Refused(refused)) => *of_refusal(refused),
                _ => codes::LOCAL_IO,
            }
        }
    };
    failure(error, &code)
}

/// A partition whose segments cannot be attached to a broker.
pub fn attach(error: AttachError) -> Failure {
    match error {
        AttachError::Restore(error) => restore(error),
        error @ (AttachError::Tail { .. } | AttachError::Cut { .. }) => failure(error, &codes::DAMAGED),
        error @ (AttachError::TooLong { .. } | AttachError::NotAlone { .. }) => {
            failure(error, &codes::NOT_ATTACHABLE)
        }
    }
}

/// A server that does not come up, or a catalog that cannot be read.
#[cfg(feature = "serve")]
pub fn server(code: firnline_proxy::serve::Code, error: impl Error + Send + Sync + 'static) -> Failure {
    failure(error, &codes::of_server(code))
}

/// A proxy that does not come up.
#[cfg(feature = "serve")]
pub fn proxy(code: firnline_proxy::serve::Code, error: impl Error + Send + Sync + 'static) -> Failure {
    failure(error, &codes::of_proxy(code))
}

/// A read that failed.
pub fn reader(error: firnline_reader::ReadError) -> Failure {
    let own = codes::of_reader(error.code());
    // A key that is not at hand has the reader's own page; one that is not what it was has the tier's.
    let of_key = shared_key(&error).map(code_of_key).filter(|code| *code != codes::KEY);
    failure(error, &of_key.unwrap_or(own))
}

/// A table's export that has stopped.
#[cfg(feature = "export")]
pub fn export(error: firnline_export::job::JobError) -> Failure {
    let code = codes::of_export(error.code());
    failure(error, &code)
}

/// Plain files that could not be written.
#[cfg(feature = "export")]
pub fn export_plain(error: firnline_export::plain::PlainError) -> Failure {
    let code = codes::of_export(error.code());
    failure(error, &code)
}

/// A table that could not be repaired.
#[cfg(feature = "export")]
pub fn export_repair(error: firnline_export::repair::RepairError) -> Failure {
    let code = codes::of_export(error.code());
    failure(error, &code)
}

/// Two topics that want one table.
#[cfg(feature = "export")]
pub fn export_name(error: firnline_export::job::Collision) -> Failure {
    export(error.into())
}

/// A catalog that does not do what it was asked for.
#[cfg(feature = "export")]
pub fn catalog(error: firnline_table::catalog::CatalogError) -> Failure {
    failure(error, &codes::TABLE_CATALOG)
}

#[cfg(test)]
mod tests {
    use firnline_index::{Crc32c, LeaderEpoch, Offset};

    use super::*;
    use crate::exit::Exit;

    fn source(kind: SourceErrorKind) -> UploadError {
        UploadError::Source(SourceError { kind, cause: "so it is".into() })
    }

    #[test]
    fn what_stopped_an_upload_decides_how_the_run_ends() {
        let epoch = |epoch| LeaderEpoch::new(epoch).unwrap();
        let (offset, expected, found) = (Offset::ZERO, Crc32c::of(b"a"), Crc32c::of(b"b"));
        for (error, id, exit) in [
            (source(SourceErrorKind::Unavailable), "FIRN-L001", Exit::Environment),
            (source(SourceErrorKind::Damaged), "FIRN-L003", Exit::Difference),
            (source(SourceErrorKind::Changed), "FIRN-L005", Exit::Partly),
            (source(SourceErrorKind::Diverged), "FIRN-L006", Exit::Refused),
            (UploadError::Changed { what: "it shrank".into() }, "FIRN-L005", Exit::Partly),
            (UploadError::EpochBack { offset, known: epoch(5), found: epoch(4) }, "FIRN-L006", Exit::Refused),
            (
                UploadError::Differs { key: "a.seg".into(), expected, found },
                firnline_store::codes::CORRUPTED.code,
                Exit::Environment,
            ),
        ] {
            let shown = format!("{error}");
            let failure = problem(&Problem::Upload { from: Offset::ZERO, source: Box::new(error) });
            assert_eq!((failure.code.id, failure.exit()), (id, exit), "{shown}");
            assert!(failure.sentence().contains(&shown), "{}", failure.sentence());
        }
    }
}
