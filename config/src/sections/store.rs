//! `[store]`

use firnline_store::{MIN_PART_SIZE, StoreUrl};

use crate::secret::SecretRef;
use crate::section;
use crate::value::{Bytes, ClassName, Count, FilePath, Text, Wait};

section! {
    /// Where the tier is, and how to talk to it.
    StoreSection as "store" {
        /// The tier: `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX`, `file:///DIR` or a directory.
        /// `--store` and `FIRNLINE_STORE` stand before it.
        "url" => url: Option<StoreUrl> = "";
        /// `http(s)://HOST[:PORT]` of an S3-compatible server or an emulator, in place of the cloud's own.
        /// `AWS_ENDPOINT_URL_S3` and `AWS_ENDPOINT_URL` stand in for it.
        "endpoint" => endpoint: Option<Text> = "";
        /// The bucket's region (S3). `AWS_REGION` and `AWS_DEFAULT_REGION` stand in for it; without any, `us-east-1`.
        "region" => region: Option<Text> = "";
        /// The storage account (Azure, required there). `AZURE_STORAGE_ACCOUNT_NAME` and `AZURE_STORAGE_ACCOUNT` stand in
        /// for it.
        "account" => account: Option<Text> = "";
        /// `https://ENDPOINT/BUCKET/KEY` in place of `https://BUCKET.ENDPOINT/KEY` (S3). Not set: path style exactly where
        /// an endpoint is given, which is what S3-compatible servers expect.
        "path_style" => path_style: Option<bool> = "";
        /// Whether an endpoint without TLS is acceptable. Not set: only where the endpoint is this machine itself.
        "allow_http" => allow_http: Option<bool> = "";
        /// A file of certificates (PEM) that are trusted besides the system's.
        "ca_bundle" => ca_bundle: Option<FilePath> = "";
        /// The KMS key that S3 encrypts with. Not set: the bucket's default.
        "sse_kms_key" => sse_kms_key: Option<Text> = "";
        /// The storage class of segment objects, such as `STANDARD_IA`. Not set: the bucket's default. Manifests and other
        /// small objects stay in the default class.
        "storage_class" => storage_class: Option<ClassName> = "";
        /// Bytes per part of a large upload. 10,000 parts are the most that S3 takes, so this bounds the largest segment.
        "part_size" => part_size: Bytes<{ MIN_PART_SIZE }, { 1 << 30 }> = "16MiB";
        /// Parts of one upload under way at once. Memory for them comes out of `limits.upload_memory`.
        "upload_concurrency" => upload_concurrency: Count<1, 64> = "4";
        /// How long a read may take with all its retries.
        "deadline.read" => deadline_read: Wait<100, 600_000> = "30s";
        /// How long a write of one object or part may take with all its retries.
        "deadline.write" => deadline_write: Wait<100, 3_600_000> = "2m";
        /// How long one attempt may take, besides one second for each 512 KiB that it carries.
        "deadline.attempt" => deadline_attempt: Wait<100, 600_000> = "10s";
        /// How long setting up a connection may take.
        "deadline.connect" => deadline_connect: Wait<100, 60_000> = "5s";
        /// The most requests made for one operation; 1 = no retry.
        "retry.attempts" => retry_attempts: Count<1, 100> = "16";
        /// Send unsigned requests: public buckets and emulators.
        "anonymous" => anonymous: bool = "false";
        /// The AWS profile. It stands before keys in the environment.
        "aws.profile" => aws_profile: Option<Text> = "";
        /// An AWS key's id. It and the secret stand before every other source; without them come the environment,
        /// profiles, web identity, the container's and the machine's own role, in this order.
        "aws.access_key_id" => aws_access_key_id: Option<Text> = "";
        /// The secret of `aws.access_key_id`.
        "aws.secret_access_key" => aws_secret_access_key: Option<SecretRef> = "";
        /// The session token, where the keys are temporary.
        "aws.session_token" => aws_session_token: Option<SecretRef> = "";
        /// The storage account's key (Azure).
        "azure.access_key" => azure_access_key: Option<SecretRef> = "";
        /// A shared access signature (Azure).
        "azure.sas_token" => azure_sas_token: Option<SecretRef> = "";
        /// A service account's key file (GCS). Without it: application default credentials, then the machine's own.
        "gcp.service_account_file" => gcp_service_account_file: Option<FilePath> = "";
        /// A list of prices for `cost` and the summary of `offload`; docs/cli.md says how to begin one. Not set: Amazon S3,
        /// us-east-1.
        "price_file" => price_file: Option<FilePath> = "";
    }
}
