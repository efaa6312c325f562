//! One partition's turn: look, decide, do, until there is an effect or nothing to do.
//!
//! ```text
//!  look at what is held ─► decide ─┬─► Read, AskBound, Compare: learn it, and decide again
//!                           ▲      ├─► an effect: do it, and give others their turn
//!                           └──────┤
//!                                  └─► Wait: the turn is over
//! ```

mod compare;
mod edits;
mod manifest;
mod provable;
mod prove;
mod release;
mod replace;
mod trouble;
mod upload;

use std::sync::Arc;

use firnline_index::TopicIdPartition;
use firnline_tier::{LoadedManifest, RandomExt};
use tokio::time::Instant;

use super::core::Core;
use super::next::Next;
use super::step::SidecarStep;
use super::wait::WaitReason;
use crate::host::HeldPartition;
pub(super) use trouble::Trouble;

/// Steps of one turn at most: what must be learnt is three things, and some of them twice.
const STEPS: usize = 12;

/// What a turn has in hand.
pub(super) struct Turn<'a> {
    pub(super) core: &'a Core,
    pub(super) tip: TopicIdPartition,
    pub(super) held: Arc<HeldPartition>,
    /// The manifest as it was read in this turn; `None` inside where the partition has none.
    pub(super) read: Option<Option<LoadedManifest>>,
}

/// Whether a turn goes on.
pub(super) enum After {
    /// Decide again.
    Again,
    /// Something was done: others have their turn first.
    Done,
}

impl Core {
    /// Gives a partition its turn and notes how it ended.
    pub(super) async fn act(&self, tip: TopicIdPartition) -> TopicIdPartition {
        let mut ended = self.turn(&tip).await;
        if let Err(found) = &ended
            && self.may_be_passing(&tip, found)
        {
            let (host, doubted) = (Arc::clone(&self.parts.host), tip.clone());
            self.blocking(move || host.doubt(&doubted)).await;
            ended = self.turn(&tip).await;
        }
        let (settings, now) = (self.settings(), Instant::now());
        let jitter = self.parts.tier.env().random.below(1000);
        let mut state = self.state();
        state.turn += 1;
        let turn = state.turn;
        if let Some(slot) = state.slots.get_mut(&tip) {
            slot.acting = false;
            slot.acted = turn;
            slot.settle(ended, &settings, jitter, now);
        }
        tip
    }

    /// Whether what was found may be gone at the next look. A broker that rolls, deletes or begins its log anew leaves for a
    /// moment what looks like damage, and so does what is remembered of that moment. What is still found when nothing is
    /// believed but the bytes is told, and from then on it is told at once.
    fn may_be_passing(&self, tip: &TopicIdPartition, found: &Trouble) -> bool {
        let WaitReason::Damaged { error } = &found.wait else { return false };
        let told =
            self.with(tip, |slot| matches!(&slot.wait, WaitReason::Damaged { error: told } if told == error));
        if told == Some(true) {
            return false;
        }
        tracing::info!(%tip, %error, "what was read is looked at once more");
        true
    }

    async fn turn(&self, tip: &TopicIdPartition) -> Result<WaitReason, Trouble> {
        self.before(SidecarStep::Look).await;
        let (host, asked) = (Arc::clone(&self.parts.host), tip.clone());
        let held = self.blocking(move || host.look_at(&asked)).await.map_err(Trouble::host)?;
        let held = match held {
            Some(held) => {
                self.with(tip, |slot| slot.hold(&held));
                held
            }
            None => {
                let nothing = self.with(tip, |slot| {
                    slot.empty();
                    Arc::clone(&slot.held)
                });
                let Some(nothing) = nothing else { return Ok(WaitReason::Idle) };
                nothing
            }
        };
        let mut turn = Turn { core: self, tip: tip.clone(), held, read: None };
        for _ in 0..STEPS {
            // A round may have looked meanwhile: what is decided on is what is acted on.
            if let Some(held) = self.with(tip, |slot| Arc::clone(&slot.held)) {
                turn.held = held;
            }
            let (next, _) = self.decide(tip, turn.read.is_some());
            tracing::debug!(%tip, next = ?next, "decided");
            let after = match next {
                Next::Wait(reason) => return Ok(reason),
                Next::Read => turn.read().await?,
                Next::AskBound => turn.ask_bound().await?,
                Next::Compare => turn.compare().await?,
                Next::Tombstone => turn.tombstone().await?,
                Next::Claim { wanted } => turn.claim(wanted).await?,
                Next::DivideWanted { at } => turn.divide_wanted(at).await?,
                Next::Cut { at } => turn.cut(at).await?,
                Next::RecordGap { range } => turn.record_gap(range).await?,
                Next::Upload { chain, segments, why } => turn.upload(chain, segments, why).await?,
                Next::ReplacePieces { chain, range } => turn.replace(chain, range).await?,
                Next::UploadTail { chain, range } => turn.upload_tail(chain, range).await?,
                Next::Release { below } => turn.release(below).await?,
            };
            if matches!(after, After::Done) {
                break;
            }
        }
        Ok(WaitReason::Turn)
    }
}
