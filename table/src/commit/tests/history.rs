//! Random histories of a table against a model of its files.

use super::walk::{listed, live, walk};
use super::*;
use crate::evolve::SchemaUpdate;
use crate::manifest::live_files;
use crate::snapshot::SnapshotRef;
use crate::update::TableUpdate;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
enum Step {
    Append(u8),
    Delta { rows: u8, equality: bool, position: bool },
    Replace(Vec<prop::sample::Index>),
    Remove(Vec<prop::sample::Index>),
    Merge,
    Tag(u8),
    AddColumn,
    Nothing,
    Expire { keep: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let picks = || proptest::collection::vec(any::<prop::sample::Index>(), 1..4);
    prop_oneof![
        4 => (1_u8..4).prop_map(Step::Append),
        2 => (0_u8..3, any::<bool>(), any::<bool>()).prop_map(|(rows, equality, position)| Step::Delta { rows, equality, position }),
        3 => picks().prop_map(Step::Replace),
        2 => picks().prop_map(Step::Remove),
        1 => Just(Step::Merge),
        1 => any::<u8>().prop_map(Step::Tag),
        1 => Just(Step::AddColumn),
        1 => Just(Step::Nothing),
        1 => (0_usize..4).prop_map(|keep| Step::Expire { keep }),
    ]
}

/// What the table should have: content, sequence number and rows by path.
type Model = BTreeMap<String, (i64, i64, i64)>;

struct Run {
    table: Table,
    model: Model,
    /// The files of every snapshot that is kept.
    past: BTreeMap<i64, Model>,
    ids: RandomIds,
    now: i64,
    names: u32,
}

impl Run {
    async fn new_file(&mut self, kind: FileContent) -> DataFile {
        self.names += 1;
        let day = i32::try_from(self.names % 3).unwrap();
        content(&self.table, &format!("f{}", self.names), day, u64::from(self.names % 5), kind).await
    }

    async fn land(&mut self, change: Change) {
        let number = self.table.metadata.last_sequence_number() + 1;
        for file in change.add.iter().chain(&change.add_deletes) {
            let code = match file.content {
                FileContent::Data => 0,
                FileContent::PositionDeletes => 1,
                FileContent::EqualityDeletes => 2,
            };
            let own = if file.content == FileContent::Data {
                change.keep_sequence.unwrap_or(number)
            } else {
                number
            };
            self.model.insert(file.path.clone(), (code, own, i64::try_from(file.record_count).unwrap()));
        }
        for file in &change.remove {
            self.model.remove(&file.path).unwrap();
        }
        self.table = land(&self.table, change, &mut self.ids, self.now).await;
    }

    fn picked(&self, picks: &[prop::sample::Index]) -> Vec<(String, FileContent)> {
        if self.model.is_empty() {
            return Vec::new();
        }
        let all: Vec<_> = self.model.iter().collect();
        let picked: BTreeSet<usize> = picks.iter().map(|pick| pick.index(all.len())).collect();
        let content = |code: i64| match code {
            0 => FileContent::Data,
            1 => FileContent::PositionDeletes,
            _ => FileContent::EqualityDeletes,
        };
        picked.into_iter().map(|index| (all[index].0.clone(), content(all[index].1.0))).collect()
    }

    async fn step(&mut self, step: &Step) {
        self.now += 10;
        match step {
            Step::Append(count) => {
                let mut files = Vec::new();
                for _ in 0..*count {
                    files.push(self.new_file(FileContent::Data).await);
                }
                self.land(append(files)).await;
            }
            Step::Delta { rows, equality, position } => {
                let mut change = Change::new(Operation::RowDelta);
                for _ in 0..*rows {
                    change.add.push(self.new_file(FileContent::Data).await);
                }
                for (wanted, kind) in
                    [(equality, FileContent::EqualityDeletes), (position, FileContent::PositionDeletes)]
                {
                    if *wanted {
                        change.add_deletes.push(self.new_file(kind).await);
                    }
                }
                self.land(change).await;
            }
            Step::Replace(picks) => {
                let picked = self.picked(picks);
                let mut change = Change::new(Operation::Replace);
                change.remove = picked.iter().map(|(path, kind)| RemovedFile::new(path, *kind)).collect();
                if !change.remove.is_empty() {
                    change.keep_sequence = Some(self.table.metadata.last_sequence_number());
                    change.made_from = self.table.metadata.current_snapshot().map(|one| one.snapshot_id);
                    change.add.push(self.new_file(FileContent::Data).await);
                }
                self.land(change).await;
            }
            Step::Remove(picks) => {
                let mut change = Change::new(Operation::Delete);
                change.remove =
                    self.picked(picks).iter().map(|(path, kind)| RemovedFile::new(path, *kind)).collect();
                self.land(change).await;
            }
            Step::Merge => {
                if let Some(prepared) = merge_manifests(&self.table, &mut self.ids, self.now).await.unwrap() {
                    self.table = commit(&self.table, &prepared.requirements, &prepared.updates, self.now);
                }
            }
            Step::Tag(name) => {
                if let Some(current) = self.table.metadata.current_snapshot() {
                    let reference = SnapshotRef::tag(current.snapshot_id);
                    let set = TableUpdate::SetSnapshotRef { ref_name: format!("t{}", name % 2), reference };
                    self.table = commit(&self.table, &[], &[set], self.now);
                }
            }
            Step::AddColumn => {
                let mut update = SchemaUpdate::of(&self.table.metadata);
                self.names += 1;
                let column =
                    arrow_schema::Field::new(format!("c{}", self.names), arrow_schema::DataType::Utf8, true);
                update.add(None, &column).unwrap();
                let mut change = append(vec![self.new_file(FileContent::Data).await]);
                change.schema = update.finish().unwrap();
                self.land(change).await;
            }
            Step::Nothing => {
                let change = Change { snapshot_always: true, ..Change::new(Operation::Append) };
                self.land(change).await;
            }
            Step::Expire { keep } => self.expire(*keep).await,
        }
        if let Some(current) = self.table.metadata.current_snapshot() {
            self.past.insert(current.snapshot_id, self.model.clone());
        }
    }

    async fn expire(&mut self, keep_min: usize) {
        let policy = ExpirePolicy { keep_min, max_age_ms: 30 };
        let Some(expiry) = expire(&self.table, &policy, self.now) else { return };
        let after = commit(&self.table, &expiry.requirements, &expiry.updates, self.now);
        let files = unreferenced(&self.table, &after).await.unwrap();
        assert!(files.outside.is_empty());
        for path in files.all() {
            self.table.io.delete(path).await.unwrap();
        }
        for id in &expiry.snapshots {
            self.past.remove(id);
        }
        self.table = after;
        // Nothing is left that no snapshot leads to, and nothing is gone that one does lead to.
        let mut wanted = BTreeSet::new();
        for snapshot in self.table.metadata.snapshots() {
            let found = walk(&self.table, snapshot).await;
            wanted.insert(snapshot.manifest_list.clone().unwrap());
            wanted.extend(found.manifests);
            wanted.extend(found.files.into_keys());
        }
        assert_eq!(listed(&self.table).await, wanted);
        assert_eq!(orphans(&self.table, i64::MAX).await.unwrap(), []);
    }

    async fn check(&self) {
        let found = live(&self.table).await;
        let files: Model = found
            .files
            .iter()
            .map(|(path, file)| (path.clone(), (file.content, file.sequence_number, file.rows)))
            .collect();
        assert_eq!(files, self.model);
        let own: BTreeMap<String, i64> = live_files(&self.table)
            .await
            .unwrap()
            .into_iter()
            .map(|file| (file.file.path, file.sequence_number))
            .collect();
        assert_eq!(own, self.model.iter().map(|(path, file)| (path.clone(), file.1)).collect());
        let Some(current) = self.table.metadata.current_snapshot() else { return };
        let sum = |content: i64, of: fn(&(i64, i64, i64)) -> i64| {
            let sum: i64 = self.model.values().filter(|file| file.0 == content).map(of).sum();
            Some(u64::try_from(sum).unwrap())
        };
        assert_eq!(current.count("total-records"), sum(0, |file| file.2));
        assert_eq!(current.count("total-data-files"), sum(0, |_| 1));
        assert_eq!(current.count("total-position-deletes"), sum(1, |file| file.2));
        assert_eq!(current.count("total-equality-deletes"), sum(2, |file| file.2));
        assert_eq!(current.count("total-files-size"), Some(self.model.len() as u64));
    }

    /// Snapshots of the past still lead to what they led to.
    async fn check_past(&self) {
        for snapshot in self.table.metadata.snapshots() {
            let Some(model) = self.past.get(&snapshot.snapshot_id) else { continue };
            let found = walk(&self.table, snapshot).await;
            assert_eq!(found.files.keys().collect::<Vec<_>>(), model.keys().collect::<Vec<_>>());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_table_has_the_files_that_its_history_says(
        steps in proptest::collection::vec(step(), 1..25),
        version in 2_u8..=3,
        merges in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut table = table(version);
            if merges {
                let few = [("commit.manifest.min-count-to-merge", "3"), ("commit.manifest.target-size-bytes", "9000")];
                table = with_properties(&table, &few);
            }
            let ids = RandomIds::new(Arc::new(SeededRandom::new(seed)));
            let mut run = Run { table, model: Model::new(), past: BTreeMap::new(), ids, now: 2_000, names: 0 };
            for step in &steps {
                run.step(step).await;
                run.check().await;
            }
            run.check_past().await;
        });
    }
}
