//! What a proxy starts from: the config, with what was typed laid over it.

use std::path::PathBuf;

use crate::args::{GlobalArgs, ProxyArgs};
use crate::commands::config;
use crate::commands::context::Context;
use crate::commands::standing::said;
use crate::config::{List, Origin, SecretRef, Set};
use crate::failure::Result;
use crate::surroundings::Surroundings;
use crate::wiring::{self, Legs};

/// The config in force, and what holds over it.
#[derive(Debug)]
pub(super) struct Typed {
    /// The config, and the world.
    pub(super) context: Context,
    tier: Option<String>,
    upstream: Vec<String>,
    listen: Option<String>,
    advertise_host: Option<String>,
    base_port: Option<String>,
}

impl Typed {
    /// Reads the config and lays the command line over it.
    pub(super) fn new(args: ProxyArgs, global: &GlobalArgs, around: Surroundings) -> Result<Self> {
        let ProxyArgs {
            tier,
            upstream,
            listen,
            advertise_host,
            base_port,
            // Set up before anything else; see `crate::run`.
            log_format: _,
            log_level: _,
        } = args;
        let context = Context::new(global, tier.as_deref(), around)?;
        let mut typed = Self { context, tier, upstream, listen, advertise_host, base_port };
        typed.lay()?;
        Ok(typed)
    }

    fn lay(&mut self) -> Result<()> {
        let proxy = &mut self.context.config.proxy;
        if !self.upstream.is_empty() {
            let address = |text: &String| said("--upstream", text).map(|set| set.value);
            let value = List(self.upstream.iter().map(address).collect::<Result<_>>()?);
            proxy.upstream = Set { value, origin: Origin::CommandLine };
        }
        if let Some(listen) = &self.listen {
            proxy.listen = said("--listen", listen)?;
        }
        if let Some(host) = &self.advertise_host {
            proxy.advertise_host = said("--advertise-host", host)?;
        }
        if let Some(port) = &self.base_port {
            proxy.base_port = said("--base-port", port)?;
        }
        Ok(())
    }

    /// Reads the config again. Gives the keys that differ and need a restart, and how both legs are protected. Fails without
    /// changing anything.
    pub(super) fn read_again(&mut self, global: &GlobalArgs) -> Result<(Vec<String>, Legs)> {
        let context = Context::new(global, self.tier.as_deref(), self.context.around.clone())?;
        let before = std::mem::replace(&mut self.context, context);
        match self.lay().and_then(|()| self.legs()) {
            Ok(legs) => Ok((before.config.proxy_needing_restart(&self.context.config), legs)),
            Err(error) => {
                self.context = before;
                Err(error)
            }
        }
    }
}

impl Typed {
    /// How both legs are protected, by the files as they are now.
    pub(super) fn legs(&self) -> Result<Legs> {
        wiring::legs(&self.context.config, &self.context.around)
    }

    /// Files that are read again when they change.
    pub(super) fn files(&self, global: &GlobalArgs) -> Vec<PathBuf> {
        let proxy = &self.context.config.proxy;
        let mut files: Vec<PathBuf> = config::path(global, &self.context.around).into_iter().collect();
        let named = [
            &proxy.tls_cert_file,
            &proxy.tls_client_ca_file,
            &proxy.broker_tls_ca_file,
            &proxy.broker_tls_cert_file,
        ];
        files.extend(named.into_iter().filter_map(|file| Some(file.value.as_ref()?.0.clone())));
        for key in [&proxy.tls_key, &proxy.broker_tls_key] {
            if let Some(SecretRef::File(key)) = &key.value {
                files.push(key.clone());
            }
        }
        files
    }
}
