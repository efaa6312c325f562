//! Schema texts to descriptors. A text is a `.proto` file, or a descriptor of one in base64, as Confluent's Python
//! client registers it. References are files under the names that `import` uses.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost_reflect::{DescriptorPool, FileDescriptor};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

use super::builtin;

/// Why a text is no Protobuf schema that can be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum CompileError {
    // The compiler's short text names no place; its long one does.
    #[error("{message}")]
    Compile { message: String },
    #[error("the schema has no message number {}", numbers(index))]
    NoSuchIndex { index: Vec<i32> },
    #[error("the schema has no message {name:?}; it has {known}")]
    NoSuchName { name: String, known: String },
    #[error("the compiled schema is missing from its own pool")]
    Lost,
}

fn numbers(index: &[i32]) -> String {
    index.iter().map(ToString::to_string).collect::<Vec<_>>().join(".")
}

impl From<protox::Error> for CompileError {
    fn from(error: protox::Error) -> Self {
        Self::Compile { message: format!("{error:?}") }
    }
}

/// Compiles a text with its references; the file that the text is.
pub(super) fn compile<'t>(
    text: &str,
    references: impl Iterator<Item = (&'t str, &'t str)>,
) -> Result<FileDescriptor, CompileError> {
    let mut sources = Sources::default();
    for (name, text) in references {
        sources.files.insert(name.to_owned(), text.to_owned());
    }
    let mut main = "schema.proto".to_owned();
    while sources.files.contains_key(&main) || builtin::text(&main).is_some() {
        main.insert(0, '_');
    }
    sources.files.insert(main.clone(), text.to_owned());
    let mut resolver = ChainFileResolver::new();
    resolver.add(sources);
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.open_file(&main)?;
    let pool: DescriptorPool = compiler.descriptor_pool();
    pool.get_file_by_name(&main).ok_or(CompileError::Lost)
}

/// The texts at hand, by the names that imports use.
#[derive(Default)]
struct Sources {
    files: HashMap<String, String>,
}

impl FileResolver for Sources {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let text = self.files.get(name).map(String::as_str).or_else(|| builtin::text(name));
        let text = text.ok_or_else(|| protox::Error::file_not_found(name))?;
        match descriptor(name, text) {
            Some(file) => Ok(file),
            None => File::from_source(name, text),
        }
    }
}

/// The file, where the text is a descriptor in base64. No `.proto` text is: it would need a space.
fn descriptor(name: &str, text: &str) -> Option<File> {
    let mut bytes = STANDARD.decode(text.trim()).ok().filter(|bytes| !bytes.is_empty())?;
    // The name that the writer's build gave the file means nothing here: the last of several values of a field holds.
    bytes.push(0x0a);
    let mut length = name.len();
    while length >= 0x80 {
        bytes.push(u8::try_from(length & 0x7f | 0x80).ok()?);
        length >>= 7;
    }
    bytes.push(u8::try_from(length).ok()?);
    bytes.extend_from_slice(name.as_bytes());
    File::decode_file_descriptor_proto(bytes.as_slice()).ok()
}
