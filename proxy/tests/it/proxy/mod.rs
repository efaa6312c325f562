//! The proxy over its sockets, before a broker that says what a test wants it to say.

mod broker;
mod cache;
mod filling;
mod limits;
mod merging;
mod passing;
mod pending;
mod scene;
mod seams;
mod sessions;
mod travel;
mod waiting;
