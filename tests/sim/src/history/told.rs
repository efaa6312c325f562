//! What sidecars log while one history is told in full.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Weak};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::seams::World;

/// Puts each line into the history's events, at its time.
pub(super) struct Told(Weak<World>);

impl Told {
    pub(super) fn new(world: &Arc<World>) -> Self {
        // The history ends before the guard that keeps this does.
        Self(Arc::downgrade(world))
    }
}

impl Subscriber for Told {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let Some(world) = self.0.upgrade() else { return };
        let mut line = Line(String::new());
        event.record(&mut line);
        let now_ms = world.now_ms();
        world.watch.note(|| format!("{now_ms} logs {}:{}", event.metadata().level(), line.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}
