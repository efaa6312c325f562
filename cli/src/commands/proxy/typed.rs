//! What a proxy starts from: the config, with what was typed laid over it.

use crate::args::{GlobalArgs, ProxyArgs};
use crate::commands::context::Context;
use crate::commands::selection::usage;
use crate::config::{List, Origin, Set, Value};
use crate::failure::Result;
use crate::surroundings::Surroundings;

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

    /// Reads the config again. Gives the keys that differ and need a restart. Fails without changing anything.
    pub(super) fn read_again(&mut self, global: &GlobalArgs) -> Result<Vec<String>> {
        let context = Context::new(global, self.tier.as_deref(), self.context.around.clone())?;
        let before = std::mem::replace(&mut self.context, context);
        if let Err(error) = self.lay() {
            self.context = before;
            return Err(error);
        }
        Ok(before.config.proxy_needing_restart(&self.context.config))
    }
}

fn said<T: Value>(flag: &str, text: &str) -> Result<Set<T>> {
    let value = T::parse(text).map_err(|error| usage(format!("{flag}: {error}")))?;
    Ok(Set { value, origin: Origin::CommandLine })
}
