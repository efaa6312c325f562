//! From a store to a tier: whose prefix is this, and may we write here?
//!
//! ```text
//!                  marker there ──► format, cluster ──► (writer: probe, raise an older format) ──► tier
//!  read marker ──┤
//!                  no marker ──► list ──► objects there: not ours
//!                                     └─► empty: reader: nothing here
//!                                                writer: probe, create marker if absent, read it
//! ```

use firnline_index::ClusterId;
use firnline_index::keys::ObjectKey;
use firnline_index::marker::{FORMAT_VERSION, JsonObjectError, TierMarker};
use firnline_store::{CreateOutcome, ErrorKind, ProbeError, StoreError, UpdateOutcome, Version};

use crate::{Step, Tier, TierParts, TierSettings};

/// Where the store's probe keeps its objects.
const PROBES: &str = "probe/";

/// A prefix that cannot be used as a tier.
#[derive(Debug, thiserror::Error)]
pub enum OpenTierError {
    /// Nothing is there at all.
    #[error(
        "{store} is empty: no firnline.json, and no other object; check the address, or offload to it first"
    )]
    Empty {
        /// The store's address.
        store: String,
    },
    /// There are objects, but no marker.
    #[error("{store} is not a tier: it has no firnline.json, but holds {example:?}; give an empty prefix")]
    NotATier {
        /// The store's address.
        store: String,
        /// One of the objects there.
        example: String,
    },
    /// The marker names another cluster.
    #[error(
        "{store} is the tier of cluster {found}, not of {expected}; give each cluster a prefix of its own"
    )]
    OtherCluster {
        /// The store's address.
        store: String,
        /// The cluster that the marker names.
        found: ClusterId,
        /// The cluster expected.
        expected: ClusterId,
    },
    /// The marker is from a newer build.
    #[error("{store} has format {found}; this build reads up to {FORMAT_VERSION}: upgrade firnline")]
    Newer {
        /// The store's address.
        store: String,
        /// The format it is in.
        found: u64,
    },
    /// The marker cannot be understood.
    #[error("firnline.json in {store} cannot be read")]
    Marker {
        /// The store's address.
        store: String,
        /// Why not.
        #[source]
        source: Box<JsonObjectError>,
    },
    /// The settings cannot be written into a marker.
    #[error("the settings for a new tier are not valid")]
    Settings(#[source] Box<JsonObjectError>),
    /// The store cannot do what writing safely takes.
    #[error("{store} must not be written to")]
    Unfit {
        /// The store's address.
        store: String,
        /// What it cannot do.
        #[source]
        source: Box<ProbeError>,
    },
    /// The store did not answer, or refused.
    #[error("open the tier at {store}")]
    Store {
        /// The store's address.
        store: String,
        /// Why.
        #[source]
        source: Box<StoreError>,
    },
}

impl Tier {
    /// Opens a tier for reading. One GET; one LIST more where there is no marker.
    pub async fn open(parts: TierParts, settings: TierSettings) -> Result<Self, OpenTierError> {
        let store = parts.store.to_string();
        match read_marker(&parts).await? {
            Some((marker, _)) => Ok(Self::new(parts, settings, marker)),
            None => match first_object(&parts).await? {
                None => Err(OpenTierError::Empty { store }),
                Some(example) => Err(OpenTierError::NotATier { store, example }),
            },
        }
    }

    /// Opens the tier of `cluster` for writing; makes it, where the prefix is empty. Tries out what the store can do
    /// first, as often as a process calls this. Two who make it at once both get it, if they are of one cluster.
    pub async fn open_for_writing(
        parts: TierParts,
        settings: TierSettings,
        cluster: &ClusterId,
    ) -> Result<Self, OpenTierError> {
        let store = parts.store.to_string();
        let found = read_marker(&parts).await?;
        if found.is_none()
            && let Some(example) = first_object(&parts).await?
        {
            return Err(OpenTierError::NotATier { store, example });
        }
        // Whose tier it is comes first: a foreign prefix is not written to, not even to try it out.
        if let Some((marker, _)) = &found {
            must_be_of(marker, cluster, &store)?;
        }
        parts.faults.before(Step::Probe).await;
        parts.store.probe().await.map_err(|error| match error {
            ProbeError::Failed { source, .. } => store_error(&parts, source),
            flawed => OpenTierError::Unfit { store: store.clone(), source: Box::new(flawed) },
        })?;
        let marker = match found {
            Some((marker, version)) => raise_marker(&parts, marker, version).await?,
            None => create_marker(&parts, &settings, cluster).await?,
        };
        must_be_of(&marker, cluster, &store)?;
        Ok(Self::new(parts, settings, marker))
    }
}

fn must_be_of(marker: &TierMarker, cluster: &ClusterId, store: &str) -> Result<(), OpenTierError> {
    if marker.cluster_id == *cluster {
        return Ok(());
    }
    Err(OpenTierError::OtherCluster {
        store: store.to_owned(),
        found: marker.cluster_id.clone(),
        expected: cluster.clone(),
    })
}

async fn read_marker(parts: &TierParts) -> Result<Option<(TierMarker, Version)>, OpenTierError> {
    parts.faults.before(Step::ReadMarker).await;
    match parts.store.get(&ObjectKey::Marker.to_string()).await {
        Ok(fetched) => {
            let marker = TierMarker::decode(&fetched.bytes).map_err(|error| unreadable(parts, error))?;
            Ok(Some((marker, fetched.version)))
        }
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(store_error(parts, error)),
    }
}

fn unreadable(parts: &TierParts, error: JsonObjectError) -> OpenTierError {
    let store = parts.store.to_string();
    match error {
        JsonObjectError::Newer { found, .. } => OpenTierError::Newer { store, found },
        source => OpenTierError::Marker { store, source: Box::new(source) },
    }
}

fn store_error(parts: &TierParts, error: StoreError) -> OpenTierError {
    OpenTierError::Store { store: parts.store.to_string(), source: Box::new(error) }
}

/// Any object below the prefix, but for what an earlier probe could not clear away. One LIST.
async fn first_object(parts: &TierParts) -> Result<Option<String>, OpenTierError> {
    let page = parts.store.list("", None).next_page().await.map_err(|error| store_error(parts, error))?;
    let mut keys = page.unwrap_or_default().into_iter().map(|object| object.key);
    Ok(keys.find(|key| !key.starts_with(PROBES)))
}

/// Makes the marker unless somebody was faster; then theirs holds.
async fn create_marker(
    parts: &TierParts,
    settings: &TierSettings,
    cluster: &ClusterId,
) -> Result<TierMarker, OpenTierError> {
    let invalid = |error| OpenTierError::Settings(Box::new(error));
    let marker = TierMarker::new(cluster.clone(), settings.max_manifest_age).map_err(invalid)?;
    let bytes = marker.encode().map_err(invalid)?;
    parts.faults.before(Step::CreateMarker).await;
    let created = parts.store.create(&ObjectKey::Marker.to_string(), bytes).await;
    match created.map_err(|error| store_error(parts, error))? {
        CreateOutcome::Created(_) => Ok(marker),
        CreateOutcome::Exists => {
            let theirs = read_marker(parts).await?;
            let theirs = theirs.map(|(marker, _)| marker);
            theirs.ok_or_else(|| OpenTierError::Empty { store: parts.store.to_string() })
        }
    }
}

/// Says in the marker of an older format that this build writes here now: one PUT, where it does not say so yet. Where
/// somebody was faster, or the answer was lost, what is there holds if it says the same.
async fn raise_marker(
    parts: &TierParts,
    marker: TierMarker,
    version: Version,
) -> Result<TierMarker, OpenTierError> {
    let Some(raised) = marker.raised() else { return Ok(marker) };
    let bytes = raised.encode().map_err(|error| unreadable(parts, error))?;
    parts.faults.before(Step::CreateMarker).await;
    let lost = match parts.store.update(&ObjectKey::Marker.to_string(), bytes, &version).await {
        Ok(UpdateOutcome::Updated(_)) => return Ok(raised),
        Ok(UpdateOutcome::Conflict) => None,
        Err(error) if *error.kind() == ErrorKind::Ambiguous => Some(error),
        Err(error) => return Err(store_error(parts, error)),
    };
    match (read_marker(parts).await?, lost) {
        (None, _) => Err(OpenTierError::Empty { store: parts.store.to_string() }),
        (Some((marker, _)), Some(error)) if marker.raised().is_some() => Err(store_error(parts, error)),
        // Somebody else has replaced it; should it be an older build, the next writer raises it.
        (Some((marker, _)), _) => Ok(marker),
    }
}
