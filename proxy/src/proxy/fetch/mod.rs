//! Fetch: what the broker refuses with OFFSET_OUT_OF_RANGE and the tier has is filled, and log starts are the tier's.
//!
//! ```text
//!   request ─► look ─► own questions, then the request ───────────────► broker
//!                                                                        │
//!   client ◄── splice ◄── outcome ◄── gather / fill_held ◄── verdict ◄── answer
//! ```
//!
//! What `seam` finds out about transactions goes into the looks that follow. `look`, `verdict` and `outcome` are pure: they decide by what stands in the frame and what is in memory.

mod answer;
mod bounds;
mod guard;
mod judge;
mod leader;
mod look;
mod outcome;
mod passing;
mod refusals;
mod seam;
mod session;
mod verdict;

pub(crate) use answer::{Answered, BESIDE_HOT, Later, ROOM_LEAST, Room, ToldBefore, answer};
pub(crate) use guard::Tally;
pub(crate) use leader::Ends;
pub(crate) use look::{Asked, Look, Wanted, is_cold, look, refused};
pub(crate) use passing::{NOTHING, Passing, pass_entry};
pub(crate) use refusals::Refusals;
pub(crate) use seam::{Question, Seam, ask as ask_seams, note_answer as note_seams, note_held_up};
pub(crate) use session::{Kept, Session};
