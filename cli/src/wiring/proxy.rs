//! `[proxy]` to a proxy's settings.

use firnline_proxy::proxy::{Address, NodeNames, ProxyLimits, ProxySettings};
use firnline_proxy::tls::{ClientCertificate, Tls, UpstreamMaterial, UpstreamTls};

use super::count;
use super::tls::{bytes, listener, secret};
use crate::config::sections::ProxySection;
use crate::config::{self, Config};
use crate::failure::{Result, of};
use crate::surroundings::Surroundings;

/// The settings of a proxy.
pub fn proxy(config: &Config) -> ProxySettings {
    let ProxySection {
        upstream,
        listen,
        advertise_host,
        base_port,
        expected_nodes,
        pass_unknown,
        // How both legs are protected: below.
        tls_cert_file: _,
        tls_key: _,
        tls_client_ca_file: _,
        broker_tls_enabled: _,
        broker_tls_ca_file: _,
        broker_tls_cert_file: _,
        broker_tls_key: _,
        cold_for_all: _,
        sni_hosts,
        sni_port,
        time_travel,
        // Of the tier that it fills from.
        delete_records: _,
        // Of the process, not of the proxy.
        http_listen: _,
        limits_connections,
        limits_connections_per_address,
        limits_entering,
        limits_brokers,
        limits_requests_memory,
        limits_answers_memory,
        limits_sessions_memory,
        limits_answer_size,
        limits_cold_rate,
        limits_cold_rate_per_client,
        timeout_entry,
        timeout_idle,
        timeout_stall,
        timeout_connect,
        timeout_drain,
        tier_interval,
    } = &config.proxy;
    let address = |config::Address { host, port }: &config::Address| Address {
        host: host.as_str().into(),
        port: *port,
    };
    ProxySettings {
        upstream: upstream.value.0.iter().map(address).collect(),
        listen: listen.value.0,
        advertised_host: advertise_host.value.as_ref().map(|host| host.0.as_str().into()),
        node_port_base: base_port.value.map(|port| count(port.0)),
        node_names: sni_hosts.value.as_ref().and_then(|hosts| NodeNames::new(&hosts.0)),
        advertised_port: sni_port.value.map(|port| count(port.0)),
        expected_nodes: expected_nodes.value.as_ref().map(|nodes| nodes.0.clone()),
        pass_unknown: pass_unknown.value,
        time_travel: time_travel.value,
        limits: ProxyLimits {
            connections: count(limits_connections.value.0),
            connections_of_address: count(limits_connections_per_address.value.0),
            entering: count(limits_entering.value.0),
            entry: timeout_entry.value.0,
            cold_bytes: count(limits_answer_size.value.0),
            cold_rate: limits_cold_rate.value.as_ref().map(|rate| rate.0),
            cold_rate_of_client: limits_cold_rate_per_client.value.as_ref().map(|rate| rate.0),
            nodes: count(limits_brokers.value.0),
            requests_bytes: limits_requests_memory.value.0,
            answers_bytes: limits_answers_memory.value.0,
            sessions_bytes: limits_sessions_memory.value.0,
            idle: timeout_idle.value.0,
            stall: timeout_stall.value.0,
            connect: timeout_connect.value.0,
            drain: timeout_drain.value.0,
            tier_age: tier_interval.value.0,
            ..ProxyLimits::default()
        },
    }
}

/// How both legs are protected, as the files are now.
#[derive(Debug)]
pub struct Legs {
    /// Of the ports that clients come to.
    pub tls: Option<Tls>,
    /// To brokers.
    pub upstream: Option<UpstreamTls>,
}

/// Reads the files of certificates and keys.
pub fn legs(config: &Config, around: &Surroundings) -> Result<Legs> {
    let proxy = &config.proxy;
    let tls = listener("proxy", &proxy.tls_cert_file, &proxy.tls_key, &proxy.tls_client_ca_file, around)?;
    if !proxy.broker_tls_enabled.value {
        return Ok(Legs { tls, upstream: None });
    }
    let authorities_pem = proxy.broker_tls_ca_file.value.as_ref().map(bytes).transpose()?;
    let client = match (&proxy.broker_tls_cert_file.value, &proxy.broker_tls_key.value) {
        (Some(cert_file), Some(key)) => Some(ClientCertificate {
            chain_pem: bytes(cert_file)?,
            key_pem: secret("proxy.broker_tls.key", key, around)?,
        }),
        _ => None,
    };
    let upstream = UpstreamTls::new(&UpstreamMaterial { authorities_pem, client });
    let upstream = upstream.map_err(|error| of::server(error.code(), error))?;
    Ok(Legs { tls, upstream: Some(upstream) })
}
