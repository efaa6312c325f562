//! Keys or values whose fields become columns.
//!
//! ```text
//!  bytes ─► framing ─► schema known? ─no─► Wanted
//!                        │ yes
//!                        ▼
//!            its fields have columns? ─no─► Grow
//!                        │ yes
//!                        ▼
//!        plan (once per schema and layout) ─► open row ─► settle | revert
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_buffer::NullBufferBuilder;
use arrow_schema::Fields;
use firnline_decode::{DecodeError, Framed, Plan, RowBuilder, SchemaRef, WriterSchema};
use firnline_records::Record;

use super::dead::Why;
use super::encoder::{Given, OwnColumns, OwnSchema};
use super::layout::{Layout, Targets};
use super::{Part, RowSettings, RowsError, Side};

/// What came of a key or value.
pub(super) enum Tried {
    /// It is in the open row.
    Done {
        /// The id that it names its schema by, where it has one of four bytes.
        schema_id: Option<i32>,
    },
    /// Its schema is not known.
    Wanted(SchemaRef),
    /// Its schema has fields without a column.
    Grow(Fields),
    /// It has another schema than the rows so far, and columns are given as schemas have them: hand those out first.
    Cut,
    /// It is bad.
    Dead(Why),
}

/// What is known of a schema of the registry.
enum Known {
    Schema(WriterSchema),
    /// There is none, or none that can be used. Forgotten with the rows at hand, so that it is asked for again.
    Refused(Why),
}

/// A schema, or one message of it, made ready for the columns at hand.
struct Planned {
    /// `None` for the declared one.
    schema: Option<SchemaRef>,
    index: Vec<i32>,
    plan: Result<Plan, Why>,
    fields: Fields,
}

/// What the open row has of this side.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Nothing,
    Null,
    Decoded,
}

/// The columns of one side.
pub(super) struct FieldsPart {
    side: Side,
    own: bool,
    targets: Targets,
    builder: RowBuilder,
    rows: usize,
    declared: Option<WriterSchema>,
    known: HashMap<SchemaRef, Known>,
    plans: Vec<Planned>,
    /// The plan that was used last: the next record mostly has the same.
    last: usize,
    /// Where columns are given as schemas have them: whose they are.
    current: Option<usize>,
    has: NullBufferBuilder,
    open: Open,
}

impl FieldsPart {
    /// `None` where fields of this side become no columns.
    pub(super) fn new(
        side: Side,
        settings: &RowSettings,
        layout: &Layout,
    ) -> Result<Option<Self>, RowsError> {
        let declared = match settings.part(side) {
            Part::None | Part::Binary | Part::String => return Ok(None),
            Part::Json(schema) => Some(schema.clone()),
            Part::Registry => None,
        };
        let targets = layout.targets(side);
        let builder = builder(side, &targets.fields)?;
        Ok(Some(Self {
            side,
            own: layout.is_own(),
            targets,
            builder,
            rows: 0,
            declared,
            known: HashMap::new(),
            plans: Vec::new(),
            last: 0,
            current: None,
            has: NullBufferBuilder::new(0),
            open: Open::Nothing,
        }))
    }

    /// Goes over to other columns. There must be no rows.
    pub(super) fn relayout(&mut self, layout: &Layout) -> Result<(), RowsError> {
        self.targets = layout.targets(self.side);
        self.builder = builder(self.side, &self.targets.fields)?;
        self.plans.clear();
        self.last = 0;
        Ok(())
    }

    pub(super) fn give(&mut self, schema: SchemaRef, given: Given) {
        let known = match given {
            Given::Schema(schema) => Known::Schema(schema),
            Given::Refused { reason, message } => Known::Refused(Why { reason, message, field: None }),
        };
        self.known.insert(schema, known);
    }

    pub(super) fn bytes(&self) -> usize {
        self.builder.bytes()
    }

    /// Puts a key or value into the open row.
    pub(super) fn open(&mut self, record: &Record, layout: &Layout) -> Result<Tried, RowsError> {
        let bytes = match self.side {
            Side::Key => record.key.as_deref(),
            Side::Value => record.value.as_deref(),
        };
        let Some(bytes) = bytes else {
            self.open = Open::Null;
            return Ok(Tried::Done { schema_id: None });
        };
        let named = match self.declared {
            Some(_) => None,
            None => {
                let header = record.headers.iter().find(|(name, _)| name.as_ref() == self.side.header());
                let header = header.and_then(|(_, value)| value.as_deref());
                match Framed::of(bytes, header) {
                    Ok(named) => Some(named),
                    Err(error) => return Ok(Tried::Dead(error.into())),
                }
            }
        };
        let (at, payload) = match self.plan(named, bytes, layout)? {
            Ready::Plan(at, payload) => (at, payload),
            Ready::Not(tried) => return Ok(tried),
        };
        if let Err(why) = &self.plans[at].plan {
            return Ok(Tried::Dead(why.clone()));
        }
        if self.own && self.current != Some(at) {
            if self.rows > 0 {
                return Ok(Tried::Cut);
            }
            self.builder = builder(self.side, &self.plans[at].fields)?;
            self.current = Some(at);
        }
        let schema_id = match &self.plans[at].schema {
            Some(SchemaRef::Id(id)) => i32::try_from(*id).ok(),
            _ => None,
        };
        let decoded = match &self.plans[at].plan {
            Ok(plan) => plan.decode(payload, &mut self.builder).map_err(Why::from),
            Err(why) => return Ok(Tried::Dead(why.clone())),
        };
        Ok(match decoded {
            Ok(()) => {
                self.open = Open::Decoded;
                Tried::Done { schema_id }
            }
            Err(why) => {
                self.builder.roll_back();
                Tried::Dead(why)
            }
        })
    }

    /// The plan for a payload, made if need be.
    fn plan<'a>(
        &mut self,
        named: Option<Framed<'a>>,
        bytes: &'a [u8],
        layout: &Layout,
    ) -> Result<Ready<'a>, RowsError> {
        let (schema, index, payload) = match named {
            None => (None, Vec::new(), bytes),
            Some(framed) => {
                let known = match self.known.get(&framed.schema) {
                    None => return Ok(Ready::Not(Tried::Wanted(framed.schema))),
                    Some(Known::Refused(why)) => return Ok(Ready::Not(Tried::Dead(why.clone()))),
                    Some(Known::Schema(schema)) => schema,
                };
                match known.split(&framed) {
                    Ok((index, payload)) => (Some(framed.schema), index, payload),
                    Err(error) => return Ok(Ready::Not(Tried::Dead(error.into()))),
                }
            }
        };
        let is = |planned: &Planned| planned.schema == schema && planned.index == index;
        if !self.plans.get(self.last).is_some_and(is) {
            match self.plans.iter().position(is) {
                Some(at) => self.last = at,
                None => match self.prepare(schema, index, layout)? {
                    Some(tried) => return Ok(Ready::Not(tried)),
                    None => self.last = self.plans.len() - 1,
                },
            }
        }
        Ok(Ready::Plan(self.last, payload))
    }

    /// Makes a plan; what stands in the way otherwise.
    fn prepare(
        &mut self,
        reference: Option<SchemaRef>,
        index: Vec<i32>,
        layout: &Layout,
    ) -> Result<Option<Tried>, RowsError> {
        let schema = match &reference {
            None => self.declared.as_ref(),
            Some(reference) => match self.known.get(reference) {
                Some(Known::Schema(schema)) => Some(schema),
                _ => None,
            },
        };
        let Some(schema) = schema else { return Err(RowsError::Broken) };
        let refused = |error: firnline_decode::SchemaError| Why {
            reason: "unsupported_schema",
            message: chain(&error),
            field: None,
        };
        let planned = schema.fields_of(&index).map_err(refused).and_then(|fields| {
            if layout.grown(self.side, &fields).is_some() {
                return Ok((fields, None));
            }
            let plan = if self.own {
                let place =
                    |path: &[&str], _: &_| fields.iter().position(|field| [field.name().as_str()] == path);
                Plan::new(schema, &index, &fields, &place)
            } else {
                let place =
                    |path: &[&str], of: &_| path.first().and_then(|name| self.targets.place(name, of));
                Plan::new(schema, &index, &self.targets.fields, &place)
            };
            Ok((fields, Some(plan.map_err(refused)?)))
        });
        match planned {
            Ok((fields, None)) => return Ok(Some(Tried::Grow(fields))),
            Ok((fields, Some(plan))) => {
                self.plans.push(Planned { schema: reference, index, plan: Ok(plan), fields });
            }
            Err(why) => {
                let fields = Fields::empty();
                self.plans.push(Planned { schema: reference, index, plan: Err(why), fields });
            }
        }
        Ok(None)
    }

    /// Makes what is open a row.
    pub(super) fn settle(&mut self) -> Result<(), RowsError> {
        match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Nothing | Open::Null => {
                self.builder.push_null_row();
                self.has.append_null();
            }
            Open::Decoded => {
                let side = self.side;
                self.builder
                    .end_row()
                    .map_err(|source| RowsError::Uneven { side, source: Arc::new(source) })?;
                self.has.append_non_null();
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// Takes back what is open.
    pub(super) fn revert(&mut self) {
        if std::mem::replace(&mut self.open, Open::Nothing) == Open::Decoded {
            self.builder.roll_back();
        }
    }

    /// The columns of the layout's targets, by their places there. Empties itself.
    pub(super) fn finish(&mut self) -> Vec<(usize, ArrayRef)> {
        self.forget();
        let _ = self.has.finish();
        let columns = self.builder.finish();
        self.targets.columns.iter().copied().zip(columns).collect()
    }

    /// The columns as their schema has them. Empties itself.
    pub(super) fn finish_own(&mut self) -> OwnColumns {
        let schema = self.current.take().and_then(|at| {
            let Planned { schema, index, fields, .. } = &self.plans[at];
            let known = match schema {
                None => self.declared.clone(),
                Some(reference) => match self.known.get(reference) {
                    Some(Known::Schema(schema)) => Some(schema.clone()),
                    _ => None,
                },
            };
            Some(OwnSchema {
                reference: *schema,
                schema: known?,
                message_index: index.clone(),
                fields: fields.clone(),
            })
        });
        self.forget();
        OwnColumns { schema, columns: self.builder.finish(), has: self.has.finish() }
    }

    fn forget(&mut self) {
        self.rows = 0;
        self.known.retain(|_, known| matches!(known, Known::Schema(_)));
    }
}

enum Ready<'a> {
    Plan(usize, &'a [u8]),
    Not(Tried),
}

fn builder(side: Side, fields: &Fields) -> Result<RowBuilder, RowsError> {
    RowBuilder::new(fields).map_err(|source| RowsError::Unsupported { side, source: Arc::new(source) })
}

impl From<DecodeError> for Why {
    fn from(error: DecodeError) -> Self {
        Self { reason: error.reason.word(), message: error.message, field: error.field }
    }
}

/// An error and its causes in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
