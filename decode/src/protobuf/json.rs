//! `google.protobuf.Struct`, `Value` and `ListValue` as the JSON they stand for: keys in the order of the payload
//! (the last entry of a key holds), whole numbers without a point.

use std::io::Write;

use super::entries::{Parts, wide};
use super::plan::Value;
use super::read::{Reader, wrong_layout};
use super::scalar::Scalar;
use super::shape::Json;
use super::wire::{Layout, Tag, text};
use crate::Reason;
use crate::columns::Column;
use crate::fault::{Fault, fault};
use crate::sink;

/// Numbers below this are written without an exponent; more digits than a double holds are never needed.
const PLAIN: f64 = 1e15;

impl Reader<'_, '_> {
    /// Writes a message that stands for JSON as text into a column.
    pub(super) fn json(&mut self, json: Json, parts: Parts, column: &mut Column) -> Result<(), Fault> {
        let mut out = std::mem::take(&mut self.scratch.json);
        out.clear();
        self.json_of(json, parts, &mut out)?;
        sink::text(column, text(&out)?)?;
        self.scratch.json = out;
        Ok(())
    }

    fn json_of(&mut self, json: Json, parts: Parts, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.enter()?;
        let base = self.scratch.entries.len();
        match json {
            Json::Value => self.json_value(parts, out)?,
            Json::List => self.json_list(parts, out)?,
            Json::Object => self.json_object(parts, out)?,
        }
        self.scratch.entries.truncate(base);
        self.depth -= 1;
        Ok(())
    }

    /// The member of the oneof that was set last; none is null.
    fn json_value(&mut self, parts: Parts, out: &mut Vec<u8>) -> Result<(), Fault> {
        let base = self.scratch.entries.len();
        for part in parts.first..parts.behind {
            let mut wire = self.wire(part);
            while !wire.is_empty() {
                let tag = wire.tag()?;
                let range = wire.step(tag)?;
                let wanted = match tag.number {
                    1 | 4 => Layout::Varint,
                    2 => Layout::Fixed64,
                    3 | 5 | 6 => Layout::Length,
                    _ => continue,
                };
                if tag.layout != wanted {
                    return Err(wrong_layout(tag.layout, wanted));
                }
                if self.scratch.entries.get(base).is_some_and(|entry| entry.member != tag.number) {
                    self.scratch.entries.truncate(base);
                }
                let _ = self.push(0, tag.number, range);
            }
        }
        let run = Parts { first: base, behind: self.scratch.entries.len() };
        let Some(last) = run.last() else { return put(out, b"null") };
        let mut wire = self.wire(last);
        match self.scratch.entry(last).map(|entry| entry.member) {
            Some(2) => number(f64::from_le_bytes(wire.array()?), out),
            Some(3) => string(text(wire.rest())?, out),
            Some(4) => put(out, if wire.varint()? == 0 { b"false" } else { b"true" }),
            Some(5) => self.json_of(Json::Object, run, out),
            Some(6) => self.json_of(Json::List, run, out),
            _ => put(out, b"null"),
        }
    }

    fn json_list(&mut self, parts: Parts, out: &mut Vec<u8>) -> Result<(), Fault> {
        let items = self.members(parts)?;
        for (index, item) in (items.first..items.behind).enumerate() {
            put(out, if index == 0 { b"[" } else { b"," })?;
            self.json_of(Json::Value, Parts { first: item, behind: item + 1 }, out)?;
        }
        put(out, if items.last().is_none() { b"[]" } else { b"]" })
    }

    fn json_object(&mut self, parts: Parts, out: &mut Vec<u8>) -> Result<(), Fault> {
        let entries = self.members(parts)?;
        let base = self.keys(&Scalar::Text, 0, entries)?;
        let behind = self.scratch.keys.len();
        for at in base..behind {
            let Some(key) = self.scratch.keys.get(at).copied() else { break };
            put(out, if at == base { b"{" } else { b"," })?;
            string(text(self.payload.get(wide(key.start)..wide(key.end)).unwrap_or_default())?, out)?;
            put(out, b":")?;
            let parts = self.value_of(key.entry, Value::Json(Json::Value).layout())?;
            self.json_of(Json::Value, parts, out)?;
            self.scratch.entries.truncate(parts.first);
        }
        self.scratch.keys.truncate(base);
        put(out, if base == behind { b"{}" } else { b"}" })
    }

    /// The occurrences of field 1: the entries of an object, the items of a list.
    fn members(&mut self, parts: Parts) -> Result<Parts, Fault> {
        let first = self.scratch.entries.len();
        for part in parts.first..parts.behind {
            let mut wire = self.wire(part);
            while !wire.is_empty() {
                let tag = wire.tag()?;
                let range = wire.step(tag)?;
                match tag {
                    Tag { number: 1, layout: Layout::Length } => drop(self.push(0, 0, range)),
                    Tag { number: 1, layout } => return Err(wrong_layout(layout, Layout::Length)),
                    _ => {}
                }
            }
        }
        Ok(Parts { first, behind: self.scratch.entries.len() })
    }
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Fault> {
    out.extend_from_slice(bytes);
    Ok(())
}

fn string(value: &str, out: &mut Vec<u8>) -> Result<(), Fault> {
    serde_json::to_writer(out, value).map_err(|_| sink::misfit())
}

fn number(value: f64, out: &mut Vec<u8>) -> Result<(), Fault> {
    if !value.is_finite() {
        return Err(fault(Reason::NumberOutOfRange, format!("JSON has no number {value}")));
    }
    if value.fract() == 0.0 && value.abs() < PLAIN {
        return write!(out, "{value}").map_err(|_| sink::misfit());
    }
    serde_json::to_writer(out, &value).map_err(|_| sink::misfit())
}
