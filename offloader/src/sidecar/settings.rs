//! What a sidecar may do, and when: values only. What it works with is passed beside it ([`super::SidecarParts`]).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use firnline_index::TopicName;
use firnline_tier::SegmentForm;
use firnline_tier::gc::GcSettings;
use firnline_tier::policy::Wishes;
use firnline_tier::retention::RetentionSettings;
use firnline_tier::scrub::ScrubSettings;

/// How one topic is offloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicPolicy {
    /// Whether it is offloaded at all. Pins of a topic that is not are kept until an operator lets them go.
    pub offload: bool,
    /// Whether a compacted topic is taken, with its full history.
    pub compacted: bool,
    /// Sealed files are joined up to this size before they are due; 0: each sealed file is due by itself.
    pub target_bytes: u64,
    /// A sealed file is due at the latest this long after it was last written (minus up to an eighth, so that partitions
    /// that rolled together do not upload together).
    pub max_lag: Duration,
    /// How often the unsealed tail is uploaded; `None`: never. The recovery point of the bucket is then about this.
    pub tail_interval: Option<Duration>,
    /// Higher ones go first.
    pub priority: i32,
    /// What the configuration says of the retention in the tier; it may lengthen what the bucket says, never shorten it.
    pub retention: Wishes,
    /// Raw bytes a second of this topic on this sidecar at most.
    pub bytes_per_second: Option<u64>,
    /// How its segments are stored.
    pub form: SegmentForm,
}

impl Default for TopicPolicy {
    fn default() -> Self {
        Self {
            offload: true,
            compacted: false,
            target_bytes: 256 << 20,
            max_lag: Duration::from_secs(3600),
            tail_interval: None,
            priority: 0,
            retention: Wishes::default(),
            bytes_per_second: None,
            form: SegmentForm::default(),
        }
    }
}

/// Which policy a topic has: the first rule that matches, as whoever reads the configuration has arranged it.
pub type PolicyOf = Arc<dyn Fn(&TopicName) -> TopicPolicy + Send + Sync>;

/// When a disk counts as under pressure: everything that holds pins is due then, whatever else its policy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pressure {
    /// Less free space than this, in bytes. Well above the reserve at which pins give way.
    pub free_below: u64,
    /// More bytes than this kept by pins alone.
    pub sole_link_above: u64,
}

impl Default for Pressure {
    fn default() -> Self {
        Self { free_below: 0, sole_link_above: u64::MAX }
    }
}

/// What shapes a sidecar's work.
#[derive(Clone)]
pub struct SidecarSettings {
    /// The policy of each topic.
    pub policy_of: PolicyOf,
    /// Whether topics whose names begin with `__` are taken.
    pub internal_topics: bool,
    /// How often it looks around.
    pub tick: Duration,
    /// How often it looks at everything the host holds, whatever the host says has changed.
    pub look_interval: Duration,
    /// How often leaders are looked up.
    pub leader_interval: Duration,
    /// How often the bounds of logs that grow are asked, to remember what was committed.
    pub witness_interval: Duration,
    /// How often summaries are written and read.
    pub summary_interval: Duration,
    /// How old what is known of a manifest may be before it is read again for the sake of pins that no summary says are
    /// covered.
    pub manifest_interval: Duration,
    /// How often each partition's background work (retention, floors, collection, hanging transactions) has its turn.
    pub duty_interval: Duration,
    /// How retention takes what it may.
    pub retention: RetentionSettings,
    /// How long the archive of a deleted topic is kept from its tombstone on at least; what the bucket says may be longer, and
    /// where it says nothing the archive is kept for ever. After that retention takes all of it, a share at a time.
    pub deleted_topic_retention: Option<Duration>,
    /// How often what nothing names is collected of each partition.
    pub gc_interval: Duration,
    /// How it is collected.
    pub gc: GcSettings,
    /// How the content of the tier is read again; `None`: never.
    pub scrub: Option<ScrubSettings>,
    /// Partitions that act at once.
    pub parallel_partitions: usize,
    /// Claims a second.
    pub claim_rate: u32,
    /// How long what is due may stand still before a sidecar that does not lead takes it over; up to half as long again,
    /// at random.
    pub takeover_wait: Duration,
    /// How long a claim wants a range before it counts as lost.
    pub gap_wait: Duration,
    /// The share of a partition's log bytes in the tier that may be cut without an operator's word, in thousandths.
    pub cut_share_permille: u32,
    /// For how long two brokers must not know a topic before it counts as deleted.
    pub deleted_wait: Duration,
    /// The share of all topics here that may count as deleted within `deleted_wait` without an operator's word, in
    /// thousandths; one topic always may.
    pub deleted_share_permille: u32,
    /// Raw bytes a second over all topics at most, while no disk is under pressure and nothing is overdue.
    pub bytes_per_second: Option<u64>,
    /// When a disk is under pressure.
    pub pressure: Pressure,
    /// A transaction open for longer than this is named as hanging.
    pub hanging_after: Duration,
    /// The first pause after a failure of one partition's work; doubles with each, at random between half and whole.
    pub retry_pause: Duration,
    /// The longest such pause.
    pub retry_pause_max: Duration,
}

impl Default for SidecarSettings {
    fn default() -> Self {
        Self {
            policy_of: Arc::new(|_| TopicPolicy::default()),
            internal_topics: false,
            tick: Duration::from_secs(1),
            look_interval: Duration::from_secs(30),
            leader_interval: Duration::from_secs(5),
            witness_interval: Duration::from_secs(10),
            summary_interval: Duration::from_secs(60),
            manifest_interval: Duration::from_secs(3600),
            duty_interval: Duration::from_secs(3600),
            retention: RetentionSettings::default(),
            deleted_topic_retention: None,
            gc_interval: Duration::from_secs(24 * 3600),
            gc: GcSettings::default(),
            scrub: Some(ScrubSettings::default()),
            parallel_partitions: 8,
            claim_rate: 20,
            takeover_wait: Duration::from_secs(600),
            gap_wait: Duration::from_secs(3600),
            cut_share_permille: 100,
            deleted_wait: Duration::from_secs(600),
            deleted_share_permille: 100,
            bytes_per_second: None,
            pressure: Pressure::default(),
            hanging_after: Duration::from_secs(3600),
            retry_pause: Duration::from_secs(1),
            retry_pause_max: Duration::from_secs(300),
        }
    }
}

impl fmt::Debug for SidecarSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SidecarSettings")
            .field("tick", &self.tick)
            .field("parallel_partitions", &self.parallel_partitions)
            .field("takeover_wait", &self.takeover_wait)
            .field("gap_wait", &self.gap_wait)
            .finish_non_exhaustive()
    }
}
