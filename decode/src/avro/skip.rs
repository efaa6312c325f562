//! Stepping over values that have no column.

use super::cursor::Cursor;
use super::node::{Node, NodeId, Stored};
use super::parse::Parsed;
use crate::Reason;
use crate::fault::{Fault, fault};

/// Values inside values that a step over one follows; a list linked through records of its own type goes deep.
const MAX_DEPTH: u32 = 512;

/// Which nodes take at least a byte. A node that takes none is stepped over without a look: its type may double at
/// each level, or a block may hold 2⁶³ of them.
pub(super) struct Sized {
    by_node: Vec<bool>,
}

impl Sized {
    pub(super) fn of(nodes: &[Node]) -> Self {
        let mut sized = Self { by_node: vec![false; nodes.len()] };
        // A record takes bytes where a field of it does; types that need several rounds are as many as they nest.
        loop {
            let mut changed = false;
            for (index, node) in nodes.iter().enumerate() {
                let takes = match node {
                    Node::Null | Node::Fixed { size: 0 } => false,
                    Node::Decimal { stored: Stored::Fixed(0), .. } => false,
                    Node::Record { fields } => fields.iter().any(|field| sized.get(field.node)),
                    _ => true,
                };
                if let Some(known) = sized.by_node.get_mut(index)
                    && *known != takes
                {
                    *known = takes;
                    changed = true;
                }
            }
            if !changed {
                return sized;
            }
        }
    }

    pub(super) fn get(&self, id: NodeId) -> bool {
        usize::try_from(id.0).ok().and_then(|index| self.by_node.get(index)).copied().unwrap_or(true)
    }
}

/// Steps over one value.
pub(super) fn skip(schema: &Parsed, sized: &Sized, cursor: &mut Cursor<'_>, id: NodeId) -> Result<(), Fault> {
    Skipper { schema, sized, depth: 0 }.value(cursor, id)
}

struct Skipper<'s> {
    schema: &'s Parsed,
    sized: &'s Sized,
    depth: u32,
}

impl Skipper<'_> {
    fn value(&mut self, cursor: &mut Cursor<'_>, id: NodeId) -> Result<(), Fault> {
        if !self.sized.get(id) {
            return Ok(());
        }
        if self.depth >= MAX_DEPTH {
            return Err(fault(Reason::TooDeep, format!("values nested deeper than {MAX_DEPTH}")));
        }
        self.depth += 1;
        let schema = self.schema;
        match schema.node(id) {
            Node::Null => {}
            Node::Boolean => drop(cursor.boolean()?),
            Node::Int | Node::Date | Node::TimeMillis => drop(cursor.int()?),
            Node::Long | Node::TimeMicros | Node::Timestamp { .. } => drop(cursor.long()?),
            Node::Float => drop(cursor.float()?),
            Node::Double => drop(cursor.double()?),
            Node::Bytes | Node::String | Node::UuidText => drop(cursor.bytes()?),
            Node::Decimal { stored, .. } | Node::UuidBytes { stored } => match stored {
                Stored::Bytes => drop(cursor.bytes()?),
                Stored::Fixed(size) => drop(cursor.take(*size)?),
            },
            Node::Fixed { size } => drop(cursor.take(*size)?),
            Node::Duration => drop(cursor.take(12)?),
            Node::Enum { .. } => drop(cursor.int()?),
            Node::Array { items } => self.blocks(cursor, *items, false)?,
            Node::Map { values } => self.blocks(cursor, *values, true)?,
            Node::Union { branches } => {
                let index = cursor.long()?;
                let branch = usize::try_from(index).ok().and_then(|index| branches.get(index));
                let branch = branch.ok_or_else(|| super::read::no_such_branch(index))?;
                self.value(cursor, branch.node)?;
            }
            Node::Record { fields } => {
                for field in fields {
                    self.value(cursor, field.node)?;
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn blocks(&mut self, cursor: &mut Cursor<'_>, items: NodeId, keyed: bool) -> Result<(), Fault> {
        loop {
            let block = cursor.block()?;
            if block.items == 0 {
                return Ok(());
            }
            if let Some(bytes) = block.bytes {
                cursor.take(bytes)?;
                continue;
            }
            if !keyed && !self.sized.get(items) {
                continue;
            }
            // The end comes after at most as many items as there are bytes, whatever the count says.
            for _ in 0..block.items {
                if keyed {
                    cursor.bytes()?;
                }
                self.value(cursor, items)?;
            }
        }
    }
}
