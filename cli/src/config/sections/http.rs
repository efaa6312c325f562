//! `[http]`

use crate::config::value::Listen;
use firnline_config::section;

section! {
    /// The port on which `firnline offload` shows how it is: `/metrics`, `/health/live`, `/health/ready`, `/status`. It
    /// answers reads only, and nothing there changes anything. `firnline status` looks here first.
    HttpSection as "http" {
        /// The address, as `IP:PORT`, or `off`. Whoever can reach it may read names of topics and how far they are; so it is
        /// this machine alone unless you say otherwise. Two sidecars on one machine need two ports. Restart to change.
        "listen" => listen: Listen = "127.0.0.1:9655";
    }
}
