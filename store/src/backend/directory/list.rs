//! Listing: a walk in the order of keys, bounded, with the store's own corner left out.

use super::files::{Root, fault, modified_ms};
use crate::backend::{ListedPage, PageToken};
use crate::fault::Attempt;
use crate::key::Key;
use crate::object::ListedObject;
use std::io::ErrorKind;
use std::path::Path;

/// Up to `limit` objects whose keys begin with `prefix` and come after `after`.
///
/// Files whose path is no key (not UTF-8, control characters) cannot be ours and are left out, as are symbolic links to
/// directories.
pub(super) fn page(root: &Root, prefix: &str, after: &str, limit: usize) -> Attempt<ListedPage> {
    // Nothing outside the directory that the prefix names can match.
    let base = prefix.rfind('/').map_or("", |slash| &prefix[..=slash]);
    if !base.is_empty() && Key::parse(base.trim_end_matches('/')).is_err() {
        return Ok(ListedPage::default());
    }
    let mut walk = Walk { prefix, after, limit, found: Vec::new(), more: false };
    walk.directory(&root.path().join(base), base)?;
    let Walk { found: objects, more, .. } = walk;
    let next = objects.last().filter(|_| more).map(|last| PageToken::AfterKey(last.key.clone()));
    Ok(ListedPage { objects, next })
}

struct Walk<'a> {
    prefix: &'a str,
    after: &'a str,
    limit: usize,
    found: Vec<ListedObject>,
    more: bool,
}

impl Walk<'_> {
    /// Depth is bounded by the length of a path. `key` is empty or ends with a slash.
    fn directory(&mut self, path: &Path, key: &str) -> Attempt<()> {
        for child in children(path, key)? {
            if self.more {
                return Ok(());
            }
            if child.is_directory {
                if self.may_hold_matches(&child.key) {
                    self.directory(&path.join(&child.name), &child.key)?;
                }
            } else if child.key.starts_with(self.prefix) && child.key.as_str() > self.after {
                self.file(&path.join(&child.name), child.key)?;
            }
        }
        Ok(())
    }

    /// All keys in a directory begin with its own key, which ends with a slash.
    fn may_hold_matches(&self, directory: &str) -> bool {
        let in_prefix = directory.starts_with(self.prefix) || self.prefix.starts_with(directory);
        let not_passed = directory > self.after || self.after.starts_with(directory);
        in_prefix && not_passed
    }

    fn file(&mut self, path: &Path, key: String) -> Attempt<()> {
        if Key::parse(&key).is_err() {
            return Ok(());
        }
        let meta = match std::fs::metadata(path) {
            Ok(meta) if meta.is_file() => meta,
            Ok(_) => return Ok(()),
            // Deleted since the directory was read, or a link to nothing.
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(fault(e, "look up", path)),
        };
        if self.found.len() == self.limit {
            self.more = true;
            return Ok(());
        }
        self.found.push(ListedObject { key, size: meta.len(), last_modified_ms: modified_ms(&meta) });
        Ok(())
    }
}

struct Child {
    /// As part of a key; a directory's ends with a slash, which is what puts it in its place among the keys: `a.b` sorts
    /// before `a/b`.
    key: String,
    name: String,
    is_directory: bool,
}

fn children(path: &Path, key: &str) -> Attempt<Vec<Child>> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Vec::new()),
        Err(e) => return Err(fault(e, "list directory", path)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| fault(e, "list directory", path))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let is_directory = entry.file_type().map_err(|e| fault(e, "look up", &entry.path()))?.is_dir();
        if key.is_empty() && name == crate::key::RESERVED {
            continue;
        }
        let key = if is_directory { format!("{key}{name}/") } else { format!("{key}{name}") };
        found.push(Child { key, name, is_directory });
    }
    found.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    Ok(found)
}
