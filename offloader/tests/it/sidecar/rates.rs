//! Rates hold within a segment too, and are lifted where they must be.

use std::future::Future;

use firnline_offloader::sidecar::Pressure;

use super::*;
use crate::world::Writer;

const MIB: u64 = 1 << 20;

/// A sealed file of 16 MiB, with a small one behind it.
async fn one_large_file() -> Bench {
    let bench = Bench::new(1).await;
    {
        let mut model = bench.model.lock().unwrap();
        let mut writer = Writer { next: 0, epoch: 0 };
        let file = (0..32).map(|_| writer.data(1, (MIB / 2) as usize, None)).collect();
        model.broker(1).files.push(file);
        model.write(&[1], 2);
    }
    bench
}

fn at_rate(of_all: Option<u64>, of_topic: Option<u64>) -> SidecarSettings {
    let policy = TopicPolicy { target_bytes: 0, bytes_per_second: of_topic, ..TopicPolicy::default() };
    SidecarSettings {
        policy_of: Arc::new(move |_| policy.clone()),
        bytes_per_second: of_all,
        look_interval: Duration::from_secs(1),
        pressure: Pressure { free_below: 1, ..Pressure::default() },
        ..each_file()
    }
}

/// After how many seconds the file was in the tier, where `meanwhile` happens beside it.
async fn seconds_until_committed(
    bench: &Bench,
    sidecar: &Sidecar,
    meanwhile: impl Future<Output = ()>,
) -> u64 {
    let watch = async {
        for seconds in 0..60 {
            if bench.tier_end().await >= 32 {
                return seconds;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        panic!("never: {:?}", sidecar.status());
    };
    let sidecars = [sidecar];
    let ((), seconds, ()) = futures::join!(bench.run(&sidecars, 70), watch, meanwhile);
    seconds
}

#[tokio::test(start_paused = true)]
async fn a_large_segment_goes_up_as_fast_as_the_rate_says_and_no_faster() {
    for (settings, seconds) in [
        (at_rate(None, None), 0..4),
        (at_rate(Some(MIB), None), 14..20),
        (at_rate(None, Some(MIB)), 14..20),
        (at_rate(Some(2 * MIB), Some(MIB)), 14..20),
        (at_rate(Some(MIB), Some(2 * MIB)), 14..20),
    ] {
        let bench = one_large_file().await;
        let sidecar = bench.sidecar(1, settings).await;
        let half = async {
            tokio::time::sleep(Duration::from_secs(8)).await;
            let sent = bench.tier.store().counters().bytes_out;
            assert!(seconds.start == 0 || sent <= 9 * MIB, "{sent} bytes are sent already");
        };
        let found = seconds_until_committed(&bench, &sidecar, half).await;
        assert!(seconds.contains(&found), "{found} s, not {seconds:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_disk_under_pressure_lifts_the_rate_of_what_is_under_way() {
    let bench = one_large_file().await;
    let sidecar = bench.sidecar(1, at_rate(Some(MIB / 16), Some(MIB / 16))).await;
    let fills = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        bench.model.lock().unwrap().broker(1).free = 0;
    };
    let found = seconds_until_committed(&bench, &sidecar, fills).await;
    assert!((5..10).contains(&found), "{found} s");
}

#[tokio::test(start_paused = true)]
async fn another_rate_holds_for_what_is_under_way() {
    let bench = one_large_file().await;
    let sidecar = bench.sidecar(1, at_rate(Some(MIB / 16), None)).await;
    let raised = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        sidecar.apply(at_rate(Some(4 * MIB), None));
    };
    let found = seconds_until_committed(&bench, &sidecar, raised).await;
    assert!((7..13).contains(&found), "{found} s");
}
