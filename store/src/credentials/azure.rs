//! Azure: every way is object_store's own; this only hands over what the binary read.
//!
//! Order: account key, workload identity (client, tenant and token file), client secret, shared access signature, managed
//! identity.

use super::CredentialInputs;
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};

/// The variables from which a token is had, with object_store's name for each.
const VARIABLES: [(&str, AzureConfigKey); 6] = [
    ("AZURE_CLIENT_ID", AzureConfigKey::ClientId),
    ("AZURE_CLIENT_SECRET", AzureConfigKey::ClientSecret),
    ("AZURE_TENANT_ID", AzureConfigKey::AuthorityId),
    ("AZURE_FEDERATED_TOKEN_FILE", AzureConfigKey::FederatedTokenFile),
    ("AZURE_AUTHORITY_HOST", AzureConfigKey::AuthorityHost),
    ("IDENTITY_ENDPOINT", AzureConfigKey::MsiEndpoint),
];

/// Tells the builder where credentials come from, and tells the caller in words. Makes no request.
pub(crate) fn azure(
    builder: MicrosoftAzureBuilder,
    inputs: &CredentialInputs,
) -> (MicrosoftAzureBuilder, String) {
    let said = |builder, origin: &str| (builder, origin.to_owned());
    if inputs.anonymous {
        return said(builder.with_skip_signature(true), "unsigned requests");
    }
    if let Some(key) = &inputs.azure_access_key {
        return said(builder.with_access_key(key.expose()), "account key in the configuration");
    }
    if let Some(token) = &inputs.azure_sas_token {
        let builder = builder.with_config(AzureConfigKey::SasKey, token.expose());
        return said(builder, "shared access signature in the configuration");
    }
    if let Some(key) = inputs.variable("AZURE_STORAGE_ACCOUNT_KEY") {
        return said(builder.with_access_key(key), "account key in the environment");
    }
    let set = |variable: &str| inputs.variable(variable).is_some();
    let application = set("AZURE_CLIENT_ID") && set("AZURE_TENANT_ID");
    let origin = if application && set("AZURE_FEDERATED_TOKEN_FILE") {
        "workload identity"
    } else if application && set("AZURE_CLIENT_SECRET") {
        "client secret in the environment"
    } else if let Some(token) = inputs.variable("AZURE_STORAGE_SAS_TOKEN") {
        let builder = builder.with_config(AzureConfigKey::SasKey, token);
        return said(builder, "shared access signature in the environment");
    } else {
        "managed identity"
    };
    let builder =
        VARIABLES.iter().fold(builder, |builder, (variable, key)| match inputs.variable(variable) {
            Some(value) => builder.with_config(*key, value),
            None => builder,
        });
    said(builder, origin)
}
