//! `[limits]`, `[offload]` and `[[topic]]` to how a tier is written.

use firnline_config::wiring;
use firnline_store::StoreSettings;
use firnline_tier::{SegmentForm, TierSettings};

use crate::config::Config;
use crate::config::sections::{EncryptionSection, TopicSection};

/// The settings of a tier over a store with these settings.
pub fn tier(config: &Config, store: &StoreSettings) -> TierSettings {
    wiring::tier(&config.limits, &config.segments, store)
}

/// How segments of topics are stored that no section names.
pub fn base_form(config: &EncryptionSection) -> SegmentForm {
    SegmentForm { encryption: wiring::encryption(None, config.topics.value), ..SegmentForm::default() }
}

/// How segments of a section's topics are stored, where that differs from other topics'.
pub fn form(section: &TopicSection, config: &EncryptionSection) -> SegmentForm {
    SegmentForm {
        encryption: wiring::encryption(section.encrypt.value, config.topics.value),
        compression: section.compression.value.map(wiring::compression),
        storage_class: section.storage_class.value.as_ref().map(|class| class.0.clone()),
    }
}
