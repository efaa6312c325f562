//! Each client library, over the border of hot and cold.

mod each;
mod tools;
