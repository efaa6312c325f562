//! Which right a denied request lacks, in the words of each cloud's own policies, so that an operator can paste it.

use crate::counts::RequestKind;
use crate::url::StoreUrl;

/// The right that a request takes and what it has to be granted on; `None` for a file system, whose error says it.
pub(crate) fn needed(url: &StoreUrl, kind: RequestKind, key: &str) -> Option<String> {
    match url {
        StoreUrl::S3 { bucket, .. } => {
            let bucket = format!("arn:aws:s3:::{bucket}");
            let object = format!("{bucket}/{}", full_key(url, key));
            Some(match kind {
                RequestKind::List => format!("`s3:ListBucket` on `{bucket}`"),
                // Whoever may not list is not told that an object is missing either.
                RequestKind::Get | RequestKind::Head => format!(
                    "`s3:GetObject` on `{object}` (or, if there is no such object, `s3:ListBucket` on `{bucket}`)"
                ),
                _ => format!("`{}` on `{object}`", s3_write(kind)),
            })
        }
        StoreUrl::Gcs { bucket, .. } => Some(format!("{} on bucket `{bucket}`", gcs(kind))),
        StoreUrl::Azure { container, .. } => Some(format!("{} on container `{container}`", azure(kind))),
        StoreUrl::Directory { .. } | StoreUrl::Memory => None,
    }
}

fn full_key(url: &StoreUrl, key: &str) -> String {
    if url.prefix().is_empty() { key.to_owned() } else { format!("{}/{key}", url.prefix()) }
}

fn s3_write(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Delete => "s3:DeleteObject",
        RequestKind::Abort => "s3:AbortMultipartUpload",
        _ => "s3:PutObject",
    }
}

fn gcs(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Get | RequestKind::Head => "`storage.objects.get`",
        RequestKind::List => "`storage.objects.list`",
        RequestKind::Put | RequestKind::Create => "`storage.objects.create`",
        // Replacing an object counts as deleting the one before.
        RequestKind::Update => "`storage.objects.create` and `storage.objects.delete`",
        RequestKind::Begin | RequestKind::Part | RequestKind::Complete => {
            "`storage.objects.create` and `storage.multipartUploads.create`"
        }
        RequestKind::Abort => "`storage.multipartUploads.abort`",
        RequestKind::Delete => "`storage.objects.delete`",
    }
}

/// The data action of a role, and the letter of a shared access signature.
fn azure(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Get | RequestKind::Head => {
            "`Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read` (in a SAS: `r`)"
        }
        RequestKind::List => {
            "`Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read` (in a SAS: `l`)"
        }
        RequestKind::Delete => {
            "`Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete` (in a SAS: `d`)"
        }
        _ => "`Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write` (in a SAS: `w`)",
    }
}

#[cfg(test)]
mod tests {
    use super::needed;
    use crate::counts::RequestKind;
    use crate::url::StoreUrl;

    fn url(text: &str) -> StoreUrl {
        text.parse().expect("valid address")
    }

    #[test]
    fn every_request_to_a_cloud_has_a_right_with_the_bucket_it_is_granted_on() {
        for store in ["s3://bucket/pre/fix", "gs://bucket/pre/fix", "az://bucket/pre/fix"] {
            for kind in RequestKind::ALL {
                let right = needed(&url(store), kind, "k").unwrap_or_else(|| panic!("{store} {kind:?}"));
                assert!(right.starts_with('`') && right.contains("bucket"), "{right}");
            }
        }
        assert_eq!(needed(&url("memory:"), RequestKind::Get, "k"), None);
        assert_eq!(needed(&url("/var/tier"), RequestKind::Put, "k"), None);
    }

    #[test]
    fn right_names_the_whole_key_with_and_without_a_prefix() {
        let put = |store| needed(&url(store), RequestKind::Put, "a/b");
        assert_eq!(put("s3://b/p/q").as_deref(), Some("`s3:PutObject` on `arn:aws:s3:::b/p/q/a/b`"));
        assert_eq!(put("s3://b").as_deref(), Some("`s3:PutObject` on `arn:aws:s3:::b/a/b`"));
    }
}
