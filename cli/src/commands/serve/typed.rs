//! What a server starts from: the config, with what was typed laid over it.

use std::path::PathBuf;
use std::sync::Arc;

use firnline_index::{ClusterId, TimestampMs};
use firnline_proxy::serve::{Anonymous, AsOf, Rights, Topics};
use firnline_reader::{Disks, DisksSettings};

use super::as_of::Asked;
use crate::args::{GlobalArgs, ServeArgs};
use crate::commands::config;
use crate::commands::context::Context;
use crate::commands::selection::usage;
use crate::commands::standing::said;
use crate::config::SecretRef;
use crate::failure::{Failure, Result, of};
use crate::selector::TopicPattern;
use crate::surroundings::Surroundings;
use crate::wiring::{self, Doors};

/// The config in force, and what holds over it.
#[derive(Debug)]
pub(super) struct Typed {
    /// The config, and the world.
    pub(super) context: Context,
    /// Topics that whoever does not log in may read.
    topics: Vec<TopicPattern>,
    as_of: Option<Asked>,
    log_dirs: Vec<PathBuf>,
    beyond_checkpoint: bool,
    insecure_anonymous: bool,
    tier: Option<String>,
    listen: Option<String>,
    advertise: Option<String>,
}

impl Typed {
    /// Reads the config and lays the command line over it.
    pub(super) fn new(args: ServeArgs, global: &GlobalArgs, around: Surroundings) -> Result<Self> {
        let ServeArgs {
            tier,
            listen,
            advertise,
            topic,
            as_of,
            log_dir: log_dirs,
            beyond_checkpoint,
            insecure_anonymous,
            // Set up before anything else; see `crate::run`.
            log_format: _,
            log_level: _,
        } = args;
        let topics = topic.iter().map(|text| text.parse().map_err(usage));
        let topics = topics.collect::<std::result::Result<Vec<TopicPattern>, Failure>>()?;
        let context = Context::new(global, tier.as_deref(), around)?;
        let now = TimestampMs::new(context.env.clock.now_ms().max(0)).unwrap_or(TimestampMs::ZERO);
        let as_of = Asked::parse(&as_of, now).map_err(|why| usage(format!("--as-of: {why}")))?;
        let mut typed = Self {
            context,
            topics,
            as_of,
            log_dirs,
            beyond_checkpoint,
            insecure_anonymous,
            tier,
            listen,
            advertise,
        };
        typed.lay()?;
        Ok(typed)
    }

    fn lay(&mut self) -> Result<()> {
        let serve = &mut self.context.config.serve;
        if let Some(listen) = &self.listen {
            serve.listen = said("--listen", listen)?;
        }
        if let Some(advertise) = &self.advertise {
            serve.advertise = said("--advertise", advertise)?;
        }
        Ok(())
    }

    /// Reads the config again. Gives the keys that differ and need a restart, who may read what, and how it is known who comes.
    /// Fails without changing anything.
    pub(super) fn read_again(&mut self, global: &GlobalArgs) -> Result<(Vec<String>, Arc<Rights>, Doors)> {
        let context = Context::new(global, self.tier.as_deref(), self.context.around.clone())?;
        let before = std::mem::replace(&mut self.context, context);
        let read = self.lay().and_then(|()| Ok((self.rights()?, self.doors()?)));
        match read {
            Ok((rights, doors)) => {
                Ok((before.config.server_needing_restart(&self.context.config), rights, doors))
            }
            Err(error) => {
                self.context = before;
                Err(error)
            }
        }
    }

    /// Where logs end that are to be seen as they stood.
    pub(super) fn as_of(&self, topics: &Topics) -> Result<Option<AsOf>> {
        let resolved = self.as_of.as_ref().map(|asked| asked.resolve(topics)).transpose();
        Ok(resolved.map_err(|why| usage(format!("--as-of: {why}")))?)
    }

    /// Opens the log directories of stopped brokers, if any are named; they belong to this cluster, or tell theirs.
    pub(super) fn disks(&self, cluster_id: Option<ClusterId>) -> Result<Option<Arc<Disks>>> {
        if self.log_dirs.is_empty() {
            return Ok(None);
        }
        let settings = DisksSettings {
            paths: self.log_dirs.clone(),
            cluster_id,
            beyond_checkpoint: self.beyond_checkpoint,
        };
        let random = Arc::clone(&self.context.env.random);
        Ok(Some(Arc::new(Disks::open(settings, random).map_err(of::disks)?)))
    }

    /// Whom the server lets in without a login. Refused where that was typed, and the config has everybody log in.
    pub(super) fn anonymous(&self, doors: &Doors) -> Result<Anonymous> {
        let typed = if self.insecure_anonymous {
            Some("--insecure-anonymous")
        } else {
            (!self.topics.is_empty()).then_some("--topic")
        };
        match (doors.ask_who(), typed) {
            (true, Some(flag)) => Err(usage(format!(
                "{flag} is for whoever does not log in, and [serve] lets in nobody without a login"
            ))
            .into()),
            (true, None) => Ok(Anonymous::Nobody),
            (false, _) if self.insecure_anonymous => Ok(Anonymous::Anybody),
            (false, _) => Ok(Anonymous::Loopback),
        }
    }

    /// How who comes is known, by the files as they are now.
    pub(super) fn doors(&self) -> Result<Doors> {
        wiring::doors(&self.context.config, &self.context.around)
    }

    /// Who may read what.
    pub(super) fn rights(&self) -> Result<Arc<Rights>> {
        wiring::rights(&self.context.config, &self.topics).map(Arc::new)
    }

    /// Files that are read again when they change.
    pub(super) fn files(&self, global: &GlobalArgs) -> Vec<PathBuf> {
        let serve = &self.context.config.serve;
        let mut files: Vec<PathBuf> = config::path(global, &self.context.around).into_iter().collect();
        let named = [&serve.tls_cert_file, &serve.tls_client_ca_file, &serve.users_file];
        files.extend(named.into_iter().filter_map(|file| Some(file.value.as_ref()?.0.clone())));
        if let Some(SecretRef::File(key)) = &serve.tls_key.value {
            files.push(key.clone());
        }
        files
    }
}
