//! Heads and pages as bytes. The wire's shapes are private, one module per version; what leaves here is checked.

mod bounds;
mod field;
mod v1;

use bytes::Bytes;

use super::check::sum;
use super::envelope::{self, EnvelopeKind};
use super::{
    Anomaly, MAX_DEAD_ENTRIES, MAX_LEVEL, MAX_REFS_PER_LEVEL, Manifest, ManifestError, Page, PageBody,
    PageRef, Totals,
};
use crate::ids::{ByteCount, ClusterId, Crc32c, TopicIdPartition};

impl Manifest {
    /// The manifest as an object, in the newest version.
    ///
    /// # Errors
    /// Where [`Manifest::decode`] would refuse the result: beyond a limit, or the algebra does not hold. So no writer
    /// can commit what no reader takes.
    pub fn encode(&self) -> Result<Bytes, ManifestError> {
        let bytes = self.encode_unchecked()?;
        // Read back before it leaves: a head that no reader takes would stop its partition for good.
        match Self::decode(&bytes)? == *self {
            true => Ok(bytes),
            false => Err(ManifestError::Unfaithful),
        }
    }

    /// The manifest as an object whatever its algebra says: for the tests of those who must notice. Never commit it.
    ///
    /// # Errors
    /// Where the body is longer than the limit.
    pub fn encode_unchecked(&self) -> Result<Bytes, ManifestError> {
        Ok(envelope::seal(EnvelopeKind::Head, &v1::encode_head(self))?.into())
    }

    /// Reads a manifest and holds it against the whole algebra.
    ///
    /// # Errors
    /// For anything that is not a sound manifest of a version that this build knows.
    pub fn decode(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest = Self::decode_unchecked(bytes)?;
        refuse_anomalies(manifest.check())?;
        Ok(manifest)
    }

    /// Reads a manifest that may contradict itself, for tools that name what is wrong ([`Manifest::check`]).
    /// Its structure is sound: lengths, limits, ids, ranges. Nothing may be served from it.
    ///
    /// # Errors
    /// For anything that is not of a manifest's structure.
    pub fn decode_unchecked(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest = v1::decode_head(envelope::open(EnvelopeKind::Head, bytes)?)?;
        refuse_excess(&manifest)?;
        Ok(manifest)
    }

    /// Refuses a manifest of another partition or cluster: one that was copied to a wrong place.
    ///
    /// # Errors
    /// Naming both.
    pub fn expect_origin(&self, cluster: &ClusterId, tip: &TopicIdPartition) -> Result<(), ManifestError> {
        expect_origin(cluster, tip, &self.cluster_id, &self.tip)
    }
}

impl Page {
    /// The page as an object, with the reference that a manifest holds of it.
    ///
    /// # Errors
    /// Where [`Page::decode`] would refuse the result.
    pub fn encode(&self) -> Result<(Bytes, PageRef), ManifestError> {
        let bytes = envelope::seal(EnvelopeKind::Page, &v1::encode_page(self))?;
        if Self::decode(&bytes)? != *self {
            return Err(ManifestError::Unfaithful);
        }
        let reference = self.reference(&bytes)?;
        Ok((bytes.into(), reference))
    }

    /// Reads a page, known to be sound in itself. To read one that a manifest names, use
    /// [`Page::decode_named`], which also knows it from others.
    ///
    /// # Errors
    /// For anything that is not a sound page of a version that this build knows.
    pub fn decode(bytes: &[u8]) -> Result<Self, ManifestError> {
        let page = Self::decode_unchecked(bytes)?;
        refuse_anomalies(page.check())?;
        Ok(page)
    }

    /// Reads a page that may contradict itself, for tools that name what is wrong ([`Page::check`]).
    ///
    /// # Errors
    /// For anything that is not of a page's structure.
    pub fn decode_unchecked(bytes: &[u8]) -> Result<Self, ManifestError> {
        v1::decode_page(envelope::open(EnvelopeKind::Page, bytes)?)
    }

    /// Reads the page that `named` refers to, from the manifest of partition `tip` of `cluster` (or a page of it).
    ///
    /// # Errors
    /// For a page that is not sound, or is another one.
    pub fn decode_named(
        bytes: &[u8],
        named: &PageRef,
        cluster: &ClusterId,
        tip: &TopicIdPartition,
    ) -> Result<Self, ManifestError> {
        let page = Self::decode(bytes)?;
        expect_origin(cluster, tip, &page.cluster_id, &page.tip)?;
        let found = page.reference(bytes)?;
        let same = |what, found: &dyn std::fmt::Debug, expected: &dyn std::fmt::Debug, equal: bool| {
            let other = || ManifestError::OtherPage {
                what,
                found: format!("{found:?}"),
                expected: format!("{expected:?}"),
            };
            if equal { Ok(()) } else { Err(other()) }
        };
        same("uuid", &found.uuid, &named.uuid, found.uuid == named.uuid)?;
        same("level", &found.level, &named.level, found.level == named.level)?;
        same("range", &found.range, &named.range, found.range == named.range)?;
        same("length", &found.length, &named.length, found.length == named.length)?;
        same("checksum", &found.crc, &named.crc, found.crc == named.crc)?;
        same("totals", &found.totals, &named.totals, found.totals == named.totals)?;
        let (of, by) = (found.max_timestamp, named.max_timestamp);
        same("largest timestamp", &of, &by, of == by)?;
        Ok(page)
    }

    /// The reference to this page, which is `bytes` as an object.
    fn reference(&self, bytes: &[u8]) -> Result<PageRef, ManifestError> {
        let overflow = ManifestError::Field { field: "page totals", why: "they overflow" };
        let (totals, max_timestamp) = match &self.body {
            PageBody::Entries { entries, .. } => (
                sum(entries.iter().map(|e| Totals::of(&e))),
                entries.iter().filter_map(|e| e.max_timestamp).max(),
            ),
            PageBody::Refs(refs) => {
                (sum(refs.iter().map(|r| r.totals)), refs.iter().filter_map(|r| r.max_timestamp).max())
            }
        };
        Ok(PageRef {
            uuid: self.uuid,
            level: self.level(),
            range: self.range,
            max_timestamp,
            totals: totals.ok_or(overflow)?,
            length: ByteCount::new(bytes.len() as u64),
            crc: Crc32c::of(bytes),
        })
    }
}

/// Limits that no single list shows.
fn refuse_excess(manifest: &Manifest) -> Result<(), ManifestError> {
    let refuse = |what, count: usize, limit: usize| match count > limit {
        true => Err(ManifestError::TooMany { what, count: count as u64, limit: limit as u64 }),
        false => Ok(()),
    };
    for level in 0..=MAX_LEVEL {
        let refs = manifest.pages.iter().filter(|p| p.level == level).count();
        refuse("references of one level", refs, MAX_REFS_PER_LEVEL)?;
    }
    let dead = manifest.dead_branches.iter().map(|b| b.entries.len()).sum();
    refuse("entries of dead branches", dead, MAX_DEAD_ENTRIES)
}

fn refuse_anomalies(anomalies: Vec<Anomaly>) -> Result<(), ManifestError> {
    let others = anomalies.len().saturating_sub(1);
    match anomalies.into_iter().next() {
        None => Ok(()),
        Some(first) => Err(ManifestError::Algebra { first: Box::new(first), others }),
    }
}

fn expect_origin(
    cluster: &ClusterId,
    tip: &TopicIdPartition,
    found_cluster: &ClusterId,
    found_tip: &TopicIdPartition,
) -> Result<(), ManifestError> {
    if found_cluster == cluster && found_tip == tip {
        return Ok(());
    }
    Err(ManifestError::Foreign {
        cluster: cluster.clone(),
        tip: Box::new(tip.clone()),
        found_cluster: found_cluster.clone(),
        found_tip: Box::new(found_tip.clone()),
    })
}
