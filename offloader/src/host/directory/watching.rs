//! Pinning while it happens: one thread that does nothing but wait for names to appear.
//!
//! With a retention of seconds a broker makes, rolls and deletes a file within a second, and the next look may be too
//! late for it. So a new file is pinned here, at once; everything else is noted for the next look.

use std::sync::Arc;

use firnline_logdir::files::{DirName, FileName, SegmentFileKind};
use firnline_logdir::{Happened, PinProblem};

use super::shared::{Place, Shared, Target, lock};
use super::visit::VisitProblem;

/// Runs until the watcher is stopped.
pub(super) fn run(shared: &Shared) {
    let Some(watcher) = &shared.watcher else { return };
    loop {
        match watcher.wait(|event| shared.happened(event)) {
            Ok(true) => {}
            Ok(false) => return,
            Err(problem) => {
                tracing::error!(error = %problem, "watching ended; files are found by looking from now on");
                lock(&shared.targets).blind = true;
                shared.notice(|noticed| (noticed.scan, noticed.lost) = (true, true));
                return;
            }
        }
    }
}

impl Shared {
    fn happened(&self, event: Happened) {
        let (id, name, appeared) = match event {
            Happened::Overflow => {
                return self.notice(|noticed| (noticed.scan, noticed.lost) = (true, true));
            }
            Happened::Ended(id) => {
                if let Some(Target::Partition { place, .. }) = lock(&self.targets).ended(id) {
                    self.changed(place);
                }
                return;
            }
            Happened::Appeared(id, name) => (id, name, true),
            Happened::Vanished(id, name) => (id, name, false),
        };
        let target = lock(&self.targets).get(id);
        match target {
            Some(Target::Root(dir)) => self.happened_in_root(dir, &name, appeared),
            Some(Target::Partition { place, inode, tip }) => {
                self.happened_in_partition(&place, &name, appeared, (inode, tip));
            }
            None => {}
        }
    }

    fn happened_in_root(&self, dir: usize, name: &str, appeared: bool) {
        match DirName::parse(name) {
            DirName::Partition(..) => {
                let place: Place = (dir, name.into());
                self.changed(place.clone());
                if appeared {
                    self.adopt(&place);
                } else {
                    self.unwatch(&place);
                }
            }
            DirName::Deleted => self.notice(|noticed| noticed.scan = true),
            _ => {}
        }
    }

    fn happened_in_partition(
        &self,
        place: &Place,
        name: &str,
        appeared: bool,
        (inode, tip): (u64, Option<firnline_index::TopicIdPartition>),
    ) {
        let parsed = FileName::parse(name);
        match parsed {
            FileName::Segment(SegmentFileKind::Log, _) => {}
            FileName::PartitionMetadata if appeared => {}
            FileName::Deleted if name.contains(".log.") => {}
            _ => return,
        }
        // Noted first, so that a look that comes between never sees the pin of a file which it has not listed.
        self.changed(place.clone());
        match parsed {
            FileName::Segment(SegmentFileKind::Log, base) => {
                if let Some(tip) = tip.filter(|_| appeared) {
                    match self.pin_new(place, inode, &tip, base) {
                        Ok(pin) => pin.into_iter().for_each(|pin| self.notice_pin(place.0, pin)),
                        Err(problem) => self.unpinned(place, &problem),
                    }
                } else if appeared {
                    self.adopt(place);
                }
            }
            FileName::PartitionMetadata => self.adopt(place),
            _ => {}
        }
    }

    /// A directory that is new, or whose topic id has just become known: all of its files are pinned.
    fn adopt(&self, place: &Place) {
        let DirName::Partition(topic, partition) = DirName::parse(&place.1) else { return };
        let visit = match self.visit(place, &topic, partition) {
            Ok(Some(visit)) => visit,
            // The next look tells what is wrong, if it still is.
            Ok(None) | Err(VisitProblem::Changed | VisitProblem::Waiting(_) | VisitProblem::Refused(_)) => {
                return;
            }
            Err(VisitProblem::Io(problem)) => return self.unpinned(place, &PinProblem::Io(problem)),
        };
        if let Err(problem) = self.name(place.0, visit.name()) {
            return self.unpinned(place, &PinProblem::Io(problem));
        }
        let (made, problem) = visit.pin(|_| true);
        made.into_iter().for_each(|pin| self.notice_pin(place.0, pin));
        problem.iter().for_each(|problem| self.unpinned(place, problem));
    }

    /// The look that follows tries again, and tells the operator.
    fn unpinned(&self, place: &Place, problem: &PinProblem) {
        tracing::debug!(partition = &*place.1, error = %problem, "a new file is not pinned yet");
    }

    fn changed(&self, place: Place) {
        self.notice(|noticed| {
            noticed.changed.insert(place);
        });
    }
}

/// A thread that is ended and joined when this is dropped.
#[derive(Debug)]
pub(super) struct Watching {
    shared: Arc<Shared>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Watching {
    pub(super) fn start(shared: &Arc<Shared>) -> std::io::Result<Self> {
        let watched = Arc::clone(shared);
        let thread =
            std::thread::Builder::new().name("firnline-watch".to_owned()).spawn(move || run(&watched))?;
        Ok(Self { shared: Arc::clone(shared), thread: Some(thread) })
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        if let Some(watcher) = &self.shared.watcher {
            watcher.stop();
        }
        if let Some(thread) = self.thread.take() {
            // It has told its panic already; nothing of it is needed.
            let _ = thread.join();
        }
    }
}
