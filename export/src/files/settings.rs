//! How files are written. Plain values.

/// How files are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSettings {
    /// A file that has grown to this many bytes is finished, and the next one of its partition begun.
    pub target_bytes: u64,
    /// How many bytes a row group has at most, a single batch of rows excepted.
    pub row_group_bytes: usize,
    /// How many rows a row group has at most.
    pub row_group_rows: usize,
    /// Memory of all row groups in progress, in bytes.
    pub memory: usize,
    /// How many files are open at once. Beyond it the one that has waited longest for rows is finished.
    pub max_open: usize,
    /// Names of top-level columns that get a bloom filter.
    pub bloom: Vec<String>,
    /// What is written into each file's footer beside the rows.
    pub key_values: Vec<(String, String)>,
}

impl Default for FileSettings {
    fn default() -> Self {
        Self {
            target_bytes: 256 << 20,
            row_group_bytes: 128 << 20,
            row_group_rows: 1 << 20,
            memory: 256 << 20,
            max_open: 200,
            bloom: Vec::new(),
            key_values: Vec::new(),
        }
    }
}

/// Where files go: `<prefix>/<partition's path>/<stem>-<5 digits>.parquet`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    /// What all locations begin with, without a slash at the end.
    pub prefix: String,
    /// What tells these files from those of all other sets: a fresh id.
    pub stem: String,
}

impl Naming {
    pub(super) fn location(&self, path: &str, number: u64) -> String {
        let Self { prefix, stem } = self;
        match path {
            "" => format!("{prefix}/{stem}-{number:05}.parquet"),
            path => format!("{prefix}/{path}/{stem}-{number:05}.parquet"),
        }
    }
}
