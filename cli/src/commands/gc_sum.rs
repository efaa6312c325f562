//! What a collection comes to, whoever says what may go.

use crate::exit::Exit;
use crate::failure::{Failure, Result, several};
use crate::output::{Cell, Out, Sheet};
use crate::units::{bytes, count};

use super::word::{Word, unconfirmed};

/// How one kind of collection speaks of what it looks at.
#[derive(Debug)]
pub(super) struct Wording {
    /// What it looks through.
    pub(super) partitions: &'static str,
    /// What is there: its name in the sum, and for people.
    pub(super) there: (&'static str, &'static str),
    /// Who does not know of what goes.
    pub(super) nobody: &'static str,
    /// Which partitions are left alone on purpose: their name in the sum, and why, for people.
    pub(super) left_alone: (&'static str, &'static str),
}

/// How many objects, and their bytes.
#[derive(Debug, Default)]
pub(super) struct Objects {
    pub(super) count: u64,
    pub(super) bytes: u64,
}

impl Objects {
    pub(super) fn add(&mut self, count: u64, bytes: u64) {
        self.count += count;
        self.bytes += bytes;
    }
}

/// What came of it all.
#[derive(Debug)]
pub(super) struct GcSum {
    wording: Wording,
    json: bool,
    pub(super) partitions: u64,
    /// Objects that are there.
    pub(super) there: u64,
    pub(super) to_go: Objects,
    pub(super) deleted: Objects,
    /// Objects that are not as they should be and stay, where those are looked for.
    pub(super) kept: Option<u64>,
    /// Partitions left alone on purpose.
    pub(super) left_alone: u64,
    pub(super) problems: Vec<Failure>,
}

impl GcSum {
    pub(super) fn new(wording: Wording, json: bool) -> Self {
        Self {
            wording,
            json,
            partitions: 0,
            there: 0,
            to_go: Objects::default(),
            deleted: Objects::default(),
            kept: None,
            left_alone: 0,
            problems: Vec::new(),
        }
    }

    /// Shows an object that goes, or would.
    pub(super) fn goes(&mut self, key: &str, why: &'static str, size: u64, out: &mut Out) -> Result<()> {
        self.to_go.add(1, size);
        let sheet = Sheet::new("object")
            .with("object_key", key)
            .with("why", why)
            .with("object_bytes", Cell::Bytes(size));
        match self.json {
            true => sheet.show(true, out),
            false => out.line(format!("{}  {}", sheet.line(out.paint()), bytes(size))),
        }
    }

    /// Shows an object that stays although it is odd.
    #[cfg(feature = "sidecar")]
    pub(super) fn stays(&mut self, key: &str, why: &'static str, out: &mut Out) -> Result<()> {
        *self.kept.get_or_insert_default() += 1;
        let sheet = Sheet::new("kept").with("object_key", key).with("why", why);
        match self.json {
            true => sheet.show(true, out),
            false => out.line(sheet.line(out.paint())),
        }
    }

    /// Shows the sum; what went wrong, and what nobody has confirmed, is the command's end.
    pub(super) fn end(self, word: Word, out: &mut Out) -> Result<Exit> {
        if self.json {
            self.sheet(word).show(true, out)?;
        } else {
            self.lines(out)?;
        }
        out.flush()?;
        let Self { partitions, to_go, deleted, problems, .. } = self;
        if let Some(failure) = several(&problems, deleted.count > 0 || (problems.len() as u64) < partitions) {
            return Err(failure.into());
        }
        if word == Word::Missing && to_go.count > 0 {
            return Err(unconfirmed(&format!("{} objects would be deleted", to_go.count)).into());
        }
        Ok(Exit::Fine)
    }

    fn sheet(&self, word: Word) -> Sheet {
        let mut sheet = Sheet::new("gc")
            .with("partitions", Cell::Count(self.partitions))
            .with(self.wording.there.0, Cell::Count(self.there))
            .with("objects_to_go", Cell::Count(self.to_go.count))
            .with("bytes_to_go", Cell::Bytes(self.to_go.bytes));
        if let Some(kept) = self.kept {
            sheet = sheet.with("objects_kept", Cell::Count(kept));
        }
        sheet
            .with("objects_deleted", Cell::Count(self.deleted.count))
            .with("bytes_deleted", Cell::Bytes(self.deleted.bytes))
            .with(self.wording.left_alone.0, Cell::Count(self.left_alone))
            .with("outcome", word.outcome())
    }

    fn lines(&self, out: &mut Out) -> Result<()> {
        let Wording { partitions, there: (_, there), nobody, left_alone: (_, why) } = self.wording;
        let kept = self.kept.map_or_else(String::new, |kept| format!(" {} odd ones are kept;", count(kept)));
        out.line(format!(
            "{} {partitions}, {} {there}: {nobody} {} ({});{kept} {} deleted ({})",
            count(self.partitions),
            count(self.there),
            count(self.to_go.count),
            bytes(self.to_go.bytes),
            count(self.deleted.count),
            bytes(self.deleted.bytes),
        ))?;
        if self.left_alone > 0 {
            out.line(format!("{} of the partitions {why} and were left alone", count(self.left_alone)))?;
        }
        Ok(())
    }
}
