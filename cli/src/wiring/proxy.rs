//! `[proxy]` to a proxy's settings.

use firnline_proxy::proxy::{Address, ProxyLimits, ProxySettings};

use super::count;
use crate::config::sections::ProxySection;
use crate::config::{self, Config};

/// The settings of a proxy.
pub fn proxy(config: &Config) -> ProxySettings {
    let ProxySection {
        upstream,
        listen,
        advertise_host,
        base_port,
        expected_nodes,
        pass_unknown,
        // Of the tier that it fills from.
        delete_records: _,
        // Of the process, not of the proxy.
        http_listen: _,
        limits_connections,
        limits_brokers,
        limits_requests_memory,
        limits_answers_memory,
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
        expected_nodes: expected_nodes.value.as_ref().map(|nodes| nodes.0.clone()),
        pass_unknown: pass_unknown.value,
        limits: ProxyLimits {
            connections: count(limits_connections.value.0),
            nodes: count(limits_brokers.value.0),
            requests_bytes: limits_requests_memory.value.0,
            answers_bytes: limits_answers_memory.value.0,
            idle: timeout_idle.value.0,
            stall: timeout_stall.value.0,
            connect: timeout_connect.value.0,
            drain: timeout_drain.value.0,
            tier_age: tier_interval.value.0,
            ..ProxyLimits::default()
        },
    }
}
