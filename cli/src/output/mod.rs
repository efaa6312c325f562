//! What the binary writes: data on standard output, everything else on standard error.

mod json;
mod out;
mod paint;
mod progress;
mod sheet;
mod table;
mod words;

pub use json::V1;
pub use out::Out;
pub use paint::Paint;
pub use progress::Progress;
pub use sheet::{Cell, Sheet};
pub use table::Table;
pub use words::Word;
