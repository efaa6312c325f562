//! A catalog that answers as catalogs behind real networks do, with somebody else's commits in between.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use firnline_store::env::{Random, RandomExt as _};
use firnline_table::catalog::FsCatalog;
use firnline_table::{
    Catalog, CatalogError, CommitError, Namespace, NewTable, Table, TableName, TableRequirement, TableUpdate,
};

use crate::foreign::Foreign;

/// How often what happens, in thousandths of commits.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Chances {
    /// Somebody else commits right before.
    pub(crate) before: u64,
    /// Somebody else commits right behind, whatever became of ours.
    pub(crate) behind: u64,
    /// The answer is lost behind a commit that was made, or was not.
    pub(crate) unknown_applied: u64,
    pub(crate) unknown_not_applied: u64,
    /// A proxy on the way has sent it twice: it was made, and the answer is that of the second.
    pub(crate) sent_twice: u64,
    /// The catalog cannot be reached.
    pub(crate) unavailable: u64,
}

pub(crate) struct Meddled {
    inner: FsCatalog,
    foreign: Foreign,
    random: Arc<dyn Random>,
    chances: Chances,
}

impl Meddled {
    pub(crate) fn new(inner: FsCatalog, foreign: Foreign, random: Arc<dyn Random>, chances: Chances) -> Self {
        Self { inner, foreign, random, chances }
    }

    fn happens(&self, per_mille: u64) -> bool {
        self.random.below(1000) < per_mille
    }
}

impl fmt::Debug for Meddled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meddled").finish_non_exhaustive()
    }
}

#[async_trait]
impl Catalog for Meddled {
    async fn load(&self, name: &TableName) -> Result<Option<Table>, CatalogError> {
        self.inner.load(name).await
    }

    async fn create(&self, name: &TableName, new: NewTable) -> Result<Table, CatalogError> {
        self.inner.create(name, new).await
    }

    async fn commit(
        &self,
        table: &Table,
        requirements: &[TableRequirement],
        updates: &[TableUpdate],
    ) -> Result<Table, CommitError> {
        let name = table.name.clone();
        let because = || Box::<dyn std::error::Error + Send + Sync>::from("as the test has it");
        if self.happens(self.chances.before) {
            self.foreign.act(&name, self.random.as_ref()).await;
        }
        if self.happens(self.chances.unavailable) {
            return Err(CommitError::Unavailable { table: name, source: because() });
        }
        if self.happens(self.chances.unknown_not_applied) {
            return Err(CommitError::Unknown { table: name, source: because() });
        }
        let answer = self.inner.commit(table, requirements, updates).await;
        if self.happens(self.chances.behind) {
            self.foreign.act(&name, self.random.as_ref()).await;
        }
        if self.happens(self.chances.unknown_applied) {
            return Err(CommitError::Unknown { table: name, source: because() });
        }
        if answer.is_ok() && self.happens(self.chances.sent_twice) {
            return Err(CommitError::Conflict { table: name, source: because() });
        }
        answer
    }

    async fn list(&self, namespace: &Namespace) -> Result<Vec<TableName>, CatalogError> {
        self.inner.list(namespace).await
    }
}
