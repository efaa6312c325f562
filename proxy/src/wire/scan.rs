//! A fetch answer that passes while it arrives: patched in place, never held.
//!
//! ```text
//! Header ► Answer ► Topic ► Partition ► AbortedCount ► Aborted ► Rest ─ records are skipped ─┐
//!                     ▲         ▲                                                            │
//!                     │         └────────────────────────────────────────────────────────────┤ while there are partitions
//!                     └──────────────────────────────────────────────────────────────────────┤ while there are topics
//!                                                                                      End ◄─┘
//! ```
//!
//! In flexible versions tagged fields follow the header, each aborted transaction, partition and topic, and the answer.
//! A step is taken when all its bytes are there. The largest is a topic's name; so little is all that ever waits.

use super::messages::fetch::PartitionFront;
use super::{Api, Form, Patches, Reader, Value, WireError};

/// The longest name that is waited for; Kafka's are 249 bytes at most.
const NAME_BYTES_MAX: usize = 1024;

/// The tagged field of an answer that carries addresses of brokers.
const NODE_ENDPOINTS: u32 = 0;

/// The topic of the entries that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScannedTopic<'s> {
    /// Its name, up to version 12.
    pub name: &'s str,
    /// Its id, from version 13 on.
    pub id: [u8; 16],
}

/// What is behind tagged fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Header,
    Aborted,
    Partition,
    Topic,
    Answer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Header,
    Answer,
    Topic,
    Partition,
    AbortedCount,
    Aborted,
    Rest,
    TagCount(Of),
    Tags { left: u32, of: Of },
    End,
}

/// Where in a passing fetch answer the next byte is.
#[derive(Debug)]
pub struct FetchScan {
    form: Form,
    step: Step,
    /// Bytes of the frame that have not passed.
    left: usize,
    /// Bytes that pass before the next step.
    skip: usize,
    topics: usize,
    partitions: usize,
    aborted: usize,
    name: String,
    id: [u8; 16],
    patches: Patches,
}

impl FetchScan {
    /// Before the first byte of an answer of `length` bytes, as the frame's own length says, to a request of this version.
    pub fn new(version: i16, length: usize) -> Result<Self, WireError> {
        let api = Api::FETCH;
        let walked = api.row().and_then(|row| row.walked).filter(|walked| walked.has(version));
        walked.ok_or(WireError::Version { api, version })?;
        Ok(Self {
            form: api.form(version),
            step: Step::Header,
            left: length,
            skip: 0,
            topics: 0,
            partitions: 0,
            aborted: 0,
            name: String::new(),
            id: [0; 16],
            patches: Patches::new(),
        })
    }

    /// Whether all of the answer has passed.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.left == 0
    }

    /// Looks at what has arrived and has not passed yet, and says how many bytes of it may go on. The rest must be at the
    /// front the next time. `each` sees every partition before any of its entry has passed, and may patch it.
    ///
    /// Addresses of brokers in the answer are hidden: their tagged field gets a number that nobody knows, because other
    /// addresses have another length, and the frame's has gone out before. A client then asks for metadata by itself.
    ///
    /// # Errors
    /// What is no fetch answer, and a patch on anything but the entry that `each` was given; places are counted from where the failed step began. What has passed cannot be called back.
    pub fn pass(
        &mut self,
        buffer: &mut [u8],
        mut each: impl FnMut(ScannedTopic<'_>, PartitionFront, &mut Patches),
    ) -> Result<usize, WireError> {
        let end = buffer.len().min(self.left);
        let mut at = 0;
        loop {
            let skipped = self.skip.min(end - at);
            at += skipped;
            self.skip -= skipped;
            if self.skip > 0 {
                break;
            }
            if self.step == Step::End {
                match self.left - at {
                    0 => break,
                    bytes => return Err(WireError::LeftOver { at, bytes }),
                }
            }
            let Some(rest) = buffer.get_mut(at..end) else { break };
            let mut from = Reader::new(rest, self.form);
            match self.take(&mut from, self.left - at, &mut each) {
                Ok(next) => {
                    let taken = from.position();
                    let own = rest.get_mut(..taken).unwrap_or_default();
                    self.patches.apply(own).map_err(|_| WireError::Place { at: taken })?;
                    self.patches.clear();
                    at += taken;
                    self.step = next;
                }
                Err(WireError::Short { .. }) if end < self.left => break,
                Err(error) => return Err(error),
            }
        }
        self.left -= at;
        Ok(at)
    }

    /// Takes a step, `left` bytes before the frame's end. Changes nothing before all its bytes have been read.
    fn take(
        &mut self,
        from: &mut Reader<'_>,
        left: usize,
        each: &mut impl FnMut(ScannedTopic<'_>, PartitionFront, &mut Patches),
    ) -> Result<Step, WireError> {
        let version = self.form.version;
        Ok(match self.step {
            Step::Header => {
                from.take(4)?;
                self.behind(Of::Header)
            }
            Step::Answer => {
                from.take(if version >= 1 { 4 } else { 0 } + if version >= 7 { 6 } else { 0 })?;
                self.topics = count(from, left)?.unwrap_or_default();
                Step::Topic
            }
            Step::Topic if self.topics == 0 => self.behind(Of::Answer),
            Step::Topic => self.topic(from, left)?,
            Step::Partition if self.partitions == 0 => self.behind(Of::Topic),
            Step::Partition => {
                let front = PartitionFront::read(from)?;
                self.partitions -= 1;
                each(ScannedTopic { name: &self.name, id: self.id }, front, &mut self.patches);
                if version >= 4 { Step::AbortedCount } else { Step::Rest }
            }
            Step::AbortedCount => {
                self.aborted = count(from, left)?.unwrap_or_default();
                Step::Aborted
            }
            Step::Aborted if self.aborted == 0 => Step::Rest,
            Step::Aborted => {
                from.take(16)?;
                self.aborted -= 1;
                self.behind(Of::Aborted)
            }
            Step::Rest => {
                from.take(if version >= 11 { 4 } else { 0 })?;
                self.skip = count(from, left)?.unwrap_or_default();
                self.behind(Of::Partition)
            }
            Step::TagCount(of) => Step::Tags { left: from.varint()?, of },
            Step::Tags { left: 0, of } => after(of),
            Step::Tags { left: tags, of } => self.tag(from, left, tags, of)?,
            Step::End => Step::End,
        })
    }

    fn topic(&mut self, from: &mut Reader<'_>, left: usize) -> Result<Step, WireError> {
        if self.form.version >= 13 {
            let id = from.array()?;
            self.partitions = count(from, left)?.unwrap_or_default();
            self.id = id;
        } else {
            let mut ahead = *from;
            // Before the name is waited for.
            if let Some(length) = ahead.text_length()?.filter(|length| *length > NAME_BYTES_MAX) {
                let length = i32::try_from(length).unwrap_or(i32::MAX);
                return Err(WireError::Length { at: ahead.position(), length });
            }
            let name = <&str>::read(from)?;
            self.partitions = count(from, left)?.unwrap_or_default();
            self.name.clear();
            self.name.push_str(name);
        }
        self.topics -= 1;
        Ok(Step::Partition)
    }

    fn tag(&mut self, from: &mut Reader<'_>, left: usize, tags: u32, of: Of) -> Result<Step, WireError> {
        let tag = from.placed(Reader::varint)?;
        let claimed = from.varint()?;
        let (at, bytes) = (from.position(), left.saturating_sub(from.position()));
        if claimed as usize > bytes {
            return Err(WireError::Count { at, claimed, bytes });
        }
        if of == Of::Answer && *tag == NODE_ENDPOINTS && self.form.version >= 16 {
            self.patches.hide_tag(&tag);
        }
        self.skip = claimed as usize;
        Ok(Step::Tags { left: tags - 1, of })
    }

    /// The step behind something that has tagged fields in flexible versions.
    const fn behind(&self, of: Of) -> Step {
        if self.form.flexible { Step::TagCount(of) } else { after(of) }
    }
}

const fn after(of: Of) -> Step {
    match of {
        Of::Header => Step::Answer,
        Of::Aborted => Step::Aborted,
        Of::Partition => Step::Partition,
        Of::Topic => Step::Topic,
        Of::Answer => Step::End,
    }
}

/// A number of elements or bytes, held against all that is still to come of the frame.
fn count(from: &mut Reader<'_>, left: usize) -> Result<Option<usize>, WireError> {
    let count = from.length()?;
    let bytes = left.saturating_sub(from.position());
    match count.filter(|count| *count > bytes) {
        Some(claimed) => {
            let claimed = u32::try_from(claimed).unwrap_or(u32::MAX);
            Err(WireError::Count { at: from.position(), claimed, bytes })
        }
        None => Ok(count),
    }
}
