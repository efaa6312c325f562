//! Manifests, snapshots and orphans: what does not read a row.

use std::collections::BTreeSet;
use std::sync::Arc;

use firnline_table::Table;
use firnline_table::commit::{ExpirePolicy, expire, merge_manifests, orphans, unreferenced};

use super::commit::ATTEMPTS;
use super::error::TendError;
use super::report::TendReport;
use super::schedule::max_age;
use super::tender::Tender;

impl Tender {
    /// Puts small manifests together where there are many.
    pub(super) async fn merge(&self, table: &Table, dry_run: bool) -> Result<TendReport, TendError> {
        let mut report = TendReport { dry_run, ..TendReport::default() };
        let Some(snapshot) = table.metadata.current_snapshot() else { return Ok(report) };
        let manifests = firnline_table::manifest::manifests(&table.io, snapshot).await;
        let count = manifests.map_err(|source| self.manifests(source))?.len();
        if count <= self.settings().max_manifests {
            return Ok(report);
        }
        report.merged_manifests = Some(count);
        if dry_run {
            return Ok(report);
        }
        for _ in 0..ATTEMPTS {
            let table = self.load().await?;
            let prepared = merge_manifests(&table, &mut self.ids(), self.now_ms()).await;
            let prepared = prepared.map_err(|source| self.build(source))?;
            let Some(prepared) = prepared else { return Ok(report) };
            match self.catalog().commit(&table, &prepared.requirements, &prepared.updates).await {
                Ok(_) => return Ok(report),
                // It is done again or it is not: neither changes a row, and an outcome that is not known does no harm.
                Err(error) if error.is_conflict() || error.is_retriable() || error.may_have_landed() => {}
                Err(source) => return Err(self.commit_failed(source)),
            }
        }
        report.notes.push("the manifests were not merged: others commit all the time".to_owned());
        report.merged_manifests = None;
        Ok(report)
    }

    /// Lets old snapshots go, and deletes what only they have named.
    pub(super) async fn expire(&self, dry_run: bool) -> Result<TendReport, TendError> {
        let mut report = TendReport { dry_run, ..TendReport::default() };
        for _ in 0..ATTEMPTS {
            let table = self.load().await?;
            let now_ms = self.now_ms();
            let max_age = max_age(&self.standing(&table), self.settings(), now_ms);
            let policy = ExpirePolicy {
                keep_min: self.settings().keep_snapshots,
                max_age_ms: i64::try_from(max_age.as_millis()).unwrap_or(i64::MAX),
            };
            let Some(expiry) = expire(&table, &policy, now_ms) else { return Ok(report) };
            report.expired_snapshots.clone_from(&expiry.snapshots);
            if dry_run {
                let after = table.metadata.apply(&expiry.updates, "", now_ms);
                let after =
                    after.map_err(|source| TendError::Metadata { table: table.name.to_string(), source })?;
                let after = Table { metadata: Arc::new(after), ..table.clone() };
                let files = unreferenced(&table, &after).await.map_err(|source| self.build(source))?;
                report.deleted_files = files.all().map(ToString::to_string).collect();
                return Ok(report);
            }
            match self.catalog().commit(&table, &expiry.requirements, &expiry.updates).await {
                Ok(_) => {
                    // As the catalog has it now: somebody may have set a tag or gone back meanwhile.
                    let after = self.load().await?;
                    let files = unreferenced(&table, &after).await.map_err(|source| self.build(source))?;
                    report.deleted_files = files.all().map(ToString::to_string).collect();
                    self.delete(&after, &mut report).await;
                    return Ok(report);
                }
                // Whether it has landed or not, the files stay: they are orphans then, found by their age.
                Err(error) if error.is_conflict() || error.is_retriable() || error.may_have_landed() => {}
                Err(source) => return Err(self.commit_failed(source)),
            }
        }
        report.notes.push("no snapshot was expired: others commit all the time".to_owned());
        report.expired_snapshots.clear();
        report.deleted_files.clear();
        Ok(report)
    }

    /// Deletes the files of a report; those that stay are orphans by and by.
    async fn delete(&self, table: &Table, report: &mut TendReport) {
        let mut failed = 0_usize;
        for file in &report.deleted_files {
            if let Err(error) = table.io.delete(file).await {
                tracing::debug!(%file, error = %error, "a file of an expired snapshot stays until it is old");
                failed += 1;
            }
        }
        if failed > 0 {
            report.notes.push(format!(
                "{failed} files of expired snapshots could not be deleted; they go as orphans"
            ));
        }
    }

    /// Removes files that nobody names and that are old.
    pub(super) async fn remove_orphans(&self, dry_run: bool) -> Result<TendReport, TendError> {
        let mut report = TendReport { dry_run, ..TendReport::default() };
        let table = self.load().await?;
        let age = self.settings().orphan_age.max(super::settings::MIN_ORPHAN_AGE);
        let older_than = self.now_ms().saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        let found = orphans(&table, older_than).await.map_err(|source| self.build(source))?;
        if found.is_empty() || dry_run {
            report.orphan_bytes = found.iter().map(|file| file.size).sum();
            report.orphans = found.into_iter().map(|file| file.location).collect();
            return Ok(report);
        }
        // What was committed while the listing went on may name what nobody named before, where its writer took days: what
        // is named now stays.
        let again = self.load().await?;
        let found =
            if again.metadata_location == table.metadata_location && !table.metadata_location.is_empty() {
                found
            } else {
                let still = orphans(&again, older_than).await.map_err(|source| self.build(source))?;
                let still: BTreeSet<String> = still.into_iter().map(|file| file.location).collect();
                found.into_iter().filter(|file| still.contains(&file.location)).collect()
            };
        for file in found {
            match again.io.delete(&file.location).await {
                Ok(()) => {
                    report.orphan_bytes = report.orphan_bytes.saturating_add(file.size);
                    report.orphans.push(file.location);
                }
                Err(error) => report.notes.push(format!("{} stays: {error}", file.location)),
            }
        }
        Ok(report)
    }
}
