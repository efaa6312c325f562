//! Azure: every way is object_store's own; this only hands over what the binary read.
//!
//! Order, as there: account key, workload identity (client, tenant and token file), client secret, shared access
//! signature, managed identity.

use super::CredentialInputs;
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};

/// The variables that object_store knows a setting for.
const VARIABLES: [(&str, AzureConfigKey); 6] = [
    ("AZURE_CLIENT_ID", AzureConfigKey::ClientId),
    ("AZURE_CLIENT_SECRET", AzureConfigKey::ClientSecret),
    ("AZURE_TENANT_ID", AzureConfigKey::AuthorityId),
    ("AZURE_FEDERATED_TOKEN_FILE", AzureConfigKey::FederatedTokenFile),
    ("AZURE_AUTHORITY_HOST", AzureConfigKey::AuthorityHost),
    ("IDENTITY_ENDPOINT", AzureConfigKey::MsiEndpoint),
];

/// Tells the builder where credentials come from, and tells the caller in words. Makes no request.
pub(crate) fn azure(builder: MicrosoftAzureBuilder, inputs: &CredentialInputs) -> (MicrosoftAzureBuilder, String) {
    let said = |builder, origin: &str| (builder, origin.to_owned());
    if inputs.anonymous {
        return said(builder.with_skip_signature(true), "unsigned requests");
    }
    if let Some(key) = &inputs.azure_access_key {
        return said(builder.with_access_key(key.expose()), "account key in the configuration");
    }
    if let Some(token) = &inputs.azure_sas_token {
        return said(builder.with_config(AzureConfigKey::SasKey, token.expose()), "shared access signature in the configuration");
    }
    if let Some(key) = inputs.variable("AZURE_STORAGE_ACCOUNT_KEY") {
        return said(builder.with_access_key(key), "account key in the environment");
    }
    let mut builder = builder;
    for (variable, key) in VARIABLES {
        if let Some(value) = inputs.variable(variable) {
            builder = builder.with_config(key, value);
        }
    }
    let set = |variable: &str| inputs.variable(variable).is_some();
    let application = set("AZURE_CLIENT_ID") && set("AZURE_TENANT_ID");
    if application && set("AZURE_FEDERATED_TOKEN_FILE") {
        return said(builder, "workload identity");
    }
    if application && set("AZURE_CLIENT_SECRET") {
        return said(builder, "client secret in the environment");
    }
    if let Some(token) = inputs.variable("AZURE_STORAGE_SAS_TOKEN") {
        return said(
            builder.with_config(AzureConfigKey::SasKey, token),
            "shared access signature in the environment",
        );
    }
    said(builder, "managed identity")
}
