//! Everything that a worker works with, opened in the order in which mistakes are cheapest to find.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use firnline_index::{NodeId, TopicIdPartition};
use firnline_kafka::Client;
use firnline_logdir::{LogDir, LogDirs, Reserve};
use firnline_offloader::sidecar::{NoSidecarFaults, Sidecar, SidecarParts, SidecarSettings};
use firnline_offloader::{DirectoryHost, DirectoryOptions, KafkaCluster, Silent, cluster_of};
use firnline_store::Store;
use firnline_tier::cluster::{HeldLease, LeaseOutcome, LeaseRequest};
use firnline_tier::{Tier, TierParts};

use crate::commands::context::Context;
use crate::commands::offload::typed::Typed;
use crate::config::Config;
use crate::failure::{Failure, Result, codes, of};
use crate::selector::TopicPattern;
use crate::surroundings::read_small;
use crate::wiring;

/// What was opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) sidecar: Sidecar,
    pub(super) host: Arc<DirectoryHost>,
    pub(super) tier: Tier,
    pub(super) store: Store,
    pub(super) node: NodeId,
    pub(super) client: Client,
    pub(super) lease: HeldLease,
    /// The size of the smallest disk.
    pub(super) disk_total: u64,
}

/// Opens directories, brokers, store and tier, and takes the place of this broker's sidecar.
pub(super) async fn open(typed: &Typed) -> Result<Opened> {
    let Typed { context, log_dirs, patterns } = typed;
    let config = &context.config;
    let store = context.store()?;
    let dirs = LogDirs::open(log_dirs).map_err(of::log_dir)?;
    let Some(cluster) = cluster_of(&dirs).cloned() else {
        let what = "no log directory's meta.properties names a cluster";
        return Err(Failure::new(&codes::LOG_DIR, what).into());
    };
    let node = node(&dirs, config)?;
    let client = wiring::kafka(config, &context.around, &context.env, Some(&cluster))?;
    let disk_total = smallest_disk(&dirs)?;
    let settings = wiring::sidecar(config, patterns, disk_total);
    let places = dirs.dirs().iter().map(place).collect();
    let host = host(dirs, config, &settings, disk_total).await?;
    // From here on nobody else works here: the log directories are locked.
    let tier_settings = wiring::tier(config, store.settings());
    let parts = TierParts::new(store.clone(), context.env.clone());
    let tier = Tier::open_for_writing(parts, tier_settings, &cluster).await.map_err(of::open_tier)?;
    let tier = wiring::with_keys(tier, config, &context.around, &context.env)?;
    let lease = lease(&tier, node, places).await?;
    let sidecar = sidecar(&tier, client.clone(), &host, node, settings).await?;
    Ok(Opened { sidecar, host, tier, store, node, client, lease, disk_total })
}

/// The settings of a config that was read again.
pub(super) fn settings(context: &Context, patterns: &[TopicPattern], opened: &Opened) -> SidecarSettings {
    wiring::sidecar(&context.config, patterns, opened.disk_total)
}

/// Which partitions are pinned: those of topics that are offloaded.
pub(super) fn wanted(settings: &SidecarSettings) -> firnline_offloader::Wanted {
    let (policy_of, internal) = (Arc::clone(&settings.policy_of), settings.internal_topics);
    Arc::new(move |tip: &TopicIdPartition| {
        (internal || !tip.topic.as_str().starts_with("__")) && policy_of(&tip.topic).offload
    })
}

fn node(dirs: &LogDirs, config: &Config) -> Result<NodeId> {
    let Some(found) = dirs.dirs().iter().find_map(|dir| dir.node_id) else {
        let what = "no log directory's meta.properties names a node";
        return Err(Failure::new(&codes::LOG_DIR, what).into());
    };
    match config.offload.node_id.value {
        Some(said) if u64::try_from(found.get()) != Ok(said.0) => {
            let what =
                format!("offload.node_id is {}, and the log directories are those of node {found}", said.0);
            Err(Failure::new(&codes::OTHER_NODE, what).into())
        }
        _ => Ok(found),
    }
}

fn smallest_disk(dirs: &LogDirs) -> Result<u64> {
    let mut smallest = u64::MAX;
    for dir in dirs.dirs() {
        let space = Reserve::new(&dir.path, 0).and_then(|reserve| reserve.space());
        let space = space.map_err(|error| {
            Failure::new(&codes::HOST, format!("look at the disk of {:?}", dir.path)).caused_by(error)
        })?;
        smallest = smallest.min(space.total);
    }
    Ok(smallest)
}

async fn host(
    dirs: LogDirs,
    config: &Config,
    settings: &SidecarSettings,
    disk_total: u64,
) -> Result<Arc<DirectoryHost>> {
    let options = DirectoryOptions {
        reserve_bytes: wiring::reserve(config).of(disk_total),
        scan_interval: config.offload.scan_interval.value.0,
        ..DirectoryOptions::new(wanted(settings))
    };
    let opened = tokio::task::spawn_blocking(move || DirectoryHost::open(&dirs, options)).await;
    let opened = opened.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    Ok(Arc::new(opened.map_err(of::host)?))
}

/// What a log directory is known by in the lease: its own id, else its path on this machine.
fn place(dir: &LogDir) -> String {
    dir.directory_id.clone().unwrap_or_else(|| format!("{}:{}", machine(), dir.path.display()))
}

/// This machine's name, for people.
fn machine() -> String {
    let name = read_small(Path::new("/proc/sys/kernel/hostname"), 1024).unwrap_or_default();
    name.trim().to_owned()
}

/// The word that this run works as the node; refused while another one does.
async fn lease(tier: &Tier, node: NodeId, places: BTreeSet<String>) -> Result<HeldLease> {
    let incarnation = tier.incarnation();
    let request = LeaseRequest { node, incarnation, machine: machine(), places, take_over: false };
    match tier.take_lease(&request).await.map_err(of::cluster)? {
        LeaseOutcome::Held(lease) => Ok(lease),
        LeaseOutcome::Refused(other) => {
            let what = format!(
                "a sidecar on {} has worked as node {node} of this tier since {}, and has not given it back",
                other.machine,
                crate::units::show_time(other.since),
            );
            Err(Failure::new(&codes::SECOND_SIDECAR, what)
                .help("end that one; if its machine is gone for good, delete the lease named in docs/formats/keys.md")
                .into())
        }
    }
}

async fn sidecar(
    tier: &Tier,
    client: Client,
    host: &Arc<DirectoryHost>,
    node: NodeId,
    settings: SidecarSettings,
) -> Result<Sidecar> {
    let parts = SidecarParts {
        tier: tier.clone(),
        cluster: Arc::new(KafkaCluster::new(client)),
        host: Arc::clone(host) as Arc<dyn firnline_offloader::Host>,
        node,
        faults: Arc::new(NoSidecarFaults),
        progress: Arc::new(Silent),
    };
    Ok(Sidecar::open(parts, settings).await.map_err(of::host)?)
}
