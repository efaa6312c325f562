//! `[offload]`, `[limits]` and `[[topic]]` to a sidecar's settings.

use std::sync::Arc;
use std::time::Duration;

use firnline_index::TopicName;
use firnline_offloader::sidecar::{PolicyOf, Pressure, SidecarSettings, TopicPolicy};

use firnline_tier::gc::GcSettings;
use firnline_tier::policy::{Wish, Wishes};
use firnline_tier::retention::{RetentionSettings, Share};
use firnline_tier::scrub::ScrubSettings;

use crate::config::Config;
use crate::config::sections::{EncryptionSection, OffloadSection, TopicSection};
use crate::selector::TopicPattern;
use firnline_config::wiring::count;

/// Free space below this many times the reserve is pressure: there is time to upload before pins give way.
const PRESSURE: u64 = 2;
/// The priority of the config counts from the most urgent down.
const LEAST_URGENT: u64 = 9;

/// The settings. `typed` are topics named on the command line; if there are none, the config decides. `disk_total` is the
/// size of the smallest disk.
pub fn sidecar(config: &Config, typed: &[TopicPattern], disk_total: u64) -> SidecarSettings {
    let OffloadSection {
        // Where and how it stores: see `wiring::tier`; who this is: see the worker.
        log_dirs: _,
        node_id: _,
        // Of each topic's policy.
        target_size: _,
        max_lag: _,
        tail_interval: _,
        reserve: _,
        pin_budget,
        rate,
        scan_interval,
        takeover_wait,
        gap_wait,
        claim_rate,
        cut_share,
        summary_interval,
        witness_interval,
        hanging_after,
        // Of the worker.
        state_export: _,
        state_interval: _,
        retention_interval,
        retention_share,
        gc_interval,
        gc_grace,
        gc_share,
        scrub_within,
        scrub_rate,
        deleted_topic_wait,
        deleted_topic_share,
        deleted_topic_retention,
    } = &config.offload;
    let reserve = super::reserve(config).of(disk_total);
    SidecarSettings {
        policy_of: policy_of(config, typed),
        internal_topics: config.topics.iter().any(|topic| topic.internal.value),
        look_interval: scan_interval.value.0,
        summary_interval: summary_interval.value.0,
        witness_interval: witness_interval.value.0,
        hanging_after: hanging_after.value.0,
        parallel_partitions: count(config.limits.parallel_partitions.value.0),
        claim_rate: count(claim_rate.value.0),
        takeover_wait: takeover_wait.value.0,
        gap_wait: gap_wait.value.0,
        cut_share_permille: permille(cut_share.value.0),
        deleted_wait: deleted_topic_wait.value.0,
        deleted_share_permille: permille(deleted_topic_share.value.0),
        duty_interval: retention_interval.value.0.min(gc_interval.value.0),
        retention: RetentionSettings {
            share: percent(retention_share.value.0),
            ..RetentionSettings::default()
        },
        deleted_topic_retention: deleted_topic_retention.value.map(|kept| kept.0),
        gc_interval: gc_interval.value.0,
        gc: GcSettings {
            min_age: gc_grace.value.0,
            share: percent(gc_share.value.0),
            ..GcSettings::default()
        },
        scrub: (scrub_rate.value.0 > 0).then_some(ScrubSettings {
            cover_within: scrub_within.value.0,
            most_bytes_per_second: scrub_rate.value.0,
            ..ScrubSettings::default()
        }),
        bytes_per_second: rate.value.map(|rate| rate.0),
        pressure: Pressure {
            free_below: reserve.saturating_mul(PRESSURE),
            sole_link_above: pin_budget.value.map_or(u64::MAX, |budget| budget.0),
        },
        ..SidecarSettings::default()
    }
}

fn permille(percent: u64) -> u32 {
    count(percent * 10)
}

fn percent(percent: u64) -> Share {
    Share::per_mille(count(percent * 10))
}

fn policy_of(config: &Config, typed: &[TopicPattern]) -> PolicyOf {
    let (topics, typed, encryption) = (config.topics.clone(), typed.to_vec(), config.encryption.clone());
    let base = TopicPolicy {
        target_bytes: config.offload.target_size.value.0,
        max_lag: config.offload.max_lag.value.0,
        tail_interval: config.offload.tail_interval.value.map(|wait| wait.0),
        form: super::base_form(&config.encryption),
        ..TopicPolicy::default()
    };
    Arc::new(move |topic: &TopicName| {
        let first =
            topics.iter().find(|section| section.name.value.as_ref().is_some_and(|name| name.matches(topic)));
        let mut policy =
            first.map_or_else(|| base.clone(), |section| of_section(section, &base, &encryption, topic));
        if !typed.is_empty() {
            policy.offload = typed.iter().any(|pattern| pattern.matches(topic));
        }
        policy
    })
}

fn of_section(
    section: &TopicSection,
    base: &TopicPolicy,
    encryption: &EncryptionSection,
    topic: &TopicName,
) -> TopicPolicy {
    let TopicSection {
        name: _,
        offload,
        compacted,
        internal,
        retention_time,
        retention_size,
        target_size,
        max_lag,
        tail_interval,
        compression: _,
        encrypt: _,
        storage_class: _,
        priority,
        rate,
    } = section;
    let time = retention_time.value.map(|wait| u64::try_from(wait.0.as_millis()).unwrap_or(u64::MAX));
    let own = |wait: Option<Duration>, of_all| wait.unwrap_or(of_all);
    TopicPolicy {
        offload: offload.value && (internal.value || !topic.as_str().starts_with("__")),
        compacted: compacted.value,
        target_bytes: target_size.value.map_or(base.target_bytes, |size| size.0),
        max_lag: own(max_lag.value.map(|wait| wait.0), base.max_lag),
        tail_interval: tail_interval.value.map(|wait| wait.0).or(base.tail_interval),
        priority: count(LEAST_URGENT - priority.value.0),
        retention: Wishes { ms: wish(time), bytes: wish(retention_size.value.map(|size| size.0)) },
        bytes_per_second: rate.value.map(|rate| rate.0),
        form: super::form(section, encryption),
    }
}

fn wish(limit: Option<u64>) -> Wish {
    limit.map_or(Wish::Silent, Wish::Limit)
}

#[cfg(test)]
mod tests {
    use firnline_tier::SegmentForm;

    use super::*;
    use crate::config::parse;
    use crate::surroundings::Surroundings;

    fn settings(text: &str, typed: &[&str]) -> SidecarSettings {
        let config = parse(text, &Surroundings::default()).unwrap();
        let typed: Vec<TopicPattern> = typed.iter().map(|text| text.parse().unwrap()).collect();
        sidecar(&config, &typed, 100 << 30)
    }

    fn policy(settings: &SidecarSettings, topic: &str) -> TopicPolicy {
        (settings.policy_of)(&TopicName::new(topic).unwrap())
    }

    #[test]
    fn the_first_section_that_matches_holds_alone() {
        let settings = settings(
            "offload.max_lag = '2h'\n[[topic]]\nname = 'pay.*'\nmax_lag = '5m'\npriority = 0\n[[topic]]\nname = '.*'\ntarget_size = '0B'\n",
            &[],
        );
        let pay = policy(&settings, "payments");
        assert_eq!((pay.max_lag, pay.target_bytes, pay.priority), (Duration::from_secs(300), 256 << 20, 9));
        let other = policy(&settings, "clicks");
        assert_eq!((other.max_lag, other.target_bytes, other.priority), (Duration::from_secs(7200), 0, 4));
    }

    #[test]
    fn internal_topics_are_taken_only_where_a_section_says_so() {
        let all = settings("[[topic]]\nname = '.*'\n", &[]);
        assert!(!policy(&all, "__audit").offload && !all.internal_topics);
        let asked = settings("[[topic]]\nname = '__audit'\ninternal = true\n", &[]);
        assert!(policy(&asked, "__audit").offload && asked.internal_topics);
    }

    #[test]
    fn what_was_typed_stands_before_the_config() {
        let typed = settings("[[topic]]\nname = 'orders'\noffload = false\n", &["orders"]);
        assert!(policy(&typed, "orders").offload);
        assert!(!policy(&typed, "clicks").offload);
    }

    #[test]
    fn pressure_comes_before_the_reserve() {
        let settings = settings("offload.reserve = '1GiB'\noffload.cut_share = 25\n", &[]);
        assert_eq!(settings.pressure.free_below, 2 << 30);
        assert_eq!(settings.pressure.sole_link_above, u64::MAX);
        assert_eq!(settings.cut_share_permille, 250);
    }

    #[test]
    fn a_topic_may_be_stored_in_its_own_way() {
        let settings = settings(
            "offload.compression = 'zstd'\n[[topic]]\nname = 'cold'\ncompression = 'none'\nstorage_class = 'GLACIER_IR'\n",
            &[],
        );
        let cold = policy(&settings, "cold").form;
        assert_eq!(cold.compression, Some(firnline_index::segment::BlockCompression::None));
        assert_eq!(cold.storage_class.as_deref(), Some("GLACIER_IR"));
        assert_eq!(policy(&settings, "warm").form, SegmentForm::default());
    }

    #[test]
    fn an_archive_is_kept_for_ever_unless_a_time_is_stated() {
        assert_eq!(settings("", &[]).deleted_topic_retention, None);
        let stated = settings(
            "offload.deleted_topic.retention = '90d'\noffload.retention.share = 5\noffload.gc.grace = '2d'\n",
            &[],
        );
        assert_eq!(stated.deleted_topic_retention, Some(Duration::from_secs(90 * 86_400)));
        assert_eq!((stated.retention.share.get(), stated.gc.min_age), (50, Duration::from_secs(2 * 86_400)));
    }
}
