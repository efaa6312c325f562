//! Before each round: the table as it is now, whose it is, and what its columns are.

use std::collections::BTreeMap;
use std::sync::Arc;

use firnline_store::env::RandomExt as _;
use firnline_table::{CatalogError, RandomIds, Table, TableName};

use super::commit::{Claim, Columns, Wanted};
use super::dead::DeadTable;
use super::error::JobError;
use super::name::dead_letter_name;
use super::retry::Pauses;
use super::state::Exported;
use super::table::{Evolving, Ground, TableError, is_rolled_back, new_dead_letters, new_table, property};
use super::{Context, Job, Ready, State};
use crate::position::{COLUMNS, MAX_TEXT, PositionError, Positions, Source};
use crate::rows::Layout;

/// How often a table that another process seems to make at the same time is looked for.
const CREATE_ATTEMPTS: u32 = 10;

impl Job {
    /// Loads the table; makes it, and takes it over, where that has not been done.
    pub(super) async fn ready(&mut self) -> Result<Ready, JobError> {
        let context = &self.context;
        if let State::Fenced { by, epoch } = &self.state {
            let table = context.table.to_string();
            return Err(JobError::Fenced { table, by: by.clone(), epoch: *epoch });
        }
        let mut table = match self.state {
            State::New => context.table().await?,
            // What was dropped from under a running export is not made again behind its owner's back.
            _ => context.existing().await?,
        };
        let exported = context.exported(&table)?;
        let is_mine = exported.owner.as_deref() == Some(context.instance.as_str());
        if matches!(self.state, State::Owned) && !is_mine {
            let error = context.fenced(&table)?;
            self.state = State::Fenced { by: exported.owner.unwrap_or_default(), epoch: exported.epoch };
            return Err(error);
        }
        let source = context.source();
        let restart = context.is_restart(&table, &exported, &source)?;
        if is_rolled_back(&table, exported.commit.as_deref()) {
            return Err(JobError::RolledBack { table: table.name.to_string() });
        }
        let columns = context.columns(&table, &exported)?;
        if !is_mine || columns.completes {
            table = context.take_over(table, restart, &columns).await?;
        }
        let exported = context.exported(&table)?;
        if exported.owner.as_deref() != Some(context.instance.as_str()) {
            return Err(context.fenced(&table)?);
        }
        self.state = State::Owned;
        let Columns { layout, completes: false, .. } = context.columns(&table, &exported)? else {
            return Err(JobError::MovedOn { table: table.name.to_string() });
        };
        let dead = context.load_dead(&source).await?;
        Ok(Ready { table, exported, layout: Arc::new(layout), dead })
    }
}

impl Context {
    /// This export's topic.
    pub(super) fn source(&self) -> Source {
        Source {
            cluster: self.cluster.clone(),
            topic: self.source.topic().clone(),
            topic_id: self.source.topic_id(),
        }
    }

    /// What the table says of its exporters.
    pub(super) fn exported(&self, table: &Table) -> Result<Exported, JobError> {
        Exported::read(|name| property(table, name))
            .map_err(|source| JobError::Properties { table: table.name.to_string(), source })
    }

    pub(crate) fn of_table(&self, source: TableError) -> JobError {
        JobError::Table { table: self.table.to_string(), source }
    }

    pub(super) fn ids(&self) -> RandomIds {
        RandomIds::new(Arc::clone(&self.env.random))
    }

    /// The table, made where there is none.
    async fn table(&self) -> Result<Table, JobError> {
        let new = || {
            let layout = Layout::new(&self.settings.rows)?;
            new_table(&self.settings.table, &layout, &self.source().to_text())
                .map_err(|error| self.of_table(error))
        };
        self.load_or_create(&self.table, new).await
    }

    /// Makes the table this exporter's, with these columns.
    pub(super) async fn take_over(
        &self,
        table: Table,
        restart: bool,
        columns: &Columns,
    ) -> Result<Table, JobError> {
        let (id, source, ground) = (self.env.random.hex_id(), self.source(), Ground::of(&table));
        let claim = Claim { id: &id, source: &source, restart, ground: &ground, columns };
        self.land(table, &Wanted::Claim(claim)).await
    }

    async fn existing(&self) -> Result<Table, JobError> {
        let table = self.load(&self.table).await?;
        table.ok_or_else(|| JobError::Vanished { table: self.table.to_string() })
    }

    /// The table as a worker needs it, that commits nothing itself: whose it is does not matter here.
    pub(super) async fn look(&self) -> Result<Ready, JobError> {
        let table = self.existing().await?;
        let exported = self.exported(&table)?;
        let source = self.source();
        let Columns { layout, completes: false, .. } = self.columns(&table, &exported)? else {
            return Err(JobError::MovedOn { table: table.name.to_string() });
        };
        if !exported.source.as_ref().is_some_and(|has| has.is(&source)) {
            return Err(JobError::MovedOn { table: table.name.to_string() });
        }
        let dead = self.load_dead(&source).await?;
        Ok(Ready { table, exported, layout: Arc::new(layout), dead })
    }

    /// The dead-letter table, made where there is none.
    pub(super) async fn open_dead(&self) -> Result<DeadTable, JobError> {
        let source = self.source();
        let new = || {
            new_dead_letters(&self.settings.table, &source.to_text()).map_err(|error| self.of_table(error))
        };
        let table = self.load_or_create(&self.dead_name()?, new).await?;
        self.dead_table(table, &source)
    }

    /// The dead-letter table, if there is one.
    async fn load_dead(&self, source: &Source) -> Result<Option<DeadTable>, JobError> {
        let name = self.dead_name()?;
        let table = self.load(&name).await?;
        table.map(|table| self.dead_table(table, source)).transpose()
    }

    /// The table, and what it says of its exporters, for a repair.
    pub(crate) async fn loaded(&self) -> Result<(Table, Exported), JobError> {
        let table = self.existing().await?;
        let exported = self.exported(&table)?;
        let source = self.source();
        match &exported.source {
            Some(has) if !has.is(&source) => Err(JobError::OtherSource {
                table: table.name.to_string(),
                has: Box::new(has.clone()),
                wanted: Box::new(source),
            }),
            _ => Ok((table, exported)),
        }
    }

    /// The same of the dead-letter table, if there is one.
    pub(crate) async fn loaded_dead(&self) -> Result<Option<(Table, Exported)>, JobError> {
        let dead = self.load_dead(&self.source()).await?;
        Ok(dead.map(|DeadTable { table, exported }| (table, exported)))
    }

    fn dead_table(&self, table: Table, source: &Source) -> Result<DeadTable, JobError> {
        let exported = self.exported_dead(&table, source)?;
        Ok(DeadTable { table, exported })
    }

    /// What the dead-letter table says. Where its topic was made anew, and the table goes on with it, what its positions say is
    /// of the old one.
    pub(super) fn exported_dead(&self, table: &Table, source: &Source) -> Result<Exported, JobError> {
        let mut exported = self.exported(table)?;
        if self.is_restart(table, &exported, source)? {
            exported.positions = Positions::default();
        }
        Ok(exported)
    }

    fn dead_name(&self) -> Result<TableName, JobError> {
        let name = dead_letter_name(self.table.name());
        TableName::new(self.table.namespace().clone(), name).map_err(|error| self.of_table(error.into()))
    }

    async fn load(&self, name: &TableName) -> Result<Option<Table>, JobError> {
        self.catalog.load(name).await.map_err(|source| JobError::Catalog { table: name.to_string(), source })
    }

    async fn load_or_create(
        &self,
        name: &TableName,
        new: impl Fn() -> Result<firnline_table::NewTable, JobError>,
    ) -> Result<Table, JobError> {
        let mut pauses = Pauses::new(&self.settings.retry, &self.env.random);
        let mut last = None;
        for _ in 0..CREATE_ATTEMPTS {
            if let Some(table) = self.load(name).await? {
                return Ok(table);
            }
            match self.catalog.create(name, new()?).await {
                Ok(table) => return Ok(table),
                // Another process makes it, or our own answer was lost: it will be there in a moment, or it can be made then.
                Err(error @ (CatalogError::Exists { .. } | CatalogError::Unknown { .. })) => {
                    last = Some(error)
                }
                Err(source) => return Err(JobError::Catalog { table: name.to_string(), source }),
            }
            pauses.pause().await;
        }
        match last {
            Some(source) => Err(JobError::Catalog { table: name.to_string(), source }),
            None => Err(JobError::MovedOn { table: name.to_string() }),
        }
    }

    /// Whether the table goes on with a topic that was made anew, from its beginning.
    ///
    /// # Errors
    /// [`JobError::OtherSource`] where it holds another topic's records, and nobody said so.
    fn is_restart(&self, table: &Table, exported: &Exported, source: &Source) -> Result<bool, JobError> {
        match &exported.source {
            None => Ok(false),
            Some(has) if has.is(source) => Ok(false),
            Some(has) if self.settings.continue_as == Some(has.topic_id) => Ok(true),
            Some(has) => Err(JobError::OtherSource {
                table: table.name.to_string(),
                has: Box::new(has.clone()),
                wanted: Box::new(source.clone()),
            }),
        }
    }

    /// The table's columns as this export fills them, and what they lack.
    fn columns(&self, table: &Table, exported: &Exported) -> Result<Columns, JobError> {
        let origins = match &exported.columns {
            None => BTreeMap::new(),
            Some(text) => origins(text)
                .map_err(|source| JobError::Properties { table: table.name.to_string(), source })?,
        };
        let mut evolving = Evolving::of(table);
        let arrow = evolving.arrow().map_err(|error| self.of_table(error))?;
        let layout = Layout::of_table(&self.settings.rows, arrow.fields(), &origins)?;
        match layout.completed(&self.settings.rows)? {
            None => Ok(Columns { layout, schema: None, completes: false }),
            Some(grown) => {
                let layout = evolving.grow(&grown).map_err(|error| self.of_table(error))?;
                let schema = evolving.change().map_err(|error| self.of_table(error))?;
                Ok(Columns { layout, schema, completes: true })
            }
        }
    }
}

/// Reads where columns come from, by field id.
fn origins(text: &str) -> Result<BTreeMap<i32, String>, PositionError> {
    if text.len() > MAX_TEXT {
        return Err(PositionError::TooLong { property: COLUMNS, bytes: text.len(), limit: MAX_TEXT });
    }
    serde_json::from_str(text)
        .map_err(|error| PositionError::NotJson { property: COLUMNS, message: error.to_string() })
}
