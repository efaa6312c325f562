use super::fake::{Fake, ok, status};
use super::*;
use crate::credentials::azure::azure;
use object_store::azure::{AzureCredential, MicrosoftAzureBuilder};

async fn token(inputs: &CredentialInputs, http: &Http) -> (String, String) {
    let builder = MicrosoftAzureBuilder::new()
        .with_account("account")
        .with_container_name("c")
        .with_http_connector(http.connector())
        .with_client_options(http.options.clone());
    let (builder, origin) = azure(builder, inputs);
    let client = builder.build().expect("built");
    let said = match &*client.credentials().get_credential().await.expect("a credential") {
        AzureCredential::BearerToken(token) => token.clone(),
        AzureCredential::SASToken(pairs) => {
            let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("sas {}", pairs.join(" "))
        }
        AzureCredential::AccessKey(_) => "key".to_owned(),
    };
    (origin, said)
}

#[tokio::test]
async fn managed_identity_asks_the_metadata_service() {
    let fake = Fake::start(|seen, _| {
        if seen.header("metadata") == "true" && seen.field("resource") == "https://storage.azure.com" {
            ok(format!(r#"{{"access_token":"MI-{}","expires_on":"4102444800"}}"#, seen.field("client_id")))
        } else {
            status(400, "")
        }
    })
    .await;
    let (origin, said) = token(&with(&[("AZURE_CLIENT_ID", "me")]), &fake.redirect()).await;
    assert_eq!((origin.as_str(), said.as_str()), ("managed identity", "MI-me"));
    assert_eq!(fake.seen()[0].meant, "http://169.254.169.254");
    let elsewhere = format!("{}/msi", fake.url());
    let (_, said) = token(&with(&[("IDENTITY_ENDPOINT", &elsewhere)]), &Fake::direct()).await;
    assert_eq!(said, "MI-");
    assert!(fake.seen()[1].target.starts_with("/msi?"));
}

#[tokio::test]
async fn workload_identity_trades_the_token_file() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "K8S").expect("written");
    let fake = Fake::start(|seen, _| {
        assert_eq!(seen.target, "/tenant/oauth2/v2.0/token");
        let (client, assertion) = (seen.field("client_id"), seen.field("client_assertion"));
        ok(format!(r#"{{"access_token":"WI-{client}-{assertion}","expires_in":3600}}"#))
    })
    .await;
    let inputs = with(&[
        ("AZURE_CLIENT_ID", "app"),
        ("AZURE_TENANT_ID", "tenant"),
        ("AZURE_FEDERATED_TOKEN_FILE", file.path().to_str().expect("text")),
    ]);
    let (origin, said) = token(&inputs, &fake.redirect()).await;
    assert_eq!((origin.as_str(), said.as_str()), ("workload identity", "WI-app-K8S"));
    assert_eq!(fake.seen()[0].meant, "https://login.microsoftonline.com");
}

#[tokio::test]
async fn a_client_secret_is_traded_at_the_authority_named() {
    let fake = Fake::start(|seen, _| {
        ok(format!(r#"{{"access_token":"CS-{}","expires_in":3600}}"#, seen.field("client_secret")))
    })
    .await;
    let authority = fake.url();
    let inputs = with(&[
        ("AZURE_CLIENT_ID", "app"),
        ("AZURE_TENANT_ID", "tenant"),
        ("AZURE_CLIENT_SECRET", "shh"),
        ("AZURE_AUTHORITY_HOST", &authority),
    ]);
    let (origin, said) = token(&inputs, &Fake::direct()).await;
    assert_eq!((origin.as_str(), said.as_str()), ("client secret in the environment", "CS-shh"));
}

#[tokio::test]
async fn keys_and_signatures_need_no_request() {
    let key = "AAAA";
    let mut inputs =
        with(&[("AZURE_STORAGE_ACCOUNT_KEY", key), ("AZURE_STORAGE_SAS_TOKEN", "?sv=1&sig=x+%2F%3D")]);
    assert_eq!(
        token(&inputs, &Fake::direct()).await,
        ("account key in the environment".into(), "key".into())
    );
    inputs.environment.remove("AZURE_STORAGE_ACCOUNT_KEY");
    let signature = "sas sv=1 sig=x+/=";
    assert_eq!(
        token(&inputs, &Fake::direct()).await,
        ("shared access signature in the environment".into(), signature.into())
    );
    inputs.azure_sas_token = Some(Secret::from("sv=2"));
    assert_eq!(token(&inputs, &Fake::direct()).await.1, "sas sv=2");
    inputs.azure_access_key = Some(Secret::from(key));
    assert_eq!(
        token(&inputs, &Fake::direct()).await,
        ("account key in the configuration".into(), "key".into())
    );
}
