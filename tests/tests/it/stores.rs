//! The behaviours that Firnline needs of a store, against every real server and emulator.

use firnline_store::credentials::{AwsKeys, CredentialInputs, NamedText};
use firnline_store::{Env, Secret, Store, StoreSettings};
use firnline_tests::stores::{Azurite, Gcs, Minio, S3User, SeaweedFs};

fn open(url: &str, endpoint: &str, account: Option<&str>, credentials: &CredentialInputs) -> Store {
    let mut settings = StoreSettings::new(url.parse().expect("an address of ours"));
    settings.endpoint = Some(endpoint.to_owned());
    settings.account = account.map(ToOwned::to_owned);
    settings.allow_http = true;
    // The least that S3 takes, so that a multipart upload is small.
    settings.part_size = firnline_store::MIN_PART_SIZE;
    Store::open(settings, credentials, Env::system()).expect("open the store")
}

/// An S3 store as one user.
pub(crate) fn open_s3(url: &str, endpoint: &str, user: S3User) -> Store {
    open(url, endpoint, None, &s3_keys(user))
}

fn s3_keys(user: S3User) -> CredentialInputs {
    let keys = AwsKeys {
        access_key_id: user.access_key,
        secret_access_key: Secret::new(user.secret_key),
        session_token: None,
    };
    CredentialInputs { aws_keys: Some(keys), ..CredentialInputs::default() }
}

mod minio {
    use super::*;

    fn store() -> Store {
        let server = Minio::shared();
        let url = format!("s3://{}/some/prefix", server.bucket("conformance"));
        open_s3(&url, &server.endpoint(), Minio::root())
    }

    firnline_store::conformance_suite!(store());
}

mod seaweedfs {
    use super::*;

    fn store() -> Store {
        let server = SeaweedFs::shared();
        let url = format!("s3://{}/some/prefix", server.bucket("conformance"));
        open_s3(&url, &server.endpoint(), SeaweedFs::user())
    }

    firnline_store::conformance_suite!(store());
}

mod gcs {
    use super::*;

    fn store() -> Store {
        let server = Gcs::shared();
        let url = format!("gs://{}/some/prefix", server.bucket("conformance"));
        let account =
            NamedText { path: "service-account.json".into(), text: Secret::new(server.service_account()) };
        let key = CredentialInputs { gcp_service_account: Some(account), ..CredentialInputs::default() };
        open(&url, &server.endpoint(), None, &key)
    }

    firnline_store::conformance_suite!(store());
}

mod azurite {
    use super::*;

    fn store() -> Store {
        let server = Azurite::shared();
        let url = format!("az://{}/some/prefix", server.container("conformance"));
        let key = CredentialInputs {
            azure_access_key: Some(Secret::new(Azurite::KEY)),
            ..CredentialInputs::default()
        };
        open(&url, &server.endpoint(), Some(Azurite::ACCOUNT), &key)
    }

    firnline_store::conformance_suite!(store());
}
