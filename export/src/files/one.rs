//! One Parquet file on its way: rows in, chains of bytes out.

use std::io::{self, Write};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bytes::{Bytes, BytesMut};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::errors::Result;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::SchemaDescriptor;

/// How large the pieces are that the bytes come out in.
const PIECE: usize = 1 << 20;

/// Bytes that were written and not taken yet.
#[derive(Debug, Default)]
struct Pieces {
    whole: Vec<Bytes>,
    rest: BytesMut,
}

impl Pieces {
    fn take(&mut self) -> Vec<Bytes> {
        if !self.rest.is_empty() {
            self.whole.push(std::mem::take(&mut self.rest).freeze());
        }
        std::mem::take(&mut self.whole)
    }

    /// What fills whole pieces, so that small row groups do not come out in crumbs.
    fn take_whole(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.whole)
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.rest.capacity() == 0 {
            self.rest.reserve(PIECE);
        }
        self.rest.extend_from_slice(bytes);
        if self.rest.len() >= PIECE {
            self.whole.push(std::mem::take(&mut self.rest).freeze());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file on its way.
pub(super) struct OneFile {
    writer: ArrowWriter<Pieces>,
    rows: u64,
}

impl OneFile {
    pub(super) fn begin(
        schema: SchemaRef,
        descriptor: SchemaDescriptor,
        properties: WriterProperties,
    ) -> Result<Self> {
        let options = ArrowWriterOptions::new()
            .with_properties(properties)
            .with_parquet_schema(descriptor)
            // Readers know the table's schema; a second one in each file would only be one more that can differ.
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Pieces::default(), schema, options)?;
        Ok(Self { writer, rows: 0 })
    }

    pub(super) fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        self.writer.write(rows)?;
        self.rows += rows.num_rows() as u64;
        Ok(())
    }

    /// Ends the row group in progress.
    pub(super) fn end_row_group(&mut self) -> Result<()> {
        self.writer.flush()
    }

    /// What the row group in progress takes of memory.
    pub(super) fn memory(&self) -> usize {
        self.writer.memory_size()
    }

    /// About how many bytes the file has by now.
    pub(super) fn bytes(&self) -> u64 {
        (self.writer.bytes_written() + self.writer.in_progress_size()) as u64
    }

    /// The bytes that came so far, but for less than a piece.
    pub(super) fn take(&mut self) -> Vec<Bytes> {
        self.writer.inner_mut().take_whole()
    }

    /// Ends the file: what it is, its rows, and the bytes that were not taken.
    pub(super) fn end(mut self) -> Result<(ParquetMetaData, u64, Vec<Bytes>)> {
        let metadata = self.writer.finish()?;
        Ok((metadata, self.rows, self.writer.inner_mut().take()))
    }
}
