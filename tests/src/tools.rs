//! Where the tools that `make install` put away are.

use std::path::{Path, PathBuf};

/// The top of the source tree.
pub fn source_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests crate lies below the root of the tree")
}

/// The directory of downloaded and built tools: `$FIRNLINE_BUILD_CACHE`, else `.build` in the source tree.
pub fn build_cache() -> PathBuf {
    std::env::var_os("FIRNLINE_BUILD_CACHE").map_or_else(|| source_root().join(".build"), PathBuf::from)
}

/// A program that the build cache holds, such as `minio`. Panics with the cure when it is not there.
pub fn program(name: &str) -> PathBuf {
    required(build_cache().join("bin").join(name))
}

/// The class path of a Kafka release, such as `4.3.1`. Panics with the cure when it is not there.
pub fn kafka_class_path(version: &str) -> String {
    format!("{}/*", required(build_cache().join("kafka").join(version)).display())
}

/// The option by which a Java that runs this release begins with its classes in memory; without the file it begins all the same.
pub fn kafka_classes(version: &str) -> String {
    let file = build_cache().join("kafka-classes").join(format!("{version}.jsa"));
    format!("-XX:SharedArchiveFile={}", file.display())
}

/// The JavaScript entry point of the Azure emulator. Panics with the cure when it is not there.
pub fn azurite() -> PathBuf {
    required(build_cache().join("azurite/node_modules/azurite/dist/src/blob/main.js"))
}

fn required(path: PathBuf) -> PathBuf {
    assert!(path.exists(), "{} is missing: run `make install` first", path.display());
    path
}
