//! `firnline status`

use firnline_tier::cluster::SummaryReader;

use super::context::Context;
use crate::args::{GlobalArgs, StatusArgs};
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes, of};
use crate::output::Out;
use crate::status::{StatusPage, Unread, of_bucket, show};
use crate::surroundings::Surroundings;

/// Asks the sidecar, else the bucket.
pub async fn run(args: StatusArgs, global: &GlobalArgs, around: Surroundings, out: &mut Out) -> Result<Exit> {
    #[cfg(feature = "sidecar")]
    if args.by_brokers {
        return super::status_brokers::run(args, global, around, out).await;
    }
    let StatusArgs { sidecar, bucket, json, .. } = args;
    let context = Context::new(global, None, around)?;
    let typed = sidecar.is_some();
    let address = if bucket { None } else { sidecar.or(context.config.http.listen.value.0) };
    let page = match asked(address).await {
        Ok(page) => page,
        // Whoever names a sidecar means that one.
        Err(why) if typed => return Err(why.into()),
        Err(why) => match from_bucket(&context).await {
            Ok(page) => page,
            Err(crate::failure::Stop::Failed(failure)) if failure.code == codes::NO_TIER => {
                return Err(why
                    .note("and no tier was named, in whose bucket sidecars leave summaries")
                    .into());
            }
            Err(stop) => return Err(stop),
        },
    };
    if json {
        out.json(&page)?;
    } else {
        show(&page, context.now().get(), out)?;
    }
    out.flush()?;
    Ok(page.exit())
}

/// What the sidecar tells; else why it tells nothing.
#[cfg(feature = "sidecar")]
async fn asked(address: Option<std::net::SocketAddr>) -> std::result::Result<StatusPage, Failure> {
    let silent = |what: String| Failure::new(&codes::SILENT, what);
    let Some(address) = address else { return Err(silent("no sidecar was asked".to_owned())) };
    let read = crate::http::get(address, "/status").await;
    let body = read.map_err(|error| silent(format!("ask the sidecar at {address}")).caused_by(error))?;
    serde_json::from_slice(&body)
        .map_err(|error| silent(format!("understand the sidecar at {address}")).caused_by(error))
}

#[cfg(not(feature = "sidecar"))]
async fn asked(_: Option<std::net::SocketAddr>) -> std::result::Result<StatusPage, Failure> {
    Err(Failure::new(&codes::SILENT, "this build cannot ask a sidecar"))
}

async fn from_bucket(context: &Context) -> Result<StatusPage> {
    let tier = context.tier().await?;
    let mut reader = SummaryReader::new();
    let failed = reader.refresh(&tier, None).await.map_err(of::cluster)?;
    let unread = failed
        .into_iter()
        .map(|(node, error)| Unread { node: node.get(), why: of::cluster(error).sentence() })
        .collect();
    let summaries: Vec<_> = reader.summaries().collect();
    Ok(of_bucket(tier.cluster_id().to_string(), &summaries, unread, context.now().get()))
}
