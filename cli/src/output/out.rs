//! Standard output, buffered; a reader that has gone ends the run quietly.

use std::io::{self, BufWriter, IoSlice, Write};

use bytes::Bytes;
use serde::Serialize;

use super::Paint;
use crate::failure::{Failure, Result, Stop, codes};

/// Where a command's data goes.
pub struct Out {
    writer: BufWriter<Box<dyn Write + Send>>,
    paint: Paint,
}

impl Out {
    /// Writes to `writer`, with colours by `paint`.
    pub fn new(writer: Box<dyn Write + Send>, paint: Paint) -> Self {
        Self { writer: BufWriter::with_capacity(64 * 1024, writer), paint }
    }

    /// The colours of this output.
    pub fn paint(&self) -> Paint {
        self.paint
    }

    /// One line of text for people.
    pub fn line(&mut self, line: impl AsRef<str>) -> Result<()> {
        let line = line.as_ref().as_bytes();
        let written = self.writer.write_all(line).and_then(|()| self.writer.write_all(b"\n"));
        written.map_err(stop)
    }

    /// One object on one line.
    pub fn json(&mut self, object: &impl Serialize) -> Result<()> {
        let text = serde_json::to_vec(object).map_err(|error| {
            Failure::new(&codes::INTERNAL, "an object could not be written as JSON").caused_by(error)
        })?;
        let written = self.writer.write_all(&text).and_then(|()| self.writer.write_all(b"\n"));
        written.map_err(stop)
    }

    /// Text as it is.
    pub fn text(&mut self, text: &str) -> Result<()> {
        self.writer.write_all(text.as_bytes()).map_err(stop)
    }

    /// Bytes as they are, without copying them once more.
    pub fn chunks(&mut self, chunks: &[Bytes]) -> Result<()> {
        self.writer.flush().map_err(stop)?;
        let writer = self.writer.get_mut();
        let mut slices: Vec<_> = chunks.iter().map(|chunk| IoSlice::new(chunk)).collect();
        let mut rest = &mut slices[..];
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            match writer.write_vectored(rest) {
                Ok(0) => return Err(stop(io::ErrorKind::WriteZero.into())),
                Ok(written) => IoSlice::advance_slices(&mut rest, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(stop(error)),
            }
        }
        Ok(())
    }

    /// Sends on what is buffered. Without this call at the end, an error of the last write would go unseen.
    pub fn flush(&mut self) -> Result<()> {
        self.writer.flush().map_err(stop)
    }
}

fn stop(error: io::Error) -> Stop {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Stop::ClosedPipe;
    }
    Failure::new(&codes::OUTPUT, "write to standard output").caused_by(error).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_is_quiet_and_a_full_disk_is_not() {
        let mut closed = Out::new(Box::new(Broken(io::ErrorKind::BrokenPipe)), Paint::plain());
        closed.line("x").unwrap();
        assert!(matches!(closed.flush(), Err(Stop::ClosedPipe)));
        let mut full = Out::new(Box::new(Broken(io::ErrorKind::StorageFull)), Paint::plain());
        full.line("x").unwrap();
        assert!(matches!(full.flush(), Err(Stop::Failed(failure)) if failure.code.id == codes::OUTPUT.id));
    }
}
