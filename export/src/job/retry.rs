//! Pauses between attempts: doubling, with full jitter, so that exporters that failed together do not come back together.

use std::sync::Arc;
use std::time::Duration;

use firnline_store::env::{Random, RandomExt as _};

use crate::settings::RetrySettings;

/// The pauses of one thing that is tried again.
#[derive(Debug)]
pub(super) struct Pauses {
    random: Arc<dyn Random>,
    next: Duration,
    longest: Duration,
}

impl Pauses {
    pub(super) fn new(settings: &RetrySettings, random: &Arc<dyn Random>) -> Self {
        Self { random: Arc::clone(random), next: settings.first_pause, longest: settings.longest_pause }
    }

    /// Waits. The pause is at least half of what it could be, so that a tight loop never comes of it.
    pub(super) async fn pause(&mut self) {
        let most = self.next.min(self.longest);
        self.next = self.next.saturating_mul(2).min(self.longest);
        tokio::time::sleep(most / 2 + self.random.jitter(most / 2)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firnline_store::env::SeededRandom;

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_the_longest() {
        let settings = RetrySettings {
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_millis(350),
            ..RetrySettings::default()
        };
        let random: Arc<dyn Random> = Arc::new(SeededRandom::new(1));
        let mut pauses = Pauses::new(&settings, &random);
        for most in [100, 200, 350, 350] {
            let before = tokio::time::Instant::now();
            pauses.pause().await;
            let took = before.elapsed().as_millis();
            assert!((most / 2..=most + 1).contains(&took), "{took} of {most}");
        }
    }
}
